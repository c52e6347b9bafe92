"""What goes wrong on purpose, seen from the other side of the connection."""

import asyncio
from decimal import Decimal

import aiohttp
import pytest

from autocalls_async.emulator import (
    Delay,
    Emulator,
    Endpoint,
    Fault,
    Garble,
    HangUpAfter,
    HangUpBefore,
    Refuse,
    Stall,
    refuse_with_code,
)
from tests.emulator.asking import (
    FREEFORM,
    ME,
    PHONE,
    SEND_FREEFORM,
    SEND_TEMPLATE,
    TEMPLATE,
    Caller,
)


@pytest.mark.parametrize(
    ("fault", "accepted_count"),
    [
        pytest.param(HangUpBefore(), 0, id="before acting"),
        pytest.param(HangUpAfter(), 1, id="after acting"),
    ],
)
async def test_a_hang_up_gives_no_answer(
    emulator: Emulator, caller: Caller, fault: Fault, accepted_count: int
) -> None:
    emulator.customer_writes(PHONE)
    emulator.fail_next(1, fault)

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await caller.post(SEND_FREEFORM, FREEFORM)

    [request] = emulator.requests
    assert request.status is None
    assert len(emulator.accepted) == accepted_count
    assert emulator.account.balance == 100 - Decimal("0.05") * accepted_count


async def test_a_garbled_answer_comes_from_a_message_that_was_accepted(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.fail_next(1, Garble())

    with pytest.raises(ValueError, match="Expecting"):
        await caller.post(SEND_TEMPLATE, TEMPLATE)

    assert [request.status for request in emulator.requests] == [200]
    assert len(emulator.accepted) == 1


@pytest.mark.parametrize(
    ("fault", "body", "content_type"),
    [
        pytest.param(
            refuse_with_code(422, "TEMPLATE_NOT_SYNCED", "Later."),
            {"success": False, "error": "Later.", "error_code": "TEMPLATE_NOT_SYNCED"},
            "application/json",
            id="the service's envelope",
        ),
        pytest.param(
            Refuse(502, "<h1>Bad Gateway</h1>"),
            "<h1>Bad Gateway</h1>",
            "text/html",
            id="a proxy's page",
        ),
        pytest.param(Refuse(500, b"null"), None, "application/json", id="bytes"),
        pytest.param(
            Refuse(429, {"retry_after": 60}, {"Retry-After": "60"}),
            {"retry_after": 60},
            "application/json",
            id="with headers",
        ),
    ],
)
async def test_a_refusal_is_answered_as_it_was_given(
    emulator: Emulator, caller: Caller, fault: Refuse, body: object, content_type: str
) -> None:
    emulator.fail_next(1, fault)

    answer = await caller.post(SEND_TEMPLATE, TEMPLATE)

    assert (answer.status, answer.body) == (fault.status, body)
    assert answer.headers["Content-Type"].startswith(content_type)
    assert fault.headers.items() <= dict(answer.headers).items()
    assert emulator.accepted == []


@pytest.mark.parametrize(
    ("fault", "accepted_after"),
    [
        pytest.param(Delay(10.0), 10.0, id="before acting"),
        pytest.param(Delay(10.0, after_acting=True), 0.0, id="after acting"),
    ],
)
async def test_a_delay_is_long_and_ends_well(
    emulator: Emulator, caller: Caller, fault: Fault, accepted_after: float
) -> None:
    emulator.fail_next(1, fault)
    start = asyncio.get_running_loop().time()

    answer = await caller.post(SEND_TEMPLATE, TEMPLATE)

    took = asyncio.get_running_loop().time() - start
    assert answer.status == 200
    assert took == pytest.approx(10.0, abs=0.1)
    assert emulator.accepted[0].at - start == pytest.approx(accepted_after, abs=0.1)


@pytest.mark.parametrize(
    ("fault", "accepted_count"),
    [
        pytest.param(Stall(), 0, id="before acting"),
        pytest.param(Stall(after_acting=True), 1, id="after acting"),
    ],
)
async def test_a_stall_outlasts_whoever_waits(
    emulator: Emulator, caller: Caller, fault: Fault, accepted_count: int
) -> None:
    emulator.fail_next(1, fault)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await caller.post(SEND_TEMPLATE, TEMPLATE)

    assert len(emulator.accepted) == accepted_count


async def test_a_message_is_accepted_though_its_sender_gave_up(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.fail_next(1, Delay(10.0))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await caller.post(SEND_TEMPLATE, TEMPLATE)
    await asyncio.sleep(10)

    assert len(emulator.accepted) == 1


async def test_faults_strike_in_the_order_planned_at_their_endpoint_only(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.fail_next(1, Refuse(500), endpoint=Endpoint.SEND_FREEFORM)
    emulator.fail_next(2, Refuse(502))

    statuses = [
        (await caller.get(ME)).status,
        (await caller.post(SEND_FREEFORM, FREEFORM)).status,
        (await caller.get(ME)).status,
        (await caller.get(ME)).status,
    ]

    assert statuses == [502, 500, 502, 200]


async def test_a_send_that_comes_too_fast_uses_up_no_fault(
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator(rate=1) as emulator:
        caller = Caller(emulator, session)
        await caller.post(SEND_TEMPLATE, TEMPLATE)
        emulator.fail_next(1, Refuse(500))

        too_fast = await caller.post(SEND_TEMPLATE, TEMPLATE)
        await asyncio.sleep(1)
        refused = await caller.post(SEND_TEMPLATE, TEMPLATE)

    assert (too_fast.status, refused.status) == (429, 500)


async def test_faults_can_be_chosen_for_each_request(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.faults.choose_fault = lambda endpoint: (
        Refuse(500) if endpoint is Endpoint.ME else None
    )
    emulator.fail_next(1, Refuse(502))

    statuses = [(await caller.get(ME)).status for _ in range(2)]
    statuses.append((await caller.post(SEND_TEMPLATE, TEMPLATE)).status)

    assert statuses == [502, 500, 200]
    assert emulator.faults.choose_fault is not None


async def test_faults_can_be_called_off(emulator: Emulator, caller: Caller) -> None:
    emulator.fail_next(3, HangUpBefore())
    emulator.faults.choose_fault = lambda _: HangUpBefore()

    emulator.faults.stop_failing()

    assert (await caller.get(ME)).status == 200


async def test_a_plan_for_no_request_is_refused(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="at least one"):
        emulator.fail_next(0, Stall())


async def test_latency_is_added_before_and_after_the_counting(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.limits.before_counting = lambda _: 2.0
    emulator.limits.after_counting = {Endpoint.SEND_TEMPLATE: 3.0}.__getitem__
    start = asyncio.get_running_loop().time()

    await caller.post(SEND_TEMPLATE, TEMPLATE)

    took = asyncio.get_running_loop().time() - start
    assert took == pytest.approx(5.0, abs=0.1)
    assert emulator.requests[0].at - start == pytest.approx(2.0, abs=0.1)
    assert emulator.accepted[0].at - start == pytest.approx(2.0, abs=0.1)
    assert emulator.limits.before_counting is not None
    assert emulator.limits.after_counting is not None
