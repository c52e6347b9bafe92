"""A campaign: its options, and its rows, opened and read again.

The file is read twice, so that every row is checked before the first message
leaves, and no more than a few rows are ever in memory.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.rows.phones import check_region
from autocalls_async.cli.rows.reader import (
    BadRow,
    FileError,
    Row,
    RowReader,
    format_of,
)
from autocalls_async.cli.rows.rendering import (
    Content,
    FreeText,
    TemplateText,
    parse_template,
    parse_text_template,
)
from autocalls_async.cli.terminal.failures import CommandError, describe
from autocalls_async.model.messages import Message

STANDARD_INPUT = "-"


def reader_of(campaign: Campaign) -> RowReader:
    """Make the reader of a campaign's rows.

    Raises:
        ValueError: Its format or region is unknown, or its text is malformed.
    """
    if campaign.file == STANDARD_INPUT and campaign.format is None:
        msg = "standard input has no name to tell its format by: give --format"
        raise ValueError(msg)
    region = campaign.region
    if campaign.numbers is not None and region is None:
        msg = "--numbers goes with --region"
        raise ValueError(msg)
    return RowReader(
        file_format=campaign.format or format_of(campaign.file),
        content=_content(campaign),
        sender_id=campaign.connection.sender_id,
        region=None if region is None else check_region(region),
        numbers=None if campaign.numbers is None else campaign.numbers.value,
    )


def _content(campaign: Campaign) -> Content:
    fallback = _fallback(campaign)
    if campaign.template is None:
        if campaign.var:
            msg = "--var needs --template"
            raise ValueError(msg)
        text = campaign.message
        return FreeText(None if text is None else parse_text_template(text), fallback)
    if campaign.message is not None:
        msg = "give --message or --template, not both"
        raise ValueError(msg)
    if fallback is not None:
        msg = "--fallback-template is for free text: --template may go at any time"
        raise ValueError(msg)
    return parse_template(campaign.template, campaign.var or ())


def _fallback(campaign: Campaign) -> TemplateText | None:
    variables = campaign.fallback_var or ()
    if campaign.fallback_template is not None:
        return parse_template(
            campaign.fallback_template, variables, option="--fallback-var"
        )
    if variables:
        msg = "--fallback-var needs --fallback-template"
        raise ValueError(msg)
    return None


@contextmanager
def open_rows(name: str) -> Iterator[IO[bytes]]:
    """Open a file that can be read twice; what cannot is copied aside first.

    Raises:
        CommandError: It cannot be read.
    """
    with ExitStack() as stack:
        try:
            file = _open_to_read_twice(name, stack)
        except OSError as error:
            msg = f"cannot read {name}: {describe(error)}"
            raise CommandError(msg) from error
        yield file


def _open_to_read_twice(name: str, stack: ExitStack) -> IO[bytes]:
    if name == STANDARD_INPUT:
        source: IO[bytes] = sys.stdin.buffer
    else:
        file = Path(name).open("rb")  # noqa: SIM115  # the stack closes it
        source = stack.enter_context(file)
        if source.seekable():  # a named pipe is not
            return source
    copy = tempfile.TemporaryFile()  # noqa: SIM115  # the stack closes it
    stack.enter_context(copy)
    shutil.copyfileobj(source, copy)
    copy.seek(0)
    return copy


class Rows:
    """The messages of the good rows, read anew as they are wanted.

    Args:
        reader: Knows what a row must hold.
        file: Where the rows are.
        total: How many messages there will be.
        choose: Says which of them are wanted; `None` takes all.
    """

    def __init__(
        self,
        reader: RowReader,
        file: IO[bytes],
        *,
        total: int,
        choose: Callable[[Message], bool] | None = None,
    ) -> None:
        self._reader = reader
        self._file = file
        self._total = total
        self._choose = choose
        self._line_numbers: dict[int, int] = {}

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[Message]:
        """Read the file from its beginning.

        Raises:
            FileError: It is no longer the file that was checked.
        """
        read_count = 0
        for row in read_again(self._reader, self._file):
            if self._choose is None or self._choose(row.message):
                read_count += 1
                self._line_numbers[id(row.message)] = row.line_number
                yield row.message
        if read_count != self._total:
            msg = "it changed while it was being sent"
            raise FileError(msg)

    def line_number(self, message: Message) -> int:
        """Give the line of a message that has its outcome, and forget it."""
        return self._line_numbers.pop(id(message))


def read_again(reader: RowReader, file: IO[bytes]) -> Iterator[Row]:
    """Give the good rows once more, from the file's beginning.

    Raises:
        FileError: It cannot be read as rows any more.
    """
    try:
        file.seek(0)
        for row in reader.read(file.readline):
            if not isinstance(row, BadRow):
                yield row
    except OSError as error:
        msg = f"it cannot be read any further: {describe(error)}"
        raise FileError(msg) from error
