"""A receiver with its client, and what posts to it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from autocalls_async import AutocallsClient, Deliveries
from autocalls_async.emulator import Emulator
from autocalls_async.webhooks import Receiver, Webhooks
from tests.webhooks.bodies import SECRET, SENDER

TOKEN = "token-nobody-sees"  # noqa: S105  # of nobody


@pytest.fixture(params=["memory", "sqlite"])
def make_deliveries(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[], Deliveries]:
    """Make deliveries over each store in turn."""
    file = None if request.param == "memory" else tmp_path / "receipts.db"
    return lambda: Deliveries(file)


@pytest.fixture
async def answering(
    emulator: Emulator, make_deliveries: Callable[[], Deliveries]
) -> AsyncIterator[AutocallsClient]:
    """Open a client that keeps receipts."""
    async with AutocallsClient(
        "1|key-that-nobody-sees",
        base_url=emulator.base_url,
        sender_id=SENDER,
        deliveries=make_deliveries(),
    ) as client:
        yield client


@pytest.fixture
def hooks(answering: AutocallsClient) -> Webhooks:
    """Make a receiver with all routes."""
    return Webhooks(Receiver(SECRET), answering, inbound_token=TOKEN)
