"""Corners where promises were once found broken: each has its test."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable, Iterator
from contextvars import ContextVar
from functools import partial

import aiohttp
import pytest

from autocalls_async import (
    Accepted,
    AutocallsClient,
    Checked,
    Event,
    FreeformMessage,
    Outcome,
    RejectedError,
    RunStoppedError,
    Settled,
    TemplateMessage,
    UnknownOutcomeError,
    Unsent,
)
from autocalls_async.campaign.run import Run
from autocalls_async.emulator import (
    Delay,
    Emulator,
    Endpoint,
    HangUpAfter,
    Refuse,
    refuse_with_code,
)
from autocalls_async.journal import Draft, MemoryJournal, State
from tests.people import ANA, SENDER, hello, hellos, open_windows, people

POST, CHECK = Endpoint.SEND_FREEFORM, Endpoint.SESSION_STATUS


async def take(run: Run, into: list[Outcome]) -> None:
    """Take every outcome, also where the run ends by raising."""
    async for outcome in run:
        into.append(outcome)  # noqa: PERF401  # a comprehension would lose them


async def test_a_source_that_gives_none_is_told(client: AutocallsClient) -> None:
    outcomes: list[Outcome] = []
    source = [hello(), None, hello()]

    with pytest.raises(ValueError, match="NoneType"):
        await take(client.send_many(source), outcomes)  # type: ignore[arg-type]  # on purpose

    assert [type(outcome) for outcome in outcomes] == [Accepted]


async def test_a_source_that_was_cancelled_inside_is_told(
    client: AutocallsClient,
) -> None:
    async def source() -> AsyncIterator[FreeformMessage]:
        yield hello()
        inner = asyncio.create_task(asyncio.sleep(1))
        inner.cancel()
        await inner

    outcomes: list[Outcome] = []
    with pytest.raises(RunStoppedError, match="its source was cancelled"):
        await take(client.send_many(source()), outcomes)

    assert len(outcomes) == 1


async def test_a_generator_that_is_left_is_closed(client: AutocallsClient) -> None:
    closed = []

    def plain() -> Iterator[FreeformMessage]:
        try:
            while True:
                yield hello()
        finally:
            closed.append("plain")

    async def asynchronous() -> AsyncIterator[FreeformMessage]:
        try:
            while True:
                yield hello()
        finally:
            closed.append("async")

    for source in (plain(), asynchronous()):
        async for _ in client.send_many(source):
            break
        await asyncio.sleep(1)

    assert closed == ["plain", "async"]


async def test_an_absurd_retry_after_is_cut_to_an_hour(
    client: AutocallsClient, emulator: Emulator
) -> None:
    absurd = Refuse(429, {}, {"Retry-After": "100000000"})
    emulator.fail_next(1, absurd, endpoint=POST)

    outcomes = [o async for o in client.send_many([hello(), hello()])]

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]
    assert 3600 <= asyncio.get_running_loop().time() < 3700


async def test_a_finished_run_is_not_called_stopped(emulator: Emulator) -> None:
    recipients = people(3)
    open_windows(emulator, recipients)
    client = AutocallsClient("key", base_url=emulator.base_url, sender_id=SENDER)
    run = client.send_many(hellos(recipients))
    outcomes: list[Outcome] = []

    async for outcome in run:
        outcomes.append(outcome)
        if len(outcomes) == 3:
            run.stop()
            await client.aclose()

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 3


async def test_an_offline_sender_stops_only_its_own_messages(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(20)
    for sender_id in (12, 15):
        for recipient in recipients:
            emulator.customer_writes(recipient, sender_id=sender_id)
    emulator.set_sender_status(15, "offline")
    messages = [
        FreeformMessage(recipient_phone=r, message="hi", sender_id=sender_id)
        for r in recipients
        for sender_id in (12, 15)
    ]

    outcomes = [o async for o in client.send_many(messages)]

    accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(outcomes) == 40
    assert len(accepted) == 20


async def test_an_only_sender_that_goes_offline_stops_the_run(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(100)
    open_windows(emulator, recipients)
    fault = refuse_with_code(503, "SENDER_OFFLINE")
    asyncio.get_running_loop().call_later(2.0, emulator.fail_next, 999, fault)

    with pytest.raises(RunStoppedError, match="sender is offline"):
        await take(client.send_many(hellos(recipients), window_check="never"), [])

    assert len(emulator.accepted) < 20


async def test_a_reply_takes_the_bulk_message_before_it_along(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = [*people(60), ANA]
    open_windows(emulator, recipients)
    for recipient in recipients:
        client.windows.note_inbound(recipient)
    order = [*recipients[:30], ANA, *recipients[30:60]]
    campaign = asyncio.create_task(take(client.send_many(hellos(order)), []))
    await asyncio.sleep(4.1)  # now Ana's message is in hand
    assert 20 <= len(emulator.accepted) <= 22

    before = len(emulator.accepted)
    await client.send_freeform(ANA, "the reply")
    texts = [(a.recipient_phone, a.message) for a in emulator.accepted[before:]]
    await campaign

    assert texts[-1] == (ANA, "the reply")
    others = [number for number, _ in texts if number != ANA]
    assert len(others) <= 1


async def test_a_stale_answer_does_not_close_a_window_that_was_noted_open(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.expire_window(ANA)
    emulator.fail_next(1, Delay(1.0, after_acting=True), endpoint=CHECK)
    first = asyncio.create_task(client.send_freeform(ANA, "first"))
    await asyncio.sleep(0.5)

    emulator.customer_writes(ANA)
    client.windows.note_inbound(ANA)
    await first
    await client.send_freeform(ANA, "second")

    assert [accepted.message for accepted in emulator.accepted] == ["first", "second"]


async def test_many_questions_do_not_delay_the_check_of_a_send(
    client: AutocallsClient,
) -> None:
    questions = [
        asyncio.create_task(client.session_status(ANA, timeout=600)) for _ in range(300)
    ]
    await asyncio.sleep(1.0)
    asked_at = asyncio.get_running_loop().time()

    await client.send_freeform(ANA, "hi")

    assert asyncio.get_running_loop().time() - asked_at < 1.0
    await asyncio.gather(*questions)
    assert client.queue.paused_seconds == 0


async def test_an_outage_of_the_check_alone_burns_no_message(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(80)
    open_windows(emulator, recipients)
    loop = asyncio.get_running_loop()
    fail = partial(emulator.fail_next, 99_999, Refuse(503, "<html>"), endpoint=CHECK)
    loop.call_later(2.0, fail)
    loop.call_later(302.0, emulator.stop_failing)

    outcomes = [o async for o in client.send_many(hellos(recipients))]

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 80


async def test_a_stalled_disk_holds_a_reply_for_seconds_at_most(
    emulator: Emulator,
) -> None:
    class Stalled(MemoryJournal):
        async def intend(self, key: str, **facts: bool) -> None:
            await asyncio.sleep(20)
            await super().intend(key, **facts)

    emulator.customer_writes(ANA)
    recipients = people(3)
    open_windows(emulator, recipients)
    journal = Stalled()
    await journal.open()

    async with AutocallsClient(
        "key",
        base_url=emulator.base_url,
        sender_id=SENDER,
        window_check="never",
        drain_timeout=0.1,
    ) as client:
        run = client.send_many(hellos(recipients), journal=journal)
        campaign = asyncio.create_task(take(run, []))
        await asyncio.sleep(1.0)
        asked_at = asyncio.get_running_loop().time()
        await client.send_freeform(ANA, "hi")
        waited = asyncio.get_running_loop().time() - asked_at

    await asyncio.wait([campaign])
    assert isinstance(campaign.exception(), RunStoppedError)
    assert waited <= 5.5


async def test_each_record_is_told_in_its_callers_context(emulator: Emulator) -> None:
    request: ContextVar[int] = ContextVar("request")
    told: list[tuple[str, int]] = []

    def observe(event: Event) -> None:
        if isinstance(event, Settled):
            told.append((event.message.recipient_phone, request.get()))

    recipients = people(20)

    async with AutocallsClient(
        "key", base_url=emulator.base_url, sender_id=SENDER, observer=observe
    ) as client:

        async def handle(number: int) -> None:
            request.set(number)
            await client.send_template(recipients[number], template_id=46)

        await asyncio.gather(*(handle(number) for number in range(20)))

    assert sorted(told) == [(recipient, n) for n, recipient in enumerate(recipients)]


async def test_a_failed_message_is_no_cycle(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(99, HangUpAfter(), endpoint=Endpoint.SEND_TEMPLATE)
    messages = [TemplateMessage(recipient_phone=r, template_id=46) for r in people(9)]
    gc.collect()
    gc.disable()

    try:  # not an exception to be swallowed, but a switch to be reset
        outcomes = [o async for o in client.send_many(messages)]
        await asyncio.sleep(1)
        shipments = [o for o in gc.get_objects() if type(o).__name__ == "Shipment"]
    finally:
        gc.enable()

    assert len(outcomes) == 9
    assert shipments == []


async def test_the_queue_tells_the_truth_in_a_pause(
    client: AutocallsClient, emulator: Emulator
) -> None:
    client.windows.note_inbound(ANA)
    emulator.fail_next(1, Refuse(429, {}, {"Retry-After": "20"}), endpoint=POST)
    send = asyncio.create_task(client.send(hello()))
    await asyncio.sleep(10)

    status = client.queue
    await send

    assert (status.interactive, status.in_flight) == (1, 0)
    assert status.oldest_wait == pytest.approx(10, abs=0.1)
    assert status.estimated_wait >= 10


async def test_reading_while_closing_leaks_nothing(emulator: Emulator) -> None:
    for steps in range(60):
        client = AutocallsClient("key", base_url=emulator.base_url, sender_id=SENDER)
        reads = [asyncio.create_task(client.account()) for _ in range(3)]
        for _ in range(steps):
            await asyncio.sleep(0)
        await client.aclose()
        results = await asyncio.gather(*reads, return_exceptions=True)
        assert not any(isinstance(r, asyncio.InvalidStateError) for r in results)


async def test_a_message_that_the_journal_was_taking_in_has_its_outcome(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(20)
    open_windows(emulator, recipients)
    journal = SlowJournal()
    await journal.open()
    run = client.send_many(hellos(recipients), journal=journal)
    outcomes: list[Outcome] = []
    asyncio.get_running_loop().call_later(0.5, run.stop)

    with pytest.raises(RunStoppedError):
        await take(run, outcomes)

    assert run.progress.taken == len(outcomes) == 20
    assert {type(outcome) for outcome in outcomes} == {Unsent}
    assert (await journal.counts())[State.NEW] == 20
    assert emulator.requests == []


class SlowJournal(MemoryJournal):
    """Takes a second to look messages up."""

    async def admit_many(self, drafts: Iterable[Draft]) -> list[State]:
        """Take one's time."""
        await asyncio.sleep(1)
        return await super().admit_many(drafts)


@pytest.mark.parametrize("again", ["stop", "close", "leave"])
async def test_a_run_told_twice_to_stop_in_an_admission_is_silent_about_nobody(
    again: str, client: AutocallsClient, emulator: Emulator
) -> None:
    journal = SlowJournal()
    await journal.open()
    run = client.send_many(hellos(people(20)), journal=journal)
    outcomes: list[Outcome] = []
    taking = asyncio.create_task(take(run, outcomes))
    await asyncio.sleep(0.5)

    run.stop()
    await asyncio.sleep(0.1)
    match again:
        case "stop":
            run.stop()
        case "close":
            await client.aclose()
        case "leave":
            taking.cancel()
    (end,) = await asyncio.gather(taking, return_exceptions=True)

    assert isinstance(end, RunStoppedError | asyncio.CancelledError)
    assert run.progress.taken == run.progress.unsent == 20
    counts = await journal.counts()
    assert counts[State.NEW] + counts[State.UNSENT] == 20
    assert emulator.requests == []


async def test_closing_in_the_last_admission_is_told(
    client: AutocallsClient, emulator: Emulator
) -> None:
    journal = SlowJournal()
    await journal.open()
    outcomes: list[Outcome] = []
    asyncio.get_running_loop().call_later(
        0.5, lambda: closings.append(asyncio.create_task(client.aclose()))
    )
    closings: list[asyncio.Task[None]] = []

    with pytest.raises(RunStoppedError, match="the client was closed"):
        await take(client.send_many(hellos(people(20)), journal=journal), outcomes)

    assert {type(outcome) for outcome in outcomes} == {Unsent}
    assert len(outcomes) == 20
    assert emulator.requests == []
    await asyncio.gather(*closings)


async def test_a_source_may_stop_its_own_run(
    client: AutocallsClient, emulator: Emulator
) -> None:
    def source() -> Iterator[TemplateMessage]:
        for number, recipient in enumerate(people(50)):
            if number == 3:
                run.stop()
            yield TemplateMessage(recipient_phone=recipient, template_id=46)

    run = client.send_many(source())
    outcomes: list[Outcome] = []

    with pytest.raises(RunStoppedError):
        await take(run, outcomes)

    assert run.progress.taken == len(outcomes) == 4
    assert {type(outcome) for outcome in outcomes} == {Unsent}
    assert emulator.accepted == []


async def test_an_observer_may_stop_the_run_at_the_last_moment(
    emulator: Emulator,
) -> None:
    def observe(event: Event) -> None:
        if isinstance(event, Checked) and event.message.recipient_phone == last:
            run.stop()

    *others, last = recipients = people(4)
    async with (
        aiohttp.ClientSession() as lent,
        AutocallsClient(
            "key",
            base_url=emulator.base_url,
            sender_id=SENDER,
            session=lent,
            observer=observe,
        ) as client,
    ):
        for recipient in recipients:
            emulator.customer_writes(recipient)
            client.windows.note_inbound(recipient)
        for recipient in others:
            await client.send(
                hello(recipient)
            )  # a warm connection: nothing to wait for
        await asyncio.sleep(1)
        outcomes: list[Outcome] = []
        run = client.send_many([hello(last)])
        with pytest.raises(RunStoppedError, match="asked to stop"):
            await take(run, outcomes)

    assert [type(outcome) for outcome in outcomes] == [Unsent]
    assert len(emulator.accepted) == 3


async def test_a_refused_reply_keeps_its_turn(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(60)
    open_windows(emulator, recipients)
    client.windows.note_inbound(ANA)
    for recipient in recipients:
        client.windows.note_inbound(recipient)
    campaign = asyncio.create_task(take(client.send_many(hellos(recipients)), []))
    await asyncio.sleep(3.0)
    before = len(emulator.accepted)
    too_many = Refuse(429, {}, {"Retry-After": "2"})
    emulator.choose_fault = lambda _: (
        too_many if sum(r.status == 429 for r in emulator.requests) < 1 else None
    )

    await client.send_freeform(ANA, "the reply")
    passed = [a for a in emulator.accepted[before:] if a.recipient_phone != ANA]
    await campaign

    assert len(passed) <= 6  # those in flight with it, and one


async def test_an_error_that_was_raised_can_be_raised_again(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, HangUpAfter(), endpoint=POST)

    with pytest.raises(UnknownOutcomeError) as caught:
        await client.send_freeform(ANA, "hi")

    assert caught.value.__traceback__ is not None
    assert not isinstance(caught.value, RejectedError)
