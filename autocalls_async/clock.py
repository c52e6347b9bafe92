"""The clock that everything waits by: that of the running event loop.

No one can set it, and tests make it jump.
"""

import asyncio
from datetime import UTC, datetime


def loop_time() -> float:
    """Return the seconds of the running event loop's clock."""
    return asyncio.get_running_loop().time()


def utc_now() -> datetime:
    """Return what the clock on the wall shows, in UTC.

    A loop whose clock jumps has one of its own, `utc_now`: else a test could not wait
    for the morning.
    """
    own = getattr(asyncio.get_running_loop(), "utc_now", None)
    now: datetime = datetime.now(UTC) if own is None else own()
    return now
