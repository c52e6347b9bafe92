"""A template in place of free text, where the window is closed."""

import asyncio
from pathlib import Path

import pytest

from autocalls_async import (
    Accepted,
    AutocallsClient,
    FreeformMessage,
    Outcome,
    Rejected,
    TemplateFallback,
    TemplateRequiredError,
    UnknownOutcomeError,
)
from autocalls_async.emulator import Emulator, Endpoint, HangUpAfter, Refuse
from autocalls_async.journal import MemoryJournal, State
from tests.people import ANA, SENDER, STRANGER

WELCOME = TemplateFallback(template_id=46)
POST, TEMPLATE = Endpoint.SEND_FREEFORM, Endpoint.SEND_TEMPLATE


def to(recipient: str, message: str = "hi") -> FreeformMessage:
    """Write free text that may fall back."""
    return FreeformMessage(recipient_phone=recipient, message=message, fallback=WELCOME)


def client_of(emulator: Emulator) -> AutocallsClient:
    """Make a client as after a restart."""
    return AutocallsClient("key", base_url=emulator.base_url, sender_id=SENDER)


async def test_an_open_window_gets_the_free_text(
    client: AutocallsClient, emulator: Emulator
) -> None:
    sent = await client.send(to(ANA))

    assert not sent.fell_back
    assert [accepted.message for accepted in emulator.accepted] == ["hi"]


async def test_a_closed_window_gets_the_template_and_the_outcome_says_so(
    client: AutocallsClient, emulator: Emulator
) -> None:
    sent = await client.send(to(STRANGER))

    assert sent.fell_back
    assert sent.whatsapp_message_id is not None
    assert [accepted.template_id for accepted in emulator.accepted] == [46]
    assert POST not in emulator.requests_by_endpoint()


async def test_a_window_that_the_service_finds_closed_gets_it_too(
    client: AutocallsClient, emulator: Emulator
) -> None:
    client.windows.note_inbound(STRANGER)  # so we believe

    sent = await client.send(to(STRANGER))

    assert sent.fell_back
    assert emulator.requests_by_endpoint() == {POST: 1, TEMPLATE: 1}


async def test_it_goes_once_until_the_window_opens_again(
    client: AutocallsClient, emulator: Emulator
) -> None:
    messages = [to(STRANGER, f"number {n}") for n in range(3)]

    outcomes = [o async for o in client.send_many(messages)]
    emulator.customer_writes(STRANGER)
    client.windows.note_inbound(STRANGER)
    await client.send(to(STRANGER, "in between"))
    emulator.expire_window(STRANGER)
    with pytest.raises(TemplateRequiredError):  # a plain text finds out
        await client.send_freeform(STRANGER, "plain")
    again = await client.send(to(STRANGER, "later"))

    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Rejected]
    assert again.fell_back
    kinds = [accepted.template_id for accepted in emulator.accepted]
    assert kinds == [46, None, 46]


async def test_a_fallback_that_was_refused_may_be_tried_again(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, Refuse(422, {}), endpoint=TEMPLATE)

    outcomes = [o async for o in client.send_many([to(STRANGER), to(STRANGER, "2")])]

    assert [type(outcome) for outcome in outcomes] == [Rejected, Accepted]


async def test_a_fallback_that_may_have_gone_is_not_sent_again(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, HangUpAfter(), endpoint=TEMPLATE)

    with pytest.raises(UnknownOutcomeError):
        await client.send(to(STRANGER))
    with pytest.raises(TemplateRequiredError):
        await client.send(to(STRANGER, "again"))

    assert emulator.requests_by_endpoint()[TEMPLATE] == 1


async def test_a_journal_keeps_one_entry_for_both_ways(
    client: AutocallsClient, emulator: Emulator
) -> None:
    journal = MemoryJournal()
    await journal.open()
    client.windows.note_inbound(STRANGER)

    outcomes = [o async for o in client.send_many([to(STRANGER)], journal=journal)]

    (entry,) = [entry async for entry in journal.entries()]
    assert isinstance(outcomes[0], Accepted)
    assert (entry.state, entry.attempt_count) == (State.ACCEPTED, 2)
    assert len(emulator.accepted) == 1


async def test_another_run_with_the_journal_sends_no_second_fallback(
    emulator: Emulator, tmp_path: Path
) -> None:
    async def send(*texts: str) -> list[Outcome]:
        messages = [to(STRANGER, text) for text in texts]
        async with client_of(emulator) as client:
            run = client.send_many(messages, journal=tmp_path / "run.db")
            return [outcome async for outcome in run]

    first = await send("a")
    second = await send("a", "b")
    emulator.customer_writes(STRANGER)
    await asyncio.sleep(25 * 3600)  # the window was open, and is closed again
    third = await send("a", "b", "c")

    assert [type(outcome) for outcome in first] == [Accepted]
    assert [type(outcome) for outcome in second] == [Rejected]
    assert [type(outcome) for outcome in third] == [Accepted]
    assert [accepted.template_id for accepted in emulator.accepted] == [46, 46]


def test_a_fallback_is_checked_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="template_id must be"):
        TemplateFallback(template_id=0)
    with pytest.raises(ValueError, match="must be a TemplateFallback"):
        FreeformMessage(recipient_phone=ANA, message="hi", fallback=46)  # type: ignore[arg-type]  # on purpose
