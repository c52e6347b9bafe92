"""What people see: lines, tables, and a campaign's progress while it runs."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autocalls_async.cli.terminal.words import (
    count,
    duration,
    plain,
    printable,
    show_time,
    to_json,
)

if TYPE_CHECKING:
    from autocalls_async.campaign.progress import Progress

STYLES = {
    "accepted": "green",
    "rejected": "yellow",
    "unsent": "cyan",
    "unknown": "magenta",
}
"""Of each outcome, in the order in which they are shown."""

_LIVE_SECONDS = 0.2
_PLAIN_SECONDS = 5.0
_MOST_REASONS = 20

# A pipe has no width; this lets most tables stay unfolded.
_PIPE_WIDTH = 160


# A longer title folds rather than widen its table.
_MIN_TITLE = 60


class Screen:
    """Where people's text goes: standard output, or errors beside `--json`."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.out: Console = _console(stderr=as_json)
        self.err: Console = _console(stderr=True)

    def say(self, text: str = "", style: str = "") -> None:
        """Write a paragraph."""
        _print(self.out, text, style)

    def offer(self, what: str, command: str) -> None:
        """Write a command to copy: no line end of ours may cut it in two."""
        self.out.print(Text(printable(f"{what}: {command}")), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Write a line that is not what was asked for."""
        _print(self.err, text)

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
            self.out.print(table)

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

    def watch(self, *, total: int) -> "Watch":
        """Show progress: live on a terminal, as plain lines elsewhere."""
        # A live display and lines of JSON would write over each other.
        if _is_live(self.err) and not (
            self.as_json and _console(stderr=False).is_terminal
        ):
            return LiveWatch(self.err, total=total)
        return PlainWatch(self.warn, total=total)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console


def _is_live(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal


def _print(console: Console, text: str, style: str = "") -> None:
    # A terminal gets whole words, a pipe each message as one line.
    is_pipe = not console.is_terminal
    console.print(Text(printable(text), style=style), soft_wrap=is_pipe)


class _PrintableTable(Table):
    """A table whose cells cannot steer a terminal, whoever wrote them."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:  # noqa: ANN401  # rich's
        super().add_row(*map(_printable_cell, cells), **options)


def _printable_cell(cell: RenderableType | None) -> RenderableType | None:
    match cell:
        case str():
            return printable(cell)
        case Text():
            return Text(printable(cell.plain), style=cell.style)
    return cell


def make_table(
    title: str,
    columns: Sequence[str],
    *,
    numbers: Sequence[str] = (),
    folding: Sequence[str] = (),
) -> Table:
    """Make an empty table.

    Args:
        title: What it is about.
        columns: Their headings.
        numbers: Those whose cells stand to the right.
        folding: Those that give way where room is short, besides the last.
    """
    table = _PrintableTable(
        title=Text(printable(title), style="bold"),
        title_justify="left",
        min_width=min(cell_len(title), _MIN_TITLE),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        header_style="dim",
    )
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in numbers else "left",
            no_wrap=name not in {*folding, columns[-1]},
            overflow="fold",
        )
    return table


def fact_table(title: str, facts: Iterable[tuple[str, object]]) -> Table:
    """Make a table of names and values."""
    table = make_table(title, ("", ""))
    table.show_header = False
    for name, value in facts:
        table.add_row(Text(name, style="dim"), Text(plain(value)))
    return table


def outcome_table(progress: "Progress") -> Table:
    """Make the table of how many messages ended in which way."""
    table = make_table(
        "Outcomes", ("outcome", "messages", "share"), numbers=("messages", "share")
    )
    for name, style in STYLES.items():
        number = getattr(progress, name)
        share = f"{number / progress.done:.1%}" if progress.done else "-"
        style_here = style if number else "dim"
        table.add_row(name, f"{number:,}", share, style=style_here)
    table.add_row("together", f"{progress.done:,}", "", style="bold")
    return table


def reason_table(reasons: Counter[tuple[str, str]]) -> Table:
    """Make the table of why messages were not accepted, by error and code."""
    table = make_table(
        "Why not accepted", ("error", "code", "messages"), numbers=("messages",)
    )
    for (error, code), number in reasons.most_common(_MOST_REASONS):
        table.add_row(error, plain(code) or "-", f"{number:,}")
    return table


def progress_line(progress: "Progress", *, total: int) -> str:
    """Say how far it is: `120 of 300, 4.8 accepted a second, about 38 s left`."""
    parts = [f"{progress.done:,} of {total:,}"]
    if progress.doubt is not None:
        return f"{parts[0]}, paused: {progress.doubt}"
    if progress.aside or progress.waits_until is not None:
        return f"{parts[0]}, {_waiting(progress)}"
    if progress.done == total:
        parts.append(f"in {duration(progress.elapsed)}")
    elif progress.accepted > 1 and progress.elapsed:
        # Not `progress.rate`: a closed window takes no time, and a rate above the
        # limit would look like a breach of it.
        parts.append(f"{progress.accepted / progress.elapsed:.1f} accepted a second")
    if progress.eta is not None and progress.done < total:
        parts.append(f"about {duration(progress.eta)} left")
    return ", ".join(parts)


def _waiting(progress: "Progress") -> str:
    """Say how many wait, and until when: `80 wait until Mon 30 Nov 09:00 CET`."""
    waits = f"{progress.aside:,} wait" if progress.aside else "waiting"
    until = progress.waits_until
    return waits if until is None else f"{waits} until {show_time(until)}"


def outcome_counts(progress: "Progress") -> str:
    """Say how many ended in which way: `118 accepted, 2 rejected`."""
    numbers = [(getattr(progress, name), name) for name in STYLES]
    return ", ".join(f"{number:,} {name}" for number, name in numbers if number)


def bar_style(progress: "Progress") -> str:
    """Return the bar's colour: green while all is well, else that of what is worst."""
    for name in ("unknown", "rejected", "unsent"):
        if getattr(progress, name):
            return STYLES[name]
    return STYLES["accepted"]


class Watch(Protocol):
    """Shows the progress of one run."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """Show no more."""

    def update(self, progress: "Progress") -> None:
        """Show where it is now."""

    def say(self, text: str) -> None:
        """Write a line beside it."""

    @property
    def seconds(self) -> float:
        """How often to update."""


class PlainWatch:
    """Writes a line from time to time."""

    seconds = _PLAIN_SECONDS

    def __init__(self, write: Callable[[str], None], *, total: int) -> None:
        self._write = write
        self._total = total
        self._last = ""

    def __enter__(self) -> Self:
        """Say what begins."""
        self._write(f"sending {count(self._total, 'message')}")
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: lines stay."""

    def update(self, progress: "Progress") -> None:
        """Write where it is now."""
        counts = outcome_counts(progress)
        line = progress_line(progress, total=self._total)
        line = f"{line}; {counts}" if counts else line
        if line != self._last:  # a night is long
            self._write(line)
        self._last = line

    def say(self, text: str) -> None:
        """Write a line."""
        self._write(text)


class LiveWatch:
    """Draws a bar that moves, and the counts below it."""

    seconds = _LIVE_SECONDS

    def __init__(self, console: Console, *, total: int) -> None:
        # Where a campaign is watched, it is here already.
        from autocalls_async.campaign.progress import Progress  # noqa: PLC0415

        self._console = console
        self._total = total
        self._live = Live(
            self._draw(Progress(total=total)),
            console=console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=True,  # a warning of the log stands above it
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last picture where it is."""
        self._live.stop()

    def update(self, progress: "Progress") -> None:
        """Draw where it is now."""
        self._live.update(self._draw(progress), refresh=True)

    def say(self, text: str) -> None:
        """Write a line above the bar."""
        _print(self._console, text)

    def _draw(self, progress: "Progress") -> Group:
        line = Table.grid(padding=(0, 2, 0, 0), expand=False)
        bar = ProgressBar(
            total=self._total,
            completed=progress.done,
            width=26,
            complete_style=bar_style(progress),
            finished_style=bar_style(progress),
        )
        line.add_row(bar, progress_line(progress, total=self._total))
        counts = Text()
        for name, style in STYLES.items():
            number = getattr(progress, name)
            counts.append(f"{number:,} {name}   ", style=style if number else "dim")
        return Group(line, counts)


@contextmanager
def every(seconds: float, step: Callable[[], None]) -> Iterator[None]:
    """Do something again and again, on the running event loop."""
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def wait() -> None:
        timers[:] = [loop.call_later(seconds, tick)]

    def tick() -> None:
        step()
        wait()

    wait()
    try:
        yield
    finally:
        timers[0].cancel()
