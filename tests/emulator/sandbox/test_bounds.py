"""However much happens, the sandbox keeps a bounded part of it."""

import asyncio

import aiohttp
import pytest

from autocalls_async.emulator import Emulator
from tests.emulator.asking import (
    FREEFORM,
    PHONE,
    SEND_FREEFORM,
    SEND_TEMPLATE,
    TEMPLATE,
    Caller,
)
from tests.emulator.sandbox.conftest import Control, Program
from tests.needs import MINUTES


@MINUTES
async def test_the_newest_of_everything_are_kept(
    program: Program, session: aiohttp.ClientSession
) -> None:
    async with Emulator(
        page=True,
        keep=20,
        rate_limit=None,
        webhook=program.url,
        record_accepted=False,
        record_requests=False,
    ) as emulator:
        emulator.customer_writes(PHONE, "I was here first")
        caller, control = Caller(emulator, session), Control(emulator, session)
        for number in range(200):
            phone = f"+1415555{number:04d}"
            await caller.post(SEND_TEMPLATE, TEMPLATE | {"recipient_phone": phone})
        await caller.post(SEND_FREEFORM, FREEFORM)
        await asyncio.sleep(5)
        state = await control.get("state")
        kept = await control.get("messages?limit=1000")
        listed = [
            event
            for event in (await control.get("events?after=0"))["events"]
            if event["kind"] != "reset"
        ]

    assert len(kept["messages"]) == 20
    assert len(state["requests"]) <= 20
    assert len(state["callouts"]) == 20
    assert 20 <= len(state["chats"]) <= 22
    assert PHONE in {chat["phone"] for chat in state["chats"]}
    assert (state["last_message"], state["limits"]["accepted"]) == (202, 201)
    assert listed == []


async def test_a_page_is_told_which_conversations_are_gone(
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator(page=True, keep=2, rate_limit=None) as emulator:
        caller, control = Caller(emulator, session), Control(emulator, session)
        for number in range(6):
            phone = f"+1415555{number:04d}"
            await caller.post(SEND_TEMPLATE, TEMPLATE | {"recipient_phone": phone})
        left = [chat["phone"] for chat in (await control.get("state"))["chats"]]
        events = (await control.get("events?after=0"))["events"]

    gone = [chat[1] for e in events if e["kind"] == "gone" for chat in e["data"]]
    assert len(gone) >= 3
    assert sorted(gone + left) == [f"+1415555{number:04d}" for number in range(6)]


async def test_an_unsigned_callout_has_no_signature_to_break(
    box: Emulator, control: Control
) -> None:
    box.customer_writes(PHONE, "hi")
    await asyncio.sleep(1)

    status, body = await control.ask(
        "POST", "callouts/1/again", {"how": "broken-signature"}
    )

    assert (status, body["error"]) == (422, "only receipts are signed")


@pytest.mark.parametrize("text", ["", "  ", "x" * 4097, "\ud800"])
async def test_what_is_no_text_cannot_be_written(text: str, emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="a message"):
        emulator.customer_writes(PHONE, text)

    assert emulator.thread(PHONE) == []
