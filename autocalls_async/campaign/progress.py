"""How far a run has come."""

from collections import Counter
from datetime import datetime
from typing import ClassVar

from attrs import frozen

from autocalls_async.clock import loop_time
from autocalls_async.model.errors import ExcludedError
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain


@frozen(kw_only=True)
class Progress(Plain):
    """How far a run has come, for a progress bar.

    Attributes:
        accepted: Messages that ended as `Accepted`; the others likewise.
        taken: Messages read from the source.
        skipped: Those of them that the journal, or an equal message, had seen to.
        total: How many the source holds, where it has a length.
        elapsed: Seconds since the first message was asked for.
        eta: Seconds until the last will have left, where `total` is known: from
            the limit at first, later from the rate so far. `None` while messages
            are put aside.
        excluded: Those of the unsent that `exclude` kept from leaving.
        aside: Messages that were put aside until they may leave.
        waits_until: When the next of them, or the first of all, may leave, in UTC;
            `None` where none is put aside, or no clock tells.
        doubt: Why nothing leaves for now: the list of those to leave out cannot be
            read.
    """

    accepted: int = 0
    rejected: int = 0
    unsent: int = 0
    unknown: int = 0
    taken: int = 0
    skipped: int = 0
    total: int | None = None
    elapsed: float = 0.0
    eta: float | None = None
    excluded: int = 0
    aside: int = 0
    waits_until: datetime | None = None
    doubt: str | None = None

    _also: ClassVar[tuple[str, ...]] = ("done", "rate")

    @property
    def done(self) -> int:
        """Messages that have an outcome."""
        return self.accepted + self.rejected + self.unsent + self.unknown

    @property
    def rate(self) -> float:
        """Outcomes a second, over the whole run."""
        return self.done / self.elapsed if self.elapsed else 0.0


class Meter:
    """Measures how far a run has come."""

    def __init__(self, *, total: int | None) -> None:
        self._total = total
        self._started_at: float | None = None
        self._ended_at: float | None = None
        self._ends: Counter[type[Outcome]] = Counter()
        self._excluded_count = 0

    @property
    def is_begun(self) -> bool:
        """Whether the first message was asked for."""
        return self._started_at is not None

    @property
    def is_over(self) -> bool:
        """Whether the last outcome was taken."""
        return self._ended_at is not None

    def begin(self) -> None:
        """Let the time run."""
        self._started_at = loop_time()

    def count(self, outcome: Outcome) -> None:
        """Count one."""
        self._ends[type(outcome)] += 1
        if isinstance(outcome, Unsent):
            self._excluded_count += isinstance(outcome.error, ExcludedError)

    def end(self) -> None:
        """Stop the time."""
        self._ended_at = loop_time()

    def read(self, *, taken: int, skipped: int, seconds_per_send: float) -> Progress:
        """Return where the run is now."""
        elapsed = 0.0
        if self._started_at is not None:
            elapsed = (self._ended_at or loop_time()) - self._started_at
        ends, eta = self._ends, None
        if self._total is not None:
            done = ends.total()
            seconds_each = max(elapsed / done if done else 0.0, seconds_per_send)
            eta = (self._total - done - skipped) * seconds_each
        return Progress(
            accepted=ends[Accepted],
            rejected=ends[Rejected],
            unsent=ends[Unsent],
            unknown=ends[Unknown],
            taken=taken,
            skipped=skipped,
            total=self._total,
            elapsed=elapsed,
            eta=eta,
            excluded=self._excluded_count,
        )

    def describe(self, *, taken: int) -> str:
        """Return the same in words, outside the event loop too."""
        state = "under way" if self._ended_at is None else "ended"
        if not self.is_begun:
            state = "not begun: iterate over it"
        kinds = (Accepted, Rejected, Unsent, Unknown)
        counts = [f"{self._ends[kind]} {kind.__name__.lower()}" for kind in kinds]
        return f"{state}; {taken} taken, {', '.join(counts)}"


show_in("autocalls_async", "Progress", of=globals())
