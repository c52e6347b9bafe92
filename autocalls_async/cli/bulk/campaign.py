"""A campaign: its options, and its rows, opened and read again.

The file is read twice, so that every row is checked before the first message
leaves, and no more than a few rows are ever in memory.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO

from attrs import frozen

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.connection import Connection
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
from autocalls_async.cli.terminal.words import quote
from autocalls_async.http.settings import DEFAULT_BASE_URL
from autocalls_async.model.messages import Message

STANDARD_INPUT = "-"
DEFAULT_RATE = 5


@frozen(kw_only=True)
class Campaign:
    """What is to be sent, and how: the options of `bulk`.

    Attributes:
        file: Where the rows are; `-` is standard input.
        text: What to write to each recipient, with places for columns; `None`
            takes column `message`.
        template_id: The template to send instead of free text.
        variables: Its variables, such as `1={name}`.
        fallback_id: The template to send where the window is closed to free text.
        fallback_variables: Its variables.
        region: Where numbers without a country belong; `None` takes E.164 alone.
        rate: Sends a second.
        skip_bad: Send what can be sent where some rows are bad.
        out: Where each outcome is written.
        overwrite: Let `out` and `report` take the place of a file that is there.
        journal: Keeps what became of each message across runs.
        report: Where the page about the journal is written at the end.
        price: Of one message, for a dry run.
    """

    file: str
    connection: Connection
    file_format: FileFormat | None = None
    text: str | None = None
    template_id: int | None = None
    variables: Sequence[str] = ()
    fallback_id: int | None = None
    fallback_variables: Sequence[str] = ()
    region: str | None = None
    rate: int = DEFAULT_RATE
    skip_bad: bool = False
    out: Path | None = None
    overwrite: bool = False
    journal: Path | None = None
    report: Path | None = None
    price: Decimal | None = None

    def reader(self) -> RowReader:
        """Make the reader of its rows.

        Raises:
            ValueError: Its format or region is unknown, or its text is malformed.
        """
        if self.file == STANDARD_INPUT and self.file_format is None:
            msg = "standard input has no name to tell its format by: give --format"
            raise ValueError(msg)
        return RowReader(
            file_format=self.file_format or format_of(self.file),
            content=self._content(),
            sender_id=self.connection.sender_id,
            region=None if self.region is None else check_region(self.region),
        )

    def _content(self) -> Content:
        fallback = self._fallback()
        if self.template_id is None:
            if self.variables:
                msg = "--var needs --template"
                raise ValueError(msg)
            text = None if self.text is None else parse_text_template(self.text)
            return FreeText(text, fallback)
        if self.text is not None:
            msg = "give --message or --template, not both"
            raise ValueError(msg)
        if fallback is not None:
            msg = "--fallback-template is for free text: --template may go at any time"
            raise ValueError(msg)
        return parse_template(self.template_id, self.variables)

    def _fallback(self) -> TemplateText | None:
        if self.fallback_id is not None:
            return parse_template(
                self.fallback_id, self.fallback_variables, option="--fallback-var"
            )
        if self.fallback_variables:
            msg = "--fallback-var needs --fallback-template"
            raise ValueError(msg)
        return None

    def command(self) -> str:
        """Give the command that sends it, or goes on with it; never the key."""
        named = {
            "--format": self.file_format,
            "--message": self.text,
            "--template": self.template_id,
            "--fallback-template": self.fallback_id,
            "--region": self.region,
            "--journal": self.journal,
            "--report": self.report,
            "--rate": None if self.rate == DEFAULT_RATE else self.rate,
            "--sender-id": self.connection.sender_id,
        }
        words = ["autocalls", "bulk", self.file]
        for name, value in named.items():
            words += [] if value is None else [name, str(value)]
        for pair in self.variables:
            words += ["--var", pair]
        for pair in self.fallback_variables:
            words += ["--fallback-var", pair]
        if self.connection.base_url != DEFAULT_BASE_URL:
            words += ["--base-url", self.connection.base_url]
        words += ["--skip-bad"] * self.skip_bad
        words += ["--overwrite"] * (self.report is not None)
        return quote(*words)


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
