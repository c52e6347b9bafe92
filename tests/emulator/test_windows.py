"""The 24-hour window, on the emulator's own clock."""

import asyncio
from datetime import UTC, datetime, timedelta

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
    status_of,
)

HOUR = 3600.0


async def test_a_window_closes_a_day_after_the_customer_wrote(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(PHONE)

    await asyncio.sleep(24 * HOUR - 60)
    before = await caller.post(SEND_FREEFORM, FREEFORM)
    await asyncio.sleep(60)
    after = await caller.post(SEND_FREEFORM, FREEFORM)

    assert before.body["session_status"]["minutes_remaining"] in {0, 1}
    assert (after.status, after.body["error_code"]) == (403, "SESSION_EXPIRED")
    assert after.body["session_status"]["requires_template"] is True


async def test_writing_again_starts_the_day_anew(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(PHONE)
    await asyncio.sleep(23 * HOUR)

    emulator.customer_writes(PHONE)
    await asyncio.sleep(23 * HOUR)

    assert (await caller.post(SEND_FREEFORM, FREEFORM)).status == 200


async def test_a_window_belongs_to_one_sender(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(PHONE, sender_id=15)

    answers = [
        await caller.post(SEND_FREEFORM, FREEFORM | {"sender_id": sender})
        for sender in (12, 15)
    ]

    assert [answer.status for answer in answers] == [403, 200]


async def test_a_template_begins_a_conversation_and_opens_no_window(
    emulator: Emulator, caller: Caller
) -> None:
    await caller.post(SEND_TEMPLATE, TEMPLATE | {"recipient_name": "Ana"})

    status = await caller.get(status_of())
    freeform = await caller.post(SEND_FREEFORM, FREEFORM)

    assert status.body["has_conversation"] is True
    assert status.body["customer_name"] == "Ana"
    assert status.body["last_customer_message_at"] is None
    assert status.body["session_status"]["expires_at"] is None
    assert status.body["session_status"]["is_open"] is False
    assert freeform.status == 403
    assert emulator.seen.accepted_count == 1


async def test_a_template_to_a_known_customer_keeps_their_window(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(PHONE, name="Ana")

    sent = await caller.post(SEND_TEMPLATE, TEMPLATE | {"recipient_name": "Bo"})

    status = await caller.get(status_of())
    assert status.body["conversation_id"] == sent.body["conversation_id"]
    assert status.body["customer_name"] == "Ana"
    assert status.body["session_status"]["is_open"] is True


async def test_dates_follow_the_clock_that_was_given(
    session: aiohttp.ClientSession,
) -> None:
    noon = datetime(2026, 2, 24, 12, 0, tzinfo=UTC)
    async with Emulator(now=lambda: noon) as emulator:
        emulator.account.set_window(PHONE, 30 * 60.0)
        emulator.account.set_window("+14155550199", -90.0)
        caller = Caller(emulator, session)

        is_open = await caller.get(status_of())
        is_closed = await caller.get(status_of("+14155550199"))

    assert is_open.body["last_customer_message_at"] in {
        "2026-02-23T12:30:00+00:00",
        "2026-02-23T12:29:59+00:00",
    }
    assert is_open.body["session_status"]["minutes_remaining"] in {29, 30}
    assert is_closed.body["session_status"]["expired_at"].startswith(
        "2026-02-24T11:58:"
    )


async def test_the_date_moves_with_the_loops_clock(emulator: Emulator) -> None:
    before = emulator.now()

    await asyncio.sleep(24 * HOUR)

    assert emulator.now() - before == pytest.approx(
        timedelta(days=1), abs=timedelta(seconds=1)
    )


def test_before_its_start_the_emulator_knows_the_date() -> None:
    assert Emulator().now().tzinfo is UTC


@pytest.mark.parametrize(
    "seconds_remaining",
    [
        pytest.param(None, id="never wrote"),
        pytest.param(HOUR, id="open"),
        pytest.param(-HOUR, id="long closed"),
    ],
)
async def test_any_window_can_be_made_to_expire(
    emulator: Emulator, caller: Caller, seconds_remaining: float | None
) -> None:
    if seconds_remaining is not None:
        emulator.account.set_window(PHONE, seconds_remaining)

    emulator.account.expire_window(PHONE)

    status = (await caller.get(status_of())).body["session_status"]
    expired_at = datetime.fromisoformat(status["expired_at"])
    ago = (emulator.now() - expired_at).total_seconds()
    assert ago == pytest.approx(max(0.0, -(seconds_remaining or 0)), abs=2)


async def test_where_everyone_is_open_nobody_is_kept(
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator(everyone_is_open=True) as emulator:
        emulator.account.expire_window("+14155550199")
        caller = Caller(emulator, session)

        anyone = await caller.post(SEND_FREEFORM, FREEFORM)
        closed = await caller.post(
            SEND_FREEFORM, FREEFORM | {"recipient_phone": "+14155550199"}
        )
        template = await caller.post(SEND_TEMPLATE, TEMPLATE)

    assert (anyone.status, closed.status, template.status) == (200, 403, 200)


async def test_the_ready_made_crowd_has_windows_of_each_kind(
    emulator: Emulator, caller: Caller
) -> None:
    crowd = emulator.account.populate(6)

    statuses = [
        (await caller.get(status_of(customer.recipient_phone))).body
        for customer in crowd
    ]

    assert [body["session_status"]["is_open"] for body in statuses] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert [body["has_conversation"] for body in statuses] == [True] * 5 + [False]
