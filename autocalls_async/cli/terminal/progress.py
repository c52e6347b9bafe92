"""A campaign's progress: as lines or as a bar while it runs, in tables at its end."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autocalls_async.campaign.progress import Progress
from autocalls_async.cli.terminal.outcomes import OUTCOME_STYLES
from autocalls_async.cli.terminal.screen import Screen, print_text
from autocalls_async.cli.terminal.tables import make_table
from autocalls_async.cli.terminal.words import count, duration, plain, show_time

_LIVE_SECONDS = 0.2
_PLAIN_SECONDS = 5.0
_MOST_REASONS = 20


def outcome_table(progress: Progress) -> Table:
    """Make the table of how many messages ended in which way."""
    table = make_table(
        "Outcomes", ("outcome", "messages", "share"), numbers=("messages", "share")
    )
    for name, style in OUTCOME_STYLES.items():
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


def progress_line(progress: Progress, *, total: int) -> str:
    """Return how far it is: `120 of 300, 4.8 accepted a second, about 38 s left`."""
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


def _waiting(progress: Progress) -> str:
    """Return how many wait, and until when: `80 wait until Mon 30 Nov 09:00 CET`."""
    waits = f"{progress.aside:,} wait" if progress.aside else "waiting"
    until = progress.waits_until
    return waits if until is None else f"{waits} until {show_time(until)}"


def outcome_counts(progress: Progress) -> str:
    """Return how many ended in which way: `118 accepted, 2 rejected`."""
    numbers = [(getattr(progress, name), name) for name in OUTCOME_STYLES]
    return ", ".join(f"{number:,} {name}" for number, name in numbers if number)


def bar_style(progress: Progress) -> str:
    """Return the bar's colour: green while all is well, else that of what is worst."""
    for name in ("unknown", "rejected", "unsent"):
        if getattr(progress, name):
            return OUTCOME_STYLES[name]
    return OUTCOME_STYLES["accepted"]


def show_progress(screen: Screen, *, total: int) -> "ProgressDisplay":
    """Show progress: live on a terminal, as plain lines elsewhere."""
    if screen.may_move:
        return LiveProgress(screen.err, total=total)
    return PlainProgress(screen.warn, total=total)


class ProgressDisplay(Protocol):
    """Shows the progress of one run."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """Show no more."""

    def update(self, progress: Progress) -> None:
        """Show where it is now."""

    def say(self, text: str) -> None:
        """Write a line beside it."""

    @property
    def seconds(self) -> float:
        """How often to update."""


class PlainProgress:
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

    def update(self, progress: Progress) -> None:
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


class LiveProgress:
    """Draws a bar that moves, and the counts below it."""

    seconds = _LIVE_SECONDS

    def __init__(self, console: Console, *, total: int) -> None:
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

    def update(self, progress: Progress) -> None:
        """Draw where it is now."""
        self._live.update(self._draw(progress), refresh=True)

    def say(self, text: str) -> None:
        """Write a line above the bar."""
        print_text(self._console, text)

    def _draw(self, progress: Progress) -> Group:
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
        for name, style in OUTCOME_STYLES.items():
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
