"""The pre-send check of the messaging window, and what it learns."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

import pytest

from autocalls_async import Accepted, AutocallsClient, Rejected, TemplateRequiredError
from autocalls_async.emulator import Emulator, Endpoint, Refuse
from tests.people import (
    ANA,
    SENDER,
    STRANGER,
    hello,
    hellos,
    open_windows,
    people,
)

CHECK = Endpoint.SESSION_STATUS
POST = Endpoint.SEND_FREEFORM


async def test_a_hundred_messages_to_one_person_need_one_check(
    client: AutocallsClient, emulator: Emulator
) -> None:
    messages = [hello(ANA, f"number {number}") for number in range(100)]

    outcomes = [outcome async for outcome in client.send_many(messages)]

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert emulator.requests_by_endpoint() == {CHECK: 1, POST: 100}


async def test_people_known_to_have_written_need_no_check(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(100)
    open_windows(emulator, recipients)
    for recipient in recipients:
        client.windows.note_inbound(recipient)

    outcomes = [outcome async for outcome in client.send_many(hellos(recipients))]

    assert len(outcomes) == 100
    assert emulator.requests_by_endpoint() == {POST: 100}


@pytest.mark.parametrize(
    ("age", "open_for"),
    [
        pytest.param(timedelta(hours=3), timedelta(hours=21), id="three hours late"),
        pytest.param(timedelta(0), timedelta(hours=24), id="now"),
        pytest.param(timedelta(hours=-2), timedelta(hours=24), id="from the future"),
        pytest.param(timedelta(hours=25), timedelta(0), id="too late"),
    ],
)
async def test_a_message_that_is_forwarded_late_opens_what_is_left_of_the_day(
    client: AutocallsClient, emulator: Emulator, age: timedelta, open_for: timedelta
) -> None:
    emulator.customer_writes(STRANGER)
    client.windows.note_inbound(STRANGER, at=datetime.now(UTC) - age)
    early = max(open_for.total_seconds() - 65, 0)  # a minute of margin, and some steps

    await asyncio.sleep(early)
    emulator.customer_writes(STRANGER)
    await client.send_freeform(STRANGER, "hi")
    known = emulator.requests_by_endpoint().get(CHECK, 0)
    client.windows.note_inbound(ANA, at=datetime.now(UTC) - age)
    await asyncio.sleep(early + 10)
    emulator.customer_writes(ANA)
    await client.send_freeform(ANA, "hi")

    assert known == (0 if early else 1)
    assert emulator.requests_by_endpoint()[CHECK] == known + 1


async def test_a_time_in_another_zone_is_the_same_time(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.customer_writes(STRANGER)
    far_east = timezone(timedelta(hours=12))
    client.windows.note_inbound(
        STRANGER, at=datetime.now(far_east) - timedelta(hours=25)
    )

    await client.send_freeform(STRANGER, "hi")

    assert emulator.requests_by_endpoint()[CHECK] == 1


async def test_a_number_as_meta_writes_it_is_taken(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.customer_writes(STRANGER)
    client.windows.note_inbound(STRANGER[1:])

    await client.send_freeform(STRANGER, "hi")

    assert emulator.requests_by_endpoint() == {POST: 1}


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        pytest.param({"at": datetime(2026, 1, 1)}, "at must be aware", id="naive"),  # noqa: DTZ001
        pytest.param(
            {"at": "2026-01-01T00:00:00Z"}, "got a value of type str", id="text"
        ),
        pytest.param({"at": 1_772_015_400}, "got a value of type int", id="a number"),
        pytest.param({"recipient_phone": "0049301234567"}, "must be E.164", id="00"),
        pytest.param({"recipient_phone": "415-555-0123"}, "must be E.164", id="dashes"),
        pytest.param({"recipient_phone": 14155550123}, "must be E.164", id="no text"),
        pytest.param({"recipient_phone": "1" * 16}, "must be E.164", id="long"),
        pytest.param({"recipient_phone": "\u0661" * 11}, "must be E.164", id="arabic"),
    ],
)
async def test_what_cannot_have_come_in_is_refused(
    client: AutocallsClient, arguments: dict[str, Any], rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        client.windows.note_inbound(**{"recipient_phone": ANA} | arguments)


async def test_concurrent_first_sends_to_one_person_share_a_check(
    client: AutocallsClient, emulator: Emulator
) -> None:
    sends = [client.send_freeform(ANA, f"number {n}") for n in range(10)]

    await asyncio.gather(*sends)

    assert emulator.requests_by_endpoint() == {CHECK: 1, POST: 10}


async def test_concurrent_sends_into_a_closed_window_share_a_check(
    client: AutocallsClient, emulator: Emulator
) -> None:
    sends = [client.send_freeform(STRANGER, f"number {n}") for n in range(10)]

    errors = await asyncio.gather(*sends, return_exceptions=True)

    assert all(isinstance(error, TemplateRequiredError) for error in errors)
    assert emulator.requests_by_endpoint() == {CHECK: 1}


async def test_a_closed_window_is_asked_for_again_after_a_moment(
    client: AutocallsClient, emulator: Emulator
) -> None:
    with pytest.raises(TemplateRequiredError):
        await client.send_freeform(STRANGER, "hi")
    emulator.customer_writes(STRANGER)
    await asyncio.sleep(10)

    await client.send_freeform(STRANGER, "hi")

    assert emulator.requests_by_endpoint() == {CHECK: 2, POST: 1}


async def test_the_word_false_is_no_open_window(
    client: AutocallsClient, emulator: Emulator
) -> None:
    status = {"is_open": True, "can_send_freeform": "false", "requires_template": False}
    body = {"success": True, "has_conversation": True, "session_status": status}
    emulator.fail_next(99, Refuse(200, body), endpoint=CHECK)

    outcomes = [outcome async for outcome in client.send_many([hello()])]

    assert not isinstance(outcomes[0], Accepted)
    assert POST not in emulator.requests_by_endpoint()


async def test_an_open_window_is_trusted_until_shortly_before_its_end(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.set_window(ANA, 600)
    await client.send_freeform(ANA, "first")

    await asyncio.sleep(400)
    await client.send_freeform(ANA, "trusted")
    checks_while_trusted = emulator.requests_by_endpoint()[CHECK]
    await asyncio.sleep(150)
    await client.send_freeform(ANA, "checked")

    assert checks_while_trusted == 1
    assert emulator.requests_by_endpoint()[CHECK] == 2
    assert len(emulator.accepted) == 3


async def test_a_window_that_closes_while_a_message_is_queued_is_noticed(
    client: AutocallsClient, emulator: Emulator
) -> None:
    others = people(200)
    open_windows(emulator, others)
    for recipient in others:
        client.windows.note_inbound(recipient)
    emulator.set_window(ANA, 30)
    messages = [hello(ANA), *hellos(others), hello(ANA, "40 seconds later")]

    outcomes = [outcome async for outcome in client.send_many(messages)]

    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    assert [outcome.message for outcome in rejected] == [messages[-1]]
    assert isinstance(rejected[0].error, TemplateRequiredError)
    assert rejected[0].error.status is None  # found by the check, not by a refusal
    assert emulator.requests_by_endpoint()[POST] == 201


async def test_the_refusal_of_a_send_is_the_last_word(
    client: AutocallsClient, emulator: Emulator
) -> None:
    client.windows.note_inbound(STRANGER)  # so we believe, but the service does not

    for _ in range(2):
        with pytest.raises(TemplateRequiredError):
            await client.send_freeform(STRANGER, "hi")

    assert emulator.requests_by_endpoint() == {POST: 1}


async def test_a_template_makes_the_window_unknown(
    client: AutocallsClient, emulator: Emulator
) -> None:
    await client.send_freeform(ANA, "hi")
    await client.send_template(ANA, template_id=46)

    await client.send_freeform(ANA, "hi again")

    assert emulator.requests_by_endpoint()[CHECK] == 2


@pytest.mark.parametrize(
    ("window_check", "checks"),
    [
        pytest.param("auto", 1, id="auto"),
        pytest.param("always", 3, id="always"),
        pytest.param("never", 0, id="never"),
    ],
)
async def test_the_check_is_the_callers_choice(
    client: AutocallsClient,
    emulator: Emulator,
    window_check: Literal["auto", "always", "never"],
    checks: int,
) -> None:
    for _ in range(3):
        await client.send_freeform(ANA, "hi", window_check=window_check)

    assert emulator.requests_by_endpoint().get(CHECK, 0) == checks


async def test_a_status_that_was_asked_for_is_learnt(
    client: AutocallsClient, emulator: Emulator
) -> None:
    status = await client.session_status(ANA)

    await client.send_freeform(ANA, "hi")

    assert status.session_status.can_send_freeform is True
    assert emulator.requests_by_endpoint() == {CHECK: 1, POST: 1}


@pytest.mark.parametrize(
    "year", [pytest.param(1999, id="behind"), pytest.param(2099, id="ahead")]
)
async def test_a_clock_that_is_wrong_by_decades_changes_nothing(year: int) -> None:
    def wrong_time() -> datetime:
        return datetime(year, 1, 1, tzinfo=UTC)

    async with Emulator(now=wrong_time) as emulator:
        emulator.customer_writes(ANA)
        async with AutocallsClient(
            "key", base_url=emulator.base_url, sender_id=SENDER
        ) as client:
            await client.send_freeform(ANA, "hi")
            await client.send_freeform(ANA, "hi")
            with pytest.raises(TemplateRequiredError):
                await client.send_freeform(STRANGER, "hi")

    assert emulator.requests_by_endpoint() == {CHECK: 2, POST: 2}
