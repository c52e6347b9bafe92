"""What the client's tests share: a client of the test's emulator, and people."""

from collections.abc import AsyncIterator

import pytest

from autocalls_async import AutocallsClient
from autocalls_async.emulator import Emulator
from tests.client.people import ANA, SENDER


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AutocallsClient]:
    """Open a client with a default sender; Ana has just written to it."""
    emulator.customer_writes(ANA)
    async with AutocallsClient(
        "1|key-that-nobody-sees", base_url=emulator.base_url, sender_id=SENDER
    ) as opened:
        yield opened
