"""One person behind two spellings of a number: one window, one order, one fallback."""

import asyncio

import pytest

from autocalls_async import (
    Accepted,
    AutocallsClient,
    FreeformMessage,
    Rejected,
    TemplateFallback,
)
from autocalls_async.emulator import Delay, Emulator, Endpoint
from tests.people import SENDER, hello, open_windows

CHECK, POST = Endpoint.SESSION_STATUS, Endpoint.SEND_FREEFORM
SPELLINGS = [
    pytest.param("+525512345678", "+5215512345678", id="Mexico"),
    pytest.param("+541123456789", "+5491123456789", id="Argentina"),
    pytest.param("+551187654321", "+5511987654321", id="Brazil"),
]


@pytest.mark.parametrize(("short", "long"), SPELLINGS)
async def test_a_window_that_one_spelling_opened_is_open_to_the_other(
    client: AutocallsClient, emulator: Emulator, short: str, long: str
) -> None:
    open_windows(emulator, [short, long])  # the service may know them apart

    client.windows.note_inbound(short)
    await client.send_freeform(long, "hi")
    await client.send_freeform(short, "hi")

    assert emulator.requests_by_endpoint() == {POST: 2}
    assert [a.recipient_phone for a in emulator.accepted] == [long, short]  # as written


@pytest.mark.parametrize(("short", "long"), SPELLINGS)
async def test_both_spellings_are_served_in_the_order_of_submission(
    emulator: Emulator, short: str, long: str
) -> None:
    open_windows(emulator, [short, long])
    emulator.fail_next(1, Delay(3), endpoint=POST)
    messages = [hello((short, long)[n % 2], f"{n}") for n in range(6)]

    async with AutocallsClient(
        "1|k", base_url=emulator.base_url, sender_id=SENDER, window_check="never"
    ) as client:
        first = asyncio.create_task(client.send(messages[0]))
        await asyncio.sleep(0.1)
        rest = [asyncio.create_task(client.send(message)) for message in messages[1:]]
        await asyncio.gather(first, *rest)

    assert [a.message for a in emulator.accepted] == [f"{n}" for n in range(6)]


@pytest.mark.parametrize(("short", "long"), SPELLINGS)
async def test_one_person_gets_one_fallback_while_their_window_is_closed(
    client: AutocallsClient, emulator: Emulator, short: str, long: str
) -> None:
    messages = [
        FreeformMessage(
            recipient_phone=phone,
            message="hi",
            fallback=TemplateFallback(template_id=45, variables={"1": "Ana"}),
        )
        for phone in (short, long)
    ]

    outcomes = [outcome async for outcome in client.send_many(messages)]

    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected]
    assert len(emulator.accepted) == 1
