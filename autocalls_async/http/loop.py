"""The clock that everything waits by: that of the running event loop.

No one can set it, and tests make it jump.
"""

import asyncio


def loop_time() -> float:
    """Return the seconds of the running event loop's clock."""
    return asyncio.get_running_loop().time()
