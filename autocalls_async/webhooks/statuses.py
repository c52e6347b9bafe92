"""Which status of a message counts, of those that came.

Pure: no I/O, no clock, no asyncio. Receipts may come in any order, and again.

Source: API reference, "Read-receipts webhook".
"""

from collections.abc import Mapping
from enum import Enum

RANKS: Mapping[str, int] = {
    "queued": 0,
    "sent": 1,
    # Evidence of arrival beats a failure that was told before.
    "failed": 2,
    "undelivered": 2,
    "delivered": 3,
    "read": 4,
}
"""How far each has come; one that is not here moves nothing."""

UNRANKED = -1
FAILED = frozenset({"failed", "undelivered"})


class Until(Enum):
    """What can be waited for."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"


def rank(status: str) -> int:
    """Return how far a status has come."""
    return RANKS.get(status, UNRANKED)


def moves(status: str, *, since: str | None) -> bool:
    """Whether a message that stood at `since` stands at this status from now on."""
    return rank(status) > (UNRANKED if since is None else rank(since))


def is_over(status: str, until: Until) -> bool:
    """Whether who waits need not wait any longer: it came so far, or failed."""
    return status in FAILED or rank(status) >= RANKS[until.value]
