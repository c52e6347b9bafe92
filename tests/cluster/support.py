"""What the tests of the cluster share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from autocalls_async import FreeformMessage, SendLimit
from autocalls_async.cluster import AccountSettings, Worker
from autocalls_async.emulator import Emulator

KEY = f"1|{uuid4().hex}"
"""Of this process alone: a port may have been another's, whose clients still knock."""

RATE = 50
"""Sends a second, of both sides: the clock is real."""


def hello(text: str = "hello", phone: str = "+14155550123") -> FreeformMessage:
    """Write a free text."""
    return FreeformMessage(recipient_phone=phone, message=text)


def settings_of(emulator: Emulator, **changes: Any) -> AccountSettings:  # noqa: ANN401  # of settings
    """Say how an account reaches the service."""
    known: dict[str, Any] = {"sender_id": 12, "send_limit": SendLimit(RATE)} | changes
    return AccountSettings(KEY, base_url=emulator.base_url, **known)


@asynccontextmanager
async def working(dsn: str, *accounts: str, **settings: Any) -> AsyncIterator[Emulator]:  # noqa: ANN401  # a worker's
    """Have a worker send for accounts to a service that is quick."""
    async with Emulator(api_key=KEY, everyone_is_open=True, rate=RATE) as emulator:
        known = {name: settings_of(emulator) for name in accounts or ("acme",)}
        async with running(Worker(dsn, known, **settings)):
            yield emulator


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """Have a worker work."""
    task = asyncio.create_task(worker.run(handle_signals=False))
    try:
        yield worker
    finally:
        worker.stop()
        await task


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until something holds, or fail."""
    async with asyncio.timeout(20):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)
