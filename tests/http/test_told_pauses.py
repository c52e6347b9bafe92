"""A pause that the service tells as an instant, by its own clock."""

import asyncio

import pytest

from autocalls_async import AutocallsClient
from autocalls_async.emulator import Emulator, Endpoint, Refuse
from tests.people import ANA, SENDER, open_windows

# Years from any clock that runs a test.
TOLD = "Wed, 21 Oct 2015 07:28:00 GMT"
LATER = "Wed, 21 Oct 2015 07:30:00 GMT"
RESET = "1445412600"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Date": TOLD, "Retry-After": LATER}, id="a date"),
        pytest.param({"Date": TOLD, "X-RateLimit-Reset": RESET}, id="a reset"),
    ],
)
async def test_all_sends_wait_until_the_instant_that_a_429_names(
    emulator: Emulator, headers: dict[str, str]
) -> None:
    open_windows(emulator, [ANA])
    emulator.fail_next(1, Refuse(429, {}, headers), endpoint=Endpoint.SEND_FREEFORM)

    async with AutocallsClient(
        "key", base_url=emulator.base_url, sender_id=SENDER, timeout=300.0
    ) as client:
        sending = asyncio.create_task(client.send_freeform(ANA, "hello"))
        await asyncio.sleep(20.0)
        paused = client.queue.paused_seconds
        await sending

    assert paused == pytest.approx(100.0, abs=0.5)
    first, second = [r.at for r in emulator.requests if r.body is not None]
    assert second - first == pytest.approx(120.0, abs=0.5)
