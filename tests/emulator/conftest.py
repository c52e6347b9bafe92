"""What the emulator's own tests share."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from autocalls_async.emulator import Emulator
from tests.emulator.asking import Caller


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that hides nothing: each request has its own connection."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as opened:
        yield opened


@pytest.fixture
async def caller(emulator: Emulator, session: aiohttp.ClientSession) -> Caller:
    """Return somebody who asks the test's emulator."""
    return Caller(emulator, session)
