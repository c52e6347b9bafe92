"""Starting, stopping, and the emulator as a process of its own."""

import asyncio
from collections.abc import Sequence

import aiohttp
import pytest

from autocalls_async.emulator import Customer, Emulator, Stall, Stand, serve
from tests.emulator.asking import (
    FREEFORM,
    ME,
    SEND_FREEFORM,
    SEND_TEMPLATE,
    TEMPLATE,
    Caller,
)


async def test_stopping_ends_the_requests_that_are_still_handled(
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator() as emulator:
        emulator.fail_next(5, Stall())
        caller = Caller(emulator, session)
        waiting = [
            asyncio.create_task(caller.post(SEND_TEMPLATE, TEMPLATE)) for _ in range(5)
        ]
        await asyncio.sleep(1)

    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {aiohttp.ServerDisconnectedError}
    assert [request.status for request in emulator.requests] == [None] * 5


@pytest.mark.parametrize("passes", [pytest.param(n, id=str(n)) for n in range(12)])
async def test_stopping_while_somebody_connects_leaves_nothing_open(
    session: aiohttp.ClientSession, passes: int
) -> None:
    async with Emulator() as emulator:
        asking = asyncio.create_task(Caller(emulator, session).get(ME))
        for _ in range(passes):
            await asyncio.sleep(0)

    [result] = await asyncio.gather(asking, return_exceptions=True)

    assert not isinstance(result, AssertionError)


async def test_idle_connections_do_not_hold_up_the_end() -> None:
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        async with Emulator() as emulator:
            answer = await Caller(emulator, session).get(ME)
            start = loop.time()

        assert answer.status == 200
        assert loop.time() - start < 0.5


async def test_a_port_that_is_taken_is_an_os_error(emulator: Emulator) -> None:
    port = int(emulator.base_url.removesuffix("/api").rpartition(":")[2])

    with pytest.raises(OSError, match="address already in use"):
        await Emulator(port=port).__aenter__()


async def test_what_was_recorded_can_be_read_after_the_end(
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator() as emulator:
        await Caller(emulator, session).post(SEND_TEMPLATE, TEMPLATE)

    assert len(emulator.accepted) == 1
    assert len(emulator.requests) == 1


async def test_it_can_go_down_and_come_back_as_it_was(
    session: aiohttp.ClientSession,
) -> None:
    emulator = Emulator()
    caller = Caller(emulator, session)
    async with emulator:
        before = await caller.post(SEND_TEMPLATE, TEMPLATE)
    with pytest.raises(aiohttp.ClientConnectorError):
        await caller.get(ME)

    async with emulator:
        after = await caller.post(SEND_TEMPLATE, TEMPLATE)

    assert (before.status, after.status) == (200, 200)
    assert len(emulator.accepted) == 2


async def test_stopping_twice_does_no_harm(emulator: Emulator) -> None:
    await emulator.__aexit__(None, None, None)
    await emulator.__aexit__(None, None, None)

    with pytest.raises(RuntimeError, match="not running"):
        emulator.protocol()


async def test_it_can_be_spoken_to_without_a_socket() -> None:
    request = b"GET /api/user/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\n\r\n"
    async with Emulator(port=None) as emulator:
        transport = _Wire()
        protocol = emulator.protocol()

        protocol.connection_made(transport)
        protocol.data_received(request)
        await asyncio.sleep(0.1)
        protocol.connection_lost(None)

    assert transport.written.startswith(b"HTTP/1.1 200 OK")
    assert emulator.base_url == "http://127.0.0.1/api"


def test_an_emulator_that_is_not_running_has_no_protocol() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        Emulator().protocol()


async def test_on_its_own_it_serves_a_ready_made_account_until_cancelled(
    session: aiohttp.ClientSession,
) -> None:
    told: asyncio.Future[tuple[Emulator, Sequence[Customer]]] = asyncio.Future()
    serving = asyncio.create_task(
        serve(Stand(port=0), lambda *ready: told.set_result(ready))
    )
    emulator, customers = await told

    async with session.post(
        emulator.base_url + SEND_FREEFORM,
        json=FREEFORM | {"recipient_phone": "+14155550001"},
        headers={"Authorization": "Bearer any"},
    ) as response:
        status = response.status
    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving
    assert status == 200
    remaining = {c.recipient_phone: c.seconds_remaining for c in customers}
    assert remaining["+14155550001"] == 85_500
    assert remaining["+14155550005"] == 0
    assert remaining["+14155550006"] is None


class _Wire(asyncio.Transport):
    """The server's end of a connection in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is there to be closed."""
