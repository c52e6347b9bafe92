"""Who talked with a sender, what was said, and who answers."""

import traceback

import pytest

from autocalls_async import (
    AutocallsClient,
    AutocallsError,
    Conversation,
    NotFoundError,
    UnavailableError,
)
from autocalls_async.emulator import Emulator, HangUpBefore
from tests.people import ANA, SENDER, STRANGER, people

NOBODYS = "00000000-0000-4000-8000-000000000000"


async def listed(
    client: AutocallsClient, phone: str | None = None, sender_phone: str | None = None
) -> list[Conversation]:
    found = client.conversations.list(phone=phone, sender_phone=sender_phone)
    return [row async for row in found]


async def test_all_conversations_are_listed_page_after_page(
    client: AutocallsClient, emulator: Emulator
) -> None:
    for phone in people(230):
        emulator.customer_writes(phone)

    found = await listed(client)

    phones = [row.customer.phone for row in found if row.customer]
    assert phones == [ANA, *people(230)]
    assert len(emulator.requests) == 3
    assert len({row.id for row in found}) == 231


async def test_one_persons_conversation_is_found_and_read(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.customer_writes(STRANGER, text="Are you open?")
    await client.send_freeform(STRANGER, "Until six", window_check="never")

    (row,) = await listed(client, phone=STRANGER)
    history = await client.conversations.history(row.id)

    assert [(entry.role, entry.content) for entry in history] == [
        ("user", "Are you open?"),
        ("assistant", "Until six"),
    ]
    assert row.message_count == 2
    assert row.created_at is not None
    assert row.whatsapp_sender is not None
    sender_phone = row.whatsapp_sender.phone
    assert sender_phone is not None
    assert await listed(client, phone=STRANGER, sender_phone=sender_phone) == [row]
    assert await listed(client, sender_phone="+19990000000") == []


async def test_the_assistant_is_switched_with_the_key_of_automations(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    environ = {
        "AUTOCALLS_API_KEY": "1|key",
        "AUTOCALLS_AUTOMATION_KEY": "2|automation",
        "AUTOCALLS_BASE_URL": emulator.base_url,
    }

    async with AutocallsClient.from_env(environ=environ) as client:
        (row,) = await listed(client)
        await client.conversations.disable_ai(row.id)
        (off,) = await listed(client)
        await client.conversations.enable_ai(row.id)
        (on,) = await listed(client)

    assert (off.ai_enabled, on.ai_enabled) == (False, True)
    switched = [r for r in emulator.requests if r.method == "POST"]
    assert {r.headers["authorization"] for r in switched} == {"Bearer 2|automation"}
    assert len(switched) == 2


async def test_a_switch_whose_answer_is_lost_is_made_again(emulator: Emulator) -> None:
    emulator.customer_writes(ANA)

    async with AutocallsClient(
        "1|key", base_url=emulator.base_url, automation_key="2|automation"
    ) as client:
        (row,) = await listed(client)
        emulator.fail_next(2, HangUpBefore())
        await client.conversations.disable_ai(row.id)
        (off,) = await listed(client)

    assert off.ai_enabled is False


async def test_without_its_key_nothing_is_switched(client: AutocallsClient) -> None:
    with pytest.raises(ValueError, match="AUTOCALLS_AUTOMATION_KEY"):
        await client.conversations.disable_ai(NOBODYS)


async def test_an_unknown_conversation_is_not_found_and_not_shown(
    client: AutocallsClient,
) -> None:
    with pytest.raises(NotFoundError) as caught:
        await client.conversations.history(NOBODYS)

    assert NOBODYS not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("given", ["../me", "", 12, None, NOBODYS + "/x"])
async def test_what_is_no_uuid_is_refused_unshown(
    client: AutocallsClient, emulator: Emulator, given: str
) -> None:
    for ask in (
        client.conversations.history,
        client.conversations.disable_ai,
        client.conversations.enable_ai,
    ):
        with pytest.raises(ValueError, match="must be a UUID") as caught:
            await ask(given)
        assert not given or str(given) not in str(caught.value)
    with pytest.raises(ValueError, match="phone must be"):
        await listed(client, phone="12")
    assert not emulator.requests


async def test_a_listing_that_breaks_down_says_so(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(99, HangUpBefore())

    with pytest.raises(AutocallsError) as caught:
        await client.conversations.history(NOBODYS, timeout=2)

    assert isinstance(caught.value, UnavailableError)
    assert NOBODYS not in str(caught.value)


async def test_a_conversation_shows_neither_its_id_nor_a_whole_number(
    client: AutocallsClient,
) -> None:
    (row,) = await listed(client)

    assert row.id not in repr(row)
    assert ANA not in repr(row)
    assert SENDER
