"""Whether a single message may wait: told at once where it surely waits in vain.

Pure: no I/O, no clock, no asyncio. Instants are on the loop's clock.
"""

from collections.abc import Mapping
from math import inf

from autocalls_async.model.errors import QueueFullError, RateLimitedError
from autocalls_async.policy.lanes import BULK_SHARE, Lane
from autocalls_async.policy.pace import Pace


def estimated_wait(waiting: Mapping[Lane, int], pace: Pace, *, now: float) -> float:
    """Return the seconds that a new interactive message would probably wait."""
    ahead = waiting[Lane.INTERACTIVE]
    if waiting[Lane.BULK]:
        ahead += ahead // (BULK_SHARE - 1)  # of a long line, each fifth is bulk
    begins = pace.earliest(now) - now
    if begins == inf:
        begins = pace.round_trips.mean  # the next answer tells
    return begins + ahead * pace.seconds_per_send


def paused_beyond(
    deadline: float | None, pace: Pace, *, now: float
) -> RateLimitedError | None:
    """Return what becomes of a message whose time ends before a known pause does."""
    if deadline is None or pace.not_before <= max(deadline, now):
        return None
    return RateLimitedError(status=429, retry_after=pace.not_before - now)


def hopeless(
    deadline: float | None, ahead_count: int, pace: Pace, *, now: float
) -> QueueFullError | None:
    """Return what becomes of a message that surely gets no turn within its time.

    Args:
        deadline: When its time is up.
        ahead_count: Messages before it that need a slot, as far as is known.
        pace: Of the account.
        now: The instant of its coming.
    """
    least = ahead_count * pace.limit.gap
    if deadline is None or now + least < deadline:
        return None
    return QueueFullError(
        detail=(
            f"{ahead_count} messages wait before it, so it would wait some"
            f" {least:.0f} s for its turn, and its timeout is {deadline - now:.0f} s;"
            " give it a longer timeout, or send many messages with send_many()"
        ),
        wait_seconds=least,
    )


def full(most: int, *, wait_seconds: float) -> QueueFullError:
    """Return what becomes of a message where `max_queued` wait already."""
    return QueueFullError(
        detail=f"{most} messages wait already, "
        f"so it would have waited {wait_seconds:.1f} s",
        wait_seconds=wait_seconds,
    )
