"""The feed: every change, once, in order; a page that was away begins anew."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async import AutocallsClient
from autocalls_async.emulator import Emulator
from autocalls_async.emulator.world.feed import Feed
from tests.emulator.sandbox.conftest import Control
from tests.people import ANA

BEN = "+14155550188"


async def read(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """Return all events of the frames that are there within a second."""
    events: list[dict[str, Any]] = []
    try:
        while True:
            events += json.loads(await socket.receive_str(timeout=1))
    except TimeoutError:
        return events


def follow(control: Control, query: str = "after=0") -> Any:  # noqa: ANN401 - aiohttp's
    """Open the feed."""
    return control.session.ws_connect(f"{control.base}feed?{query}")


async def test_a_page_hears_of_all_that_happens_in_its_order(
    box: Emulator, control: Control
) -> None:
    async with follow(control) as socket:
        box.customer_writes(ANA, "Are you open?", name="Ana")
        async with AutocallsClient(
            "1|key", base_url=box.base_url, sender_id=12
        ) as client:
            await client.send_freeform(ANA, "Until ten")
        box.advance(60)
        box.account.set_sender_status(15, "offline")
        events = await read(socket)

    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    kinds = [e["kind"] for e in events]
    assert kinds[:2] == ["chat", "message"]
    assert set(kinds) >= {"account", "request", "limits", "clock", "status", "callout"}
    assert kinds[-1] != "reset"
    texts = [e["data"]["text"] for e in events if e["kind"] == "message"]
    assert texts == ["Are you open?", "Until ten"]
    (sender,) = [e["data"] for e in events if e["kind"] == "sender"]
    assert sender["status"] == "offline"
    statuses = [e["data"]["status"] for e in events if e["kind"] == "status"]
    assert statuses == ["sent", "delivered"]


async def test_who_comes_back_gets_what_was_missed(
    box: Emulator, control: Control
) -> None:
    box.customer_writes(ANA, "one")
    state = await control.get("state")
    box.customer_writes(ANA, "two")

    async with follow(control, f"after={state['seq']}&run={state['run']}") as socket:
        events = await read(socket)

    texts = [e["data"]["text"] for e in events if e["kind"] == "message"]
    assert texts == ["two"]


@pytest.mark.parametrize("query", ["after=999", "after=0&run=another"])
async def test_who_knows_another_run_begins_anew_and_follows_on(
    query: str, box: Emulator, control: Control
) -> None:
    box.customer_writes(ANA, "one")
    await asyncio.sleep(1)

    async with follow(control, query) as socket:
        (reset,) = await read(socket)
        box.customer_writes(ANA, "two")
        later = await read(socket)

    assert reset["kind"] == "reset"
    assert later[0]["seq"] == reset["seq"] + 1


async def test_a_thread_that_is_open_in_a_page_is_read(
    box: Emulator, control: Control
) -> None:
    box.customer_writes(ANA)
    box.customer_writes(BEN)
    async with AutocallsClient("1|key", base_url=box.base_url, sender_id=12) as client:
        await client.send_freeform(ANA, "before")
        await asyncio.sleep(2)
        async with follow(control) as socket:
            await socket.send_str(json.dumps({"open": {"sender_id": 12, "phone": ANA}}))
            for nonsense in ("", "[]", '{"open": 5}', '{"open": {"phone": 1}}'):
                await socket.send_str(nonsense)
            await asyncio.sleep(1)
            await client.send_freeform(ANA, "meanwhile")
            await client.send_freeform(BEN, "elsewhere")
            await asyncio.sleep(2)
        await client.send_freeform(ANA, "after")
        await asyncio.sleep(2)

    assert [m.status for m in box.thread(ANA)] == ["read", "read", "delivered"]
    assert [m.status for m in box.thread(BEN)] == ["delivered"]


async def test_twenty_pages_hear_the_same(box: Emulator, control: Control) -> None:
    sockets = [await follow(control) for _ in range(20)]

    box.customer_writes(ANA, "hello to all")

    heard = await asyncio.gather(*map(read, sockets))
    for socket in sockets:
        await socket.close()
    assert all(events == heard[0] for events in heard)
    assert [e["kind"] for e in heard[0]][:2] == ["chat", "message"]


async def test_an_emulator_that_ends_closes_its_feeds(
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator(page=True) as emulator:
        control = Control(emulator, session)
        socket = await follow(control)

    frame = await socket.receive(timeout=5)
    assert frame.type in {
        aiohttp.WSMsgType.CLOSE,
        aiohttp.WSMsgType.CLOSED,
        aiohttp.WSMsgType.CLOSING,
    }


async def test_a_program_without_websocket_waits_for_events(
    box: Emulator, control: Control
) -> None:
    waiting = asyncio.create_task(control.get("events?after=0&wait=30"))
    await asyncio.sleep(5)
    box.customer_writes(ANA, "hi")

    events = await waiting

    assert [e["kind"] for e in events["events"]][:1] == ["chat"]
    quiet = await control.get(f"events?after={events['seq'] + 9}")
    assert quiet["events"][0]["kind"] == "reset"


@given(
    keep=st.integers(1, 20),
    count=st.integers(0, 60),
    seen=st.integers(0, 70),
)
def test_what_is_not_kept_is_a_reset_and_all_else_is_there(
    keep: int, count: int, seen: int
) -> None:
    feed = Feed(keep)
    for number in range(count):
        feed.add("n", number)

    events = [json.loads(event) for event in feed.after(seen)]

    if count - keep <= seen <= count:
        assert [e["seq"] for e in events] == list(range(seen + 1, count + 1))
    else:
        assert [e["kind"] for e in events] == ["reset"]


async def test_who_waits_for_an_event_can_be_cancelled() -> None:
    feed = Feed(5)
    waiting = asyncio.create_task(feed.wait())
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    feed.add("n", 1)

    assert waiting.cancelled()
