"""Rows of a campaign's file, checked and made into messages.

Pure: no clock, no asyncio, and nothing is opened here; bytes come from a stream
that was lent. A row that cannot be sent is a `BadRow`; only what makes every
further line doubtful ends the reading, with a `FileError`.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from attrs import field, frozen

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.rows.private import bare_cell
from autocalls_async.cli.rows.rendering import Cells, Content, FreeText, check_columns
from autocalls_async.cli.terminal.words import count
from autocalls_async.model.checks import check_phone
from autocalls_async.model.messages import Message
from autocalls_async.phones import AmbiguousPhoneError, Numbers, parse_phone

MAX_LINE_BYTES = 1_048_576
"""A longer line is no row: the longest message has 4096 characters."""

ReadLine: TypeAlias = Callable[[int], bytes]
"""`readline` of a binary stream."""


class FileError(ValueError):
    """The file as a whole cannot be used; the text says why."""


_ENDINGS = {
    ".csv": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
}


def format_of(name: str) -> FileFormat:
    """Tell a file's format from the ending of its name.

    Raises:
        ValueError: The ending says nothing.
    """
    for ending, file_format in _ENDINGS.items():
        if name.lower().endswith(ending):
            return file_format
    msg = f"cannot tell the format of {name!r}: its name must end in .csv or .jsonl"
    raise ValueError(msg)


@frozen(kw_only=True)
class Row:
    """A row that can be sent.

    Attributes:
        line_number: Where it begins in the file; the first line is 1.
        given_phone: The recipient's number as the file has it, where it was
            normalised.
    """

    line_number: int
    message: Message
    given_phone: str | None = None


@frozen(kw_only=True)
class BadRow:
    """A row that cannot be sent, and why."""

    line_number: int
    reason: str


@frozen(kw_only=True)
class RowReader:
    """Makes rows of lines.

    Args:
        file_format: How they are written.
        content: What to send to each recipient.
        sender_id: The sender of rows that name none.
        region: Where numbers without a country belong, such as `US`; `None`
            takes E.164 alone.
        numbers: How digits without a plus are meant, all of them.
    """

    file_format: FileFormat
    content: Content = field(factory=FreeText)
    sender_id: int | None = None
    region: str | None = None
    numbers: Numbers | None = None

    def read(self, readline: ReadLine) -> Iterator[Row | BadRow]:
        """Return the rows, each as soon as its line was read.

        Raises:
            FileError: The rest of the file cannot be read as rows.
        """
        lines = _decode(readline)
        if self.file_format is FileFormat.CSV:
            yield from self._read_csv(lines)
        else:
            yield from self._read_jsonl(lines)

    def _read_csv(self, lines: Iterator[str]) -> Iterator[Row | BadRow]:
        records = _csv_records(lines)
        _, header = next(records, (1, None))
        if header is None:
            msg = "it is empty; its first line must name the columns"
            raise FileError(msg)
        columns = [name.strip() for name in header]
        self._check_header(columns)
        for line_number, values in records:
            if len(values) == len(columns):
                cells = dict(zip(columns, values, strict=True))
                if "key" in cells:  # a spreadsheet may have had the file
                    cells["key"] = bare_cell(cells["key"].strip())
                yield self._make_row(line_number, cells)
            else:
                found, wanted = count(len(values), "value"), len(columns)
                reason = f"it has {found}, and the header names {wanted} columns"
                yield BadRow(line_number=line_number, reason=reason)

    def _check_header(self, columns: list[str]) -> None:
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            msg = f"column {twice[0]!r} is there twice"
            raise FileError(msg)
        try:
            check_columns(("recipient_phone", *self.content.columns), known=columns)
        except ValueError as error:
            hint = "; commas separate columns" if _looks_parted(columns) else ""
            msg = f"line 1: {error}{hint}"
            raise FileError(msg) from error
        if self.sender_id is None and "sender_id" not in columns:
            msg = "it has no column 'sender_id': set AUTOCALLS_SENDER_ID or give "
            msg += "--sender-id"
            raise FileError(msg)

    def _read_jsonl(self, lines: Iterator[str]) -> Iterator[Row | BadRow]:
        for line_number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                cells = _json_object(line)
            except ValueError as error:
                yield BadRow(line_number=line_number, reason=str(error))
            else:
                yield self._make_row(line_number, cells)

    def _make_row(self, line_number: int, cells: Cells) -> Row | BadRow:
        try:
            return self._read_cells(line_number, cells)
        except ValueError as error:
            return BadRow(line_number=line_number, reason=str(error))

    def _read_phone(self, phone: object, region: str) -> str:
        try:
            return parse_phone(phone, region=region, numbers=self.numbers)
        except AmbiguousPhoneError as error:
            msg = f"{error}: --numbers international, or --numbers national"
            raise ValueError(msg) from None

    def _read_cells(self, line_number: int, cells: Cells) -> Row:
        check_columns(("recipient_phone", *self.content.columns), known=cells)
        given = cells["recipient_phone"]
        phone = given.strip() if isinstance(given, str) else given
        if self.region is not None:
            phone = self._read_phone(phone, self.region)
        else:
            _check_e164(phone)
        message = self.content.make(
            cells,
            recipient_phone=phone,
            sender_id=self._choose_sender(cells.get("sender_id")),
            key=_choose_key(cells.get("key")),
        )
        changed = isinstance(given, str) and given.strip() != phone
        return Row(
            line_number=line_number,
            message=message,
            given_phone=given if changed else None,
        )

    def _choose_sender(self, value: object) -> Any:  # noqa: ANN401  # checked where it is used
        if isinstance(value, str):
            digits = value.strip()
            is_number = digits.isascii() and digits.isdigit() and len(digits) < 20
            value = int(digits) if is_number else digits or None
        if value is None and self.sender_id is None:
            msg = "it has no sender_id, and no --sender-id was given"
            raise ValueError(msg)
        return self.sender_id if value is None else value


def _check_e164(phone: object) -> None:
    try:
        check_phone("recipient_phone", phone)
    except ValueError as error:
        msg = f"{error}; see --region" if isinstance(phone, str) else str(error)
        raise ValueError(msg) from None


def _choose_key(value: object) -> Any:  # noqa: ANN401  # checked where it is used
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else value


def _looks_parted(columns: list[str]) -> bool:
    """Say whether a single column's name looks like several."""
    return len(columns) == 1 and re.search(r"[;\t]", columns[0]) is not None


def _decode(readline: ReadLine) -> Iterator[str]:
    """Return the lines as text, one by one, so that an error can name its line."""
    lines = iter(lambda: readline(MAX_LINE_BYTES + 1), b"")
    for line_number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_BYTES:
            msg = f"line {line_number} has more than {MAX_LINE_BYTES} bytes"
            raise FileError(msg)
        try:
            text = line.decode("utf-8-sig" if line_number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            msg = f"line {line_number} is not UTF-8; save the file as UTF-8 (in "
            msg += "spreadsheets: CSV UTF-8)"
            raise FileError(msg) from error
        yield text


def _csv_records(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Return each record with the line it begins on; empty ones are left out."""
    # Strict: an open quotation mark would swallow the rest as one message.
    reader = csv.reader(lines, strict=True)
    while True:
        line_number = reader.line_num + 1
        try:
            values = next(reader, None)
        except csv.Error as error:
            msg = f"line {line_number} is not CSV: {error}; look for a stray quote"
            raise FileError(msg) from error
        if values is None:
            return
        if any(values):
            yield line_number, values


def _json_object(line: str) -> Cells:
    try:
        # A number with a point goes into a text as it was written.
        value = json.loads(line, parse_float=str, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        msg = f"it is not JSON: {error.msg} at character {error.pos + 1}"
        raise ValueError(msg) from None
    except RecursionError:
        msg = "it is not a row: it is nested too deeply"
        raise ValueError(msg) from None
    if not isinstance(value, dict):
        msg = f"it must be a JSON object; got a {type(value).__name__}"
        raise ValueError(msg)
    return value


def _refuse_constant(name: str) -> None:
    msg = f"it is not JSON: {name} is no number"
    raise ValueError(msg)
