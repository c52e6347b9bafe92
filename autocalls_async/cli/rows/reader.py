"""Rows of a campaign's file, checked and made into messages.

Pure: no clock, no asyncio, and nothing is opened here; bytes come from a stream
that was lent. A row that cannot be sent is a `BadRow`; only what makes every
further line doubtful ends the reading, with a `FileError`.
"""

from collections.abc import Collection, Iterator
from typing import IO, Any

from attrs import evolve, field, frozen

from autocalls_async.cli.choices import FileFormat, HiddenRows
from autocalls_async.cli.rows.phones import PhoneReader, text_of
from autocalls_async.cli.rows.private import bare_cell
from autocalls_async.cli.tables.headings import (
    find_twice,
    fold,
    missing_of,
    show_headings,
)
from autocalls_async.cli.tables.jsonl import read_objects
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.tables.table import Table, TableSource, read_table
from autocalls_async.cli.texts.places import Cells, Notice, is_blank
from autocalls_async.cli.texts.rendering import (
    TEMPLATE_COLUMN,
    ByRow,
    FreeText,
    by_row,
    read_whole,
)
from autocalls_async.model.messages import Message
from autocalls_async.phones import Numbers

_HIDDEN = (
    "the sheet hides this row, perhaps by a filter; --hidden-rows skip leaves such"
    " rows out, send takes them"
)
_OWN_COLUMNS = ("sender_id", "key", TEMPLATE_COLUMN, "time_zone")
"""Headings that are known without being asked for."""


@frozen(kw_only=True)
class Row:
    """A row that can be sent.

    Attributes:
        line_number: Where it begins in the file; the first line is 1.
        given_phone: The recipient's number as the file has it, where it was
            normalised.
        notices: What somebody should look at before it goes.
    """

    line_number: int
    message: Message
    given_phone: str | None = None
    notices: tuple[Notice, ...] = ()


@frozen(kw_only=True)
class BadRow:
    """A row that cannot be sent, and why.

    Attributes:
        settled_by: Which ways of meaning its number would let it be read, where
            that is all that is wrong.
    """

    line_number: int
    reason: str
    settled_by: frozenset[Numbers] = frozenset()


@frozen(kw_only=True)
class RowReader:
    """Makes rows of a file.

    Args:
        source: How it is written.
        content: What to send to each recipient.
        sender_id: The sender of rows that name none.
        phones: Reads the recipients' numbers.
        hidden_rows: What is done with rows that a sheet hides; `None` calls them bad.
        reads_zone: A column `time_zone` says whose clocks a row's hours go by.
        needs_zone: There are none for a row that does not say it.
    """

    source: TableSource
    content: ByRow = field(factory=ByRow, converter=by_row)
    sender_id: int | None = None
    phones: PhoneReader = field(factory=PhoneReader)
    hidden_rows: HiddenRows | None = None
    reads_zone: bool = False
    needs_zone: bool = False

    def read(self, file: IO[bytes]) -> Iterator[Row | BadRow]:
        """Return the rows, each as soon as it was read.

        Args:
            file: Read from where it stands; it stays open.

        Raises:
            FileError: The rest of the file cannot be read as rows.
        """
        if self.source.file_format is FileFormat.JSONL:
            return self._read_jsonl(file)
        return self._read_table(file)

    def _read_table(self, file: IO[bytes]) -> Iterator[Row | BadRow]:
        known = (self.phones.name, *self.content.columns, *_OWN_COLUMNS)
        table = read_table(file, self.source, known=known)
        self._check_header(table)
        was_guarded = self.source.file_format is FileFormat.CSV
        for line_number, values in table.rows():
            if line_number in table.hidden and self.hidden_rows is not HiddenRows.SEND:
                if self.hidden_rows is None:
                    yield BadRow(line_number=line_number, reason=_HIDDEN)
                continue
            if isinstance(values, str):
                yield BadRow(line_number=line_number, reason=values)
                continue
            cells = table.cells(values)
            if was_guarded and "key" in cells:  # a spreadsheet may have had the file
                cells["key"] = bare_cell(cells["key"].strip())
            yield self._make_row(line_number, cells, known=table.headings)

    def _check_header(self, table: Table) -> None:
        known = (self.phones.name, *self.content.columns, *_OWN_COLUMNS)
        where = f"line {table.header_line}"
        if twice := find_twice(table.headings, known):
            msg = f"{where}: column {twice!r} is there twice"
            raise FileError(msg)
        try:
            self._check_columns(table.headings)
        except ValueError as error:
            msg = f"{where}: {error}"
            raise FileError(msg) from error
        if self.sender_id is None and "sender_id" not in map(fold, table.headings):
            msg = "it has no column 'sender_id': set AUTOCALLS_SENDER_ID or give "
            msg += "--sender-id"
            raise FileError(msg)
        if self.needs_zone and "time_zone" not in map(fold, table.headings):
            msg = "it has no column 'time_zone': --hours needs one, or --tz, such as "
            msg += "Europe/Berlin"
            raise FileError(msg)

    def _check_columns(self, headings: Collection[str]) -> None:
        wanted = (self.phones.name, *self.content.required(headings))
        if missing := missing_of(wanted, known=headings):
            msg = f"there is no column {' or '.join(map(repr, missing))}; "
            msg += f"there is {show_headings(headings)}{self._hint(missing[0])}"
            raise ValueError(msg)
        self.content.check_places(headings)

    def _hint(self, missing: str) -> str:
        """Return which option a missing column is named by."""
        content = self.content.otherwise
        if missing == self.phones.name:
            return "; --phone-column names the numbers' column"
        if isinstance(content, FreeText) and content.text is None:
            if missing == content.column:
                return "; --text-column names the texts' column, --message gives one"
            return ""
        return "; a place in --message or --var must name a column"

    def _read_jsonl(self, file: IO[bytes]) -> Iterator[Row | BadRow]:
        for line_number, found in read_objects(file, encoding=self.source.encoding):
            if isinstance(found, str):
                yield BadRow(line_number=line_number, reason=found)
                continue
            cells = {fold(name): value for name, value in found.items()}
            if len(cells) == len(found):
                yield self._make_row(line_number, cells, known=found)
            else:
                reason = "two of its columns have the same name but for case or blanks"
                yield BadRow(line_number=line_number, reason=reason)

    def _make_row(
        self, line_number: int, cells: Cells, *, known: Collection[str]
    ) -> Row | BadRow:
        try:
            if self.source.file_format is FileFormat.JSONL:
                self._check_columns(known)
            given = cells[fold(self.phones.name)]
            try:
                phone = self.phones.read(given)
            except ValueError as error:
                settled_by = self.phones.settled_by(given)
                return BadRow(
                    line_number=line_number, reason=str(error), settled_by=settled_by
                )
            return self._read_cells(line_number, cells, phone)
        except ValueError as error:
            return BadRow(line_number=line_number, reason=str(error))

    def _read_cells(self, line_number: int, cells: Cells, phone: str) -> Row:
        notices: list[Notice] = []
        message = self.content.make(
            cells,
            notices.append,
            recipient_phone=phone,
            sender_id=self._choose_sender(cells.get("sender_id")),
            key=_choose_key(cells.get("key")),
        )
        if self.reads_zone:
            zone = self._choose_zone(cells.get("time_zone"))
            message = evolve(message, time_zone=zone)
        given = str(text_of(cells[fold(self.phones.name)])).strip()
        return Row(
            line_number=line_number,
            message=message,
            given_phone=given if given != phone else None,
            notices=tuple(notices),
        )

    def _choose_zone(self, value: object) -> Any:  # noqa: ANN401  # checked where it is used
        if not is_blank(value):
            return value.strip() if isinstance(value, str) else value
        if self.needs_zone:
            msg = "it has no time_zone, and no --tz was given"
            raise ValueError(msg)
        return None

    def _choose_sender(self, value: object) -> Any:  # noqa: ANN401  # checked where it is used
        if not is_blank(value):
            return read_whole(value)
        if self.sender_id is None:
            msg = "it has no sender_id, and no --sender-id was given"
            raise ValueError(msg)
        return self.sender_id


def _choose_key(value: object) -> Any:  # noqa: ANN401  # checked where it is used
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else value
