"""The emulator as a process of its own."""

import asyncio
from collections.abc import Callable

from autocalls_async.emulator.handles.controls import Customer
from autocalls_async.emulator.limits import RateLimit
from autocalls_async.emulator.server import Emulator


async def serve(
    *,
    announce: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = 8080,
    api_key: str | None = None,
    rate_limit: RateLimit | None = RateLimit.SLIDING_LOG,
) -> None:
    """Run an emulator with a ready-made account until cancelled.

    Args:
        announce: Given each line that a person at a terminal should read.
        host: The address to listen on, as a number.
        port: The port; 0 takes a free one.
        api_key: The only key that is let in; None lets any key in.
        rate_limit: How sends are counted; None counts without a limit.

    Raises:
        OSError: The port is taken, or the host is not one of this machine.
    """
    emulator = Emulator(
        api_key=api_key,
        rate_limit=rate_limit,
        host=host,
        port=port,
        record_requests=False,
        record_accepted=False,
        page=True,
    )
    async with emulator:
        announce(f"listening on {emulator.base_url}")
        announce("senders 12 and 15; templates 45, 46 and 47 (pending)")
        for customer in emulator.populate():
            announce(f"{customer.recipient_phone}  {_describe_window(customer)}")
        await asyncio.Event().wait()


def _describe_window(customer: Customer) -> str:
    match customer.seconds_remaining:
        case None:
            return "has never written"
        case 0.0:
            return "window closed"
        case seconds:
            minutes = int(seconds // 60)
            return f"window open for {minutes // 60} h {minutes % 60:02d} min"
