"""Snapshots and recorded talks."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from autocalls_async import AutocallsClient
from autocalls_async.emulator import (
    Delay,
    Emulator,
    Endpoint,
    HangUpAfter,
    HangUpBefore,
    Refuse,
)
from tests.emulator.sandbox.conftest import Control, Program
from tests.people import ANA

BEN = "+14155550188"
THREE = {"1": "Ben", "2": "Monday", "3": "10:00"}


async def fill(emulator: Emulator) -> None:
    """Let there be something of everything."""
    emulator.populate(12)
    emulator.customer_writes(ANA, "Are you open? 🙂\nreally")
    async with AutocallsClient(
        "1|key", base_url=emulator.base_url, sender_id=12
    ) as client:
        sent = await client.send_freeform(ANA, "Until ten")
        await client.send_template(BEN, template_id=45, variables=THREE)
    assert sent.whatsapp_message_id is not None
    emulator.set_status(sent.whatsapp_message_id, "failed", error_code=131047)
    emulator.advance(3600)
    emulator.fail_next(2, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM)
    emulator.fail_next(1, HangUpBefore())
    emulator.fail_next(1, Refuse(502))
    emulator.fail_next(1, Delay(3.0, after_acting=True))


async def test_a_snapshot_put_back_gives_the_same_snapshot(emulator: Emulator) -> None:
    await fill(emulator)
    first = json.loads(json.dumps(emulator.snapshot()))

    async with Emulator(balance=emulator.balance * 2) as another:
        another.advance(77)
        another.customer_writes(BEN, "somebody else's")
        another.restore(first)
        second = another.snapshot()

    assert second == first
    assert second["now"] == first["now"]


async def test_a_snapshot_by_http_is_the_same(box: Emulator, control: Control) -> None:
    await fill(box)
    first = await control.get("snapshot")
    later = box.advance(100)

    assert later is None
    await control.write("PUT", "snapshot", **first)
    second = await control.get("snapshot")

    assert {**second, "now": None} == {**first, "now": None}


async def test_after_a_restore_windows_are_as_open_as_they_were(
    emulator: Emulator,
) -> None:
    emulator.account.set_window(ANA, 600.0)
    state = emulator.snapshot()
    emulator.advance(86_400)

    emulator.restore(state)

    async with AutocallsClient("1|k", base_url=emulator.base_url, sender_id=12) as c:
        status = await c.session_status(ANA)
    assert status.session_status.minutes_remaining in {9, 10}
    assert emulator.accepted_count == 0


DAMAGED = {
    "nothing": {},
    "another version": {"autocalls_snapshot": 2},
    "half of it": {"autocalls_snapshot": 1, "now": "2026-11-26T00:00:00+00:00"},
}


@pytest.mark.parametrize("state", DAMAGED.values(), ids=DAMAGED)
async def test_what_is_no_snapshot_changes_nothing(
    state: dict[str, object], emulator: Emulator
) -> None:
    emulator.customer_writes(ANA, "hi")
    before = emulator.snapshot()

    with pytest.raises(ValueError, match="snapshot"):
        emulator.restore(state)

    assert {**emulator.snapshot(), "now": 0} == {**before, "now": 0}


async def test_reset_leads_back_to_the_start_and_the_true_date(
    box: Emulator, control: Control
) -> None:
    before, began = await control.get("snapshot"), box.now()
    await fill(box)
    box.advance(864_000)

    await control.write("POST", "reset")

    after = await control.get("snapshot")
    assert {**after, "now": None} == {**before, "now": None}
    assert 0 <= (box.now() - began).total_seconds() < 10


async def test_after_a_restore_deliveries_go_on_and_old_ones_do_not(
    program: Program,
) -> None:
    async with Emulator(webhook=program.url) as emulator:
        program.answers = [503] * 99
        await fill(emulator)
        emulator.customer_writes(ANA)
        async with AutocallsClient(
            "1|key", base_url=emulator.base_url, sender_id=12
        ) as client:
            client.windows.note_inbound(ANA)
            emulator.faults.stop_failing()
            await client.send_freeform(ANA, "on its way")
        state = emulator.snapshot()
        await asyncio.sleep(0.5)
        emulator.restore(state)
        program.heard.clear()
        program.answers.clear()
        await asyncio.sleep(600)

        assert emulator.thread(ANA)[-1].status == "delivered"
    told = [heard.body["status"] for heard in program.heard]
    assert told == ["sent", "delivered"]


class Bot:
    """Somebody's bot: it answers each text with another."""

    def __init__(self) -> None:
        self.say = "You wrote: {}"
        self.base_url = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a customer."""
        body = await request.json()
        async with AutocallsClient(
            "1|key", base_url=self.base_url, sender_id=12
        ) as client:
            phone = body["customer_phone"]
            await client.send_freeform(phone, self.say.format(body["message"]))
        return web.Response()


@pytest.fixture
async def bot() -> AsyncIterator[tuple[Bot, str]]:
    """Start a bot."""
    bot = Bot()
    app = web.Application()
    app.router.add_post("/in", bot.handle)
    async with TestServer(app) as server:
        yield bot, str(server.make_url("/in"))


async def record(bot: Bot, url: str, path: Path) -> None:
    """Record a talk of two customers with a bot."""
    async with Emulator(inbound=url) as emulator:
        bot.base_url = emulator.base_url
        emulator.customer_writes(ANA, "before the recording")
        await emulator.wait_for_message(ANA)
        emulator.sandbox.record(path)
        for number, phone in enumerate((ANA, BEN, ANA), start=1):
            emulator.customer_writes(phone, f"text {number}")
            await emulator.wait_for_message(phone, contains=f"text {number}")
            emulator.advance(3600)


async def test_a_talk_replayed_is_the_same_and_with_a_reply_changed_a_diff(
    bot: tuple[Bot, str], tmp_path: Path
) -> None:
    answering, url = bot
    path = tmp_path / "run.jsonl"
    await record(answering, url, path)

    async with Emulator(inbound=url) as emulator:
        answering.base_url = emulator.base_url
        same = await emulator.replay(path)
        answering.say = "You said: {}"
        other = await emulator.replay(path)
        ignored = await emulator.replay(path, ignore=["You (wrote|said)"])

    assert same.is_same
    assert same.message_count == 6
    assert not other.is_same
    assert len(other.diffs) == 2
    assert "-business: You wrote: text 2\n+business: You said: text 2" in other.diffs[1]
    assert ignored.is_same
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_bot_that_says_nothing_is_a_diff(
    bot: tuple[Bot, str], tmp_path: Path
) -> None:
    answering, url = bot
    path = tmp_path / "run.jsonl"
    await record(answering, url, path)

    async with Emulator() as silent:
        nothing = await silent.replay(path, timeout=5)

    assert [diff.count("\n-business: ") for diff in nothing.diffs] == [2, 1]


async def test_a_file_that_is_no_record_is_named_with_its_line(
    emulator: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("")
    with pytest.raises(ValueError, match="is empty"):
        await emulator.replay(path)
    path.write_text('{"kind": "start", "snapshot": {}}\n{"kind": "odd"}\n')
    with pytest.raises(ValueError, match=r"line 2 of .*run\.jsonl"):
        await emulator.replay(path)
    path.write_text('{"kind": "start", "snapshot": {}}\n')
    with pytest.raises(ValueError, match="no snapshot"):
        await emulator.replay(path)
    with pytest.raises(ValueError, match="no regular expression"):
        await emulator.replay(path, ignore=["("])


async def test_a_recording_in_memory_can_be_fetched(
    box: Emulator, control: Control
) -> None:
    await control.write("POST", "recording", on=True)
    box.customer_writes(ANA, "hi")
    box.advance(5)
    state = await control.write("POST", "recording", on=False)
    async with control.session.get(f"{control.base}recording") as answer:
        lines = [json.loads(line) for line in (await answer.text()).splitlines()]

    assert state["recording"] is None
    assert [line["kind"] for line in lines] == ["start", "customer", "advance"]


async def test_a_recording_overwrites_nothing(
    emulator: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("mine")

    with pytest.raises(FileExistsError):
        emulator.sandbox.record(path)

    assert path.read_text() == "mine"
