"""A campaign's report: its numbers.

Pure: no I/O, no clock, no asyncio. It holds what it is given: whoever makes the
values masks numbers and leaves texts out.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from attrs import field, frozen

PAUSE_SECONDS = 60.0
"""A longer time without a message is a pause, which counts for no rate."""


@frozen(kw_only=True)
class ReasonCount:
    """Why messages were not accepted, and how many."""

    outcome: str
    error: str
    error_code: str
    count: int


@frozen(kw_only=True)
class UnknownMessage:
    """A message that may have been delivered.

    Attributes:
        key: What identifies it, with the numbers in it masked.
        recipient: Masked.
        handed_over_at: When it was.
    """

    key: str
    recipient: str
    handed_over_at: datetime | None


@frozen(kw_only=True)
class Report:
    """What became of a campaign so far.

    Attributes:
        title: What it is about, such as the journal's name.
        counts: Messages by outcome, in the order in which they are shown.
        reasons: Why those that were not accepted were not.
        unknowns: The first of them.
        unknown_count: How many there are.
        attempt_count: How often a message was about to be handed over, in all runs.
        requests: What the run that just ended asked of the service, by kind; a
            journal keeps attempts alone.
        times: When messages were handed over: seconds since 1970, ascending.
        limit: Messages a second that the account may send.
        rules: What the run that just ended went by, as names and values; a journal
            does not keep them.
    """

    title: str
    counts: Mapping[str, int]
    reasons: Sequence[ReasonCount] = ()
    unknowns: Sequence[UnknownMessage] = ()
    unknown_count: int = 0
    attempt_count: int = 0
    requests: Mapping[str, int] = field(factory=dict)
    times: Sequence[float] = field(default=(), repr=False)
    limit: float = 5.0
    rules: Sequence[tuple[str, str]] = ()

    @property
    def total(self) -> int:
        """How many messages there are."""
        return sum(self.counts.values())

    @property
    def started_at(self) -> datetime | None:
        """When the first message was handed over."""
        return datetime.fromtimestamp(self.times[0], UTC) if self.times else None

    @property
    def ended_at(self) -> datetime | None:
        """When the last one was."""
        return datetime.fromtimestamp(self.times[-1], UTC) if self.times else None

    @property
    def active_seconds(self) -> float:
        """How long it took, without the pauses between runs."""
        gaps = (b - a for a, b in pairwise(self.times))
        return sum(gap for gap in gaps if gap <= PAUSE_SECONDS)

    @property
    def rate(self) -> float | None:
        """Messages handed over a second while it was active."""
        seconds = self.active_seconds
        return (len(self.times) - 1) / seconds if seconds else None


def show_instant(at: datetime | None) -> str:
    """Write an aware UTC time for people."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S %Z}"
