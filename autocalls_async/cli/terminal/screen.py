"""What people see: lines, tables, and what a program is to read."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autocalls_async.cli.terminal.tables import fitted
from autocalls_async.cli.terminal.words import printable, to_json

# A pipe has no width; this lets most tables stay unfolded.
_PIPE_WIDTH = 160


class Screen:
    """Where people's text goes: standard output, or errors beside `--json`."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out: Console = _console(stderr=as_json)
        self.err: Console = _console(stderr=True)

    def say(self, text: str = "", style: str = "") -> None:
        """Write a paragraph."""
        print_text(self.out, text, style)

    def offer(self, what: str, command: str) -> None:
        """Write a command to copy: no line end of ours may cut it in two."""
        self.out.print(Text(printable(f"{what}: {command}")), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Write a line that is not what was asked for."""
        print_text(self.err, text)

    def emit(self, value: object) -> None:
        """Write a value for a program, as a line of JSON, at once.

        Raises:
            OSError: Nobody reads it any more, or its place is full.
        """
        self.put(to_json(value))

    def put(self, line: str) -> None:
        """Write a line of what was asked for, as it is, at once.

        Raises:
            OSError: Nobody reads it any more, or its place is full.
        """
        try:
            print(line, flush=True)  # noqa: T201  # what was asked for
        except OSError:
            # Python would complain once more when it flushes at exit.
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            raise

    def put_text(self, line: str) -> None:
        """Write such a line: to a terminal only what cannot steer it.

        Raises:
            OSError: Nobody reads it any more, or its place is full.
        """
        self.put(printable(line) if sys.stdout.isatty() else line)

    def show(self, *tables: Table) -> None:
        """Write tables after an empty line, side by side where there is room."""
        self.out.print()
        together = Table.grid(padding=(0, 6, 0, 0))
        together.add_row(*tables)
        widths = [self.out.measure(table).maximum for table in tables]
        if sum(widths) + 6 * len(tables) <= self.out.width:
            self.out.print(together)
            return
        for index, table in enumerate(tables):
            if index:
                self.out.print()
            self.out.print(fitted(table, self.out.width))

    def show_listing(self, table: Table) -> None:
        """Write a listing: to a terminal as a table, to a pipe as values and tabs.

        Each line of a pipe has one row, the first one the headings, so that `cut`
        and a spreadsheet read it. What is cut or folded on a terminal is whole here.
        """
        if self.out.is_terminal:
            self.show(table)
            return
        columns = [map(str, column.cells) for column in table.columns]
        self.put("\t".join(str(column.header) for column in table.columns))
        for row in zip(*columns, strict=True):
            self.put("\t".join(row))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Say what is waited for: while it lasts on a terminal, as a line elsewhere."""
        if not _is_live(self.err):
            self.warn(text)
            yield
            return
        with self.err.status(Text(printable(text))):
            yield

    @property
    def may_move(self) -> bool:
        """Whether a picture that moves may be drawn beside what is written."""
        # A live display and lines of JSON would write over each other.
        return _is_live(self.err) and not (
            self.as_json and _console(stderr=False).is_terminal
        )


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console


def _is_live(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal


def print_text(console: Console, text: str, style: str = "") -> None:
    """Write a paragraph, of which nothing can steer a terminal."""
    # A terminal gets whole words, a pipe each message as one line.
    is_pipe = not console.is_terminal
    console.print(Text(printable(text), style=style), soft_wrap=is_pipe)
