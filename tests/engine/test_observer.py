"""What an observer is told, and that it agrees with what the service saw."""

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator, Generator
from functools import partial
from typing import Any
from unittest.mock import AsyncMock

import pytest

from autocalls_async import (
    Accepted,
    Answered,
    AutocallsClient,
    AutocallsError,
    Checked,
    Event,
    HandedOver,
    Paused,
    Queued,
    Rejected,
    Settled,
    Unknown,
    Unsent,
)
from autocalls_async.emulator import Delay, Emulator, Endpoint, HangUpAfter, Refuse
from tests.people import ANA, SENDER, STRANGER, hellos, open_windows, people

POST = Endpoint.SEND_FREEFORM
KEY = "1|key-that-nobody-sees"


def observed(emulator: Emulator, events: list[Event]) -> AutocallsClient:
    """Make a client that notes what it is told."""
    return AutocallsClient(
        KEY,
        base_url=emulator.base_url,
        sender_id=SENDER,
        observer=events.append,
        drain_timeout=60.0,
    )


def kinds(events: list[Event]) -> list[str]:
    """Name the steps."""
    return [type(event).__name__ for event in events]


async def test_each_step_of_a_message_is_told_in_order(emulator: Emulator) -> None:
    events: list[Event] = []
    emulator.customer_writes(ANA)
    emulator.after_counting = lambda _: 0.25

    async with observed(emulator, events) as client:
        sent = await client.send_freeform(ANA, "hi")

    queued, checked, handed_over, answered, settled = events
    assert isinstance(queued, Queued)
    assert isinstance(checked, Checked)
    assert checked.was_asked
    assert isinstance(handed_over, HandedOver)
    assert handed_over.waited == pytest.approx(0.25, abs=0.01)  # the check's answer
    assert isinstance(answered, Answered)
    assert answered.round_trip == pytest.approx(0.25, abs=0.01)
    assert isinstance(settled, Settled)
    assert settled.outcome == Accepted(message=queued.message, sent=sent)
    assert (
        len({e.call_id for e in (queued, checked, handed_over, answered, settled)}) == 1
    )


async def test_a_pause_and_a_second_attempt_are_told(emulator: Emulator) -> None:
    events: list[Event] = []
    emulator.customer_writes(ANA)
    emulator.fail_next(1, Refuse(429, {}, {"Retry-After": "5"}), endpoint=POST)

    async with observed(emulator, events) as client:
        client.windows.note_inbound(ANA)
        await client.send_freeform(ANA, "hi")

    steps = ["HandedOver", "Answered"]
    assert kinds(events) == [
        *("Queued", "Checked", *steps, "Paused"),
        *("Checked", *steps, "Settled"),
    ]
    paused = next(event for event in events if isinstance(event, Paused))
    attempts = [event.attempt for event in events if isinstance(event, HandedOver)]
    assert paused.seconds == pytest.approx(5.0, abs=0.1)
    assert attempts == [1, 2]


async def test_what_never_left_has_no_such_step(emulator: Emulator) -> None:
    events: list[Event] = []

    async with observed(emulator, events) as client:
        with pytest.raises(AutocallsError):
            await client.send_freeform(STRANGER, "hi")

    assert kinds(events) == ["Queued", "Checked", "Settled"]


async def test_each_message_of_a_run_is_settled_once(emulator: Emulator) -> None:
    events: list[Event] = []
    recipients = people(40)
    open_windows(emulator, recipients[:30])
    emulator.fail_next(3, HangUpAfter(), endpoint=POST)

    async with observed(emulator, events) as client:
        outcomes = [o async for o in client.send_many(hellos(recipients))]

    told = [event.outcome for event in events if isinstance(event, Settled)]
    assert len(told) == 40
    assert all(outcome in outcomes for outcome in told)


async def test_a_log_line_has_its_facts_as_fields(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="autocalls_async")
    emulator.customer_writes(ANA)
    emulator.fail_next(1, Refuse(429, {}, {"Retry-After": "1"}), endpoint=POST)

    async with AutocallsClient(
        "key", base_url=emulator.base_url, sender_id=SENDER
    ) as client:
        sent = await client.send_freeform(ANA, "a text")

    told = [
        {
            name.removeprefix("autocalls_"): value
            for name, value in vars(record).items()
            if name.startswith("autocalls_")
        }
        for record in caplog.records
        if hasattr(record, "autocalls_event")
    ]
    call_id, masked = told[0]["call_id"], "+1415•••0123"
    who = {"call_id": call_id, "recipient": masked}
    assert told[0] == {
        "event": "queued",
        "sender_id": SENDER,
        "lane": "interactive",
        **who,
    }
    assert [line["event"] for line in told] == [
        "queued",
        "checked",
        "handed_over",
        "answered",
        "paused",
        "checked",
        "handed_over",
        "answered",
        "settled",
    ]
    assert told[3]["seen"] == "429"
    assert told[4] == {"event": "paused", "seconds": pytest.approx(1.0)}
    assert told[-1] == {
        "event": "settled",
        "outcome": "accepted",
        "whatsapp_message_id": sent.whatsapp_message_id,
        **who,
    }
    assert "a text" not in str(told)
    assert ANA not in str(told)


async def test_an_observer_that_breaks_breaks_no_send(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Event) -> None:
        msg = f"no room for {ANA}"
        raise OSError(msg)

    emulator.customer_writes(ANA)

    async with AutocallsClient(
        KEY, base_url=emulator.base_url, sender_id=SENDER, observer=broken
    ) as client:
        await client.send_freeform(ANA, "hi")
        await client.send_freeform(ANA, "hi again")

    assert len(emulator.accepted) == 2
    assert [r.getMessage() for r in caplog.records if r.name == "autocalls_async"] == [
        "the observer raised OSError"
    ]


async def _observe(_: Event) -> None:
    """Observe nothing."""


async def _observe_in_turn(event: Event) -> AsyncGenerator[Event]:
    yield event


def _observe_lazily(event: Event) -> Generator[Event]:
    yield event


class _Awaited:
    """An observer that is called and then awaited."""

    async def __call__(self, event: Event) -> None:
        """Observe nothing."""

    async def observe(self, event: Event) -> None:
        """Observe nothing."""


@pytest.mark.parametrize(
    "observer",
    [
        pytest.param(_observe, id="coroutine function"),
        pytest.param(partial(_observe), id="partial of it"),
        pytest.param(partial(partial(_observe)), id="partial of a partial"),
        pytest.param(_Awaited(), id="object that is called so"),
        pytest.param(partial(_Awaited()), id="partial of the object"),
        pytest.param(_Awaited().observe, id="method"),
        pytest.param(_observe_in_turn, id="async generator"),
        pytest.param(_observe_lazily, id="generator"),
        pytest.param(AsyncMock(), id="mock"),
        pytest.param("log", id="no function"),
    ],
)
def test_an_observer_that_would_have_to_be_awaited_is_refused(
    observer: Any,  # noqa: ANN401  # wrong on purpose
) -> None:
    with pytest.raises(ValueError, match="observer must be a plain function"):
        AutocallsClient(KEY, observer=observer)


@pytest.mark.parametrize(
    "observer",
    [
        pytest.param(lambda event: _observe(event), id="coroutine"),  # noqa: PLW0108  # hides it
        pytest.param(lambda event: _observe_lazily(event), id="generator"),  # noqa: PLW0108
        pytest.param(lambda event: _observe_in_turn(event), id="async generator"),  # noqa: PLW0108
    ],
)
async def test_an_observer_that_turns_out_to_be_awaited_is_told_no_more(
    emulator: Emulator,
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
    observer: Any,  # noqa: ANN401  # wrong on purpose
) -> None:
    calls: list[Event] = []

    def watch(event: Event) -> Any:  # noqa: ANN401  # as above
        calls.append(event)
        return observer(event)

    emulator.customer_writes(ANA)
    emulator.fail_next(1, HangUpAfter(), endpoint=POST)

    async with AutocallsClient(
        KEY, base_url=emulator.base_url, sender_id=SENDER, observer=watch
    ) as client:
        with pytest.raises(AutocallsError):
            await client.send_freeform(ANA, "hi")
        await client.send_freeform(ANA, "hi again")
    gc.collect()

    ours = [r.getMessage() for r in caplog.records if r.name == "autocalls_async"]
    assert len(calls) == 1
    assert recwarn.list == []
    assert "would have to be awaited" in ours[0]
    assert "ended as unknown" in ours[1]  # the log stands in
    assert len(ours) == 2


async def test_an_observer_may_start_tasks_of_its_own(emulator: Emulator) -> None:
    events: list[Event] = []
    emulator.customer_writes(ANA)

    async def note(event: Event) -> None:
        events.append(event)

    def observe(event: Event) -> asyncio.Task[None]:
        return asyncio.create_task(note(event))

    async with AutocallsClient(
        KEY,
        base_url=emulator.base_url,
        sender_id=SENDER,
        observer=observe,  # type: ignore[arg-type]  # what it gives is not looked at
    ) as client:
        await client.send_freeform(ANA, "hi")
        await asyncio.sleep(0)

    assert kinds(events)[-1] == "Settled"


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
async def test_the_outcome_told_agrees_with_the_service_at_every_step(how: str) -> None:
    seen_kinds = set()
    for step in range(70):
        async with Emulator() as emulator:
            events: list[Event] = []
            emulator.customer_writes(ANA)
            emulator.before_counting = lambda _: 0.05
            emulator.fail_next(1, Delay(0.2, after_acting=True), endpoint=POST)
            seconds = 0.001 + step * 0.008
            timeout = seconds if how == "timed out" else 30.0
            async with observed(emulator, events) as client:
                send = asyncio.create_task(
                    client.send_freeform(ANA, "hi", timeout=timeout)
                )
                await asyncio.sleep(seconds)
                send.cancel()
                await asyncio.wait([send])
            settled = [event for event in events if isinstance(event, Settled)]
            posts = emulator.requests_by_endpoint().get(POST, 0)

        outcomes = [event.outcome for event in settled]
        seen_kinds.add(type(outcomes[0]).__name__)
        match outcomes:
            case [Accepted()]:
                assert posts == len(emulator.accepted) == 1
            case [Unsent()]:
                assert posts == 0
            case other:
                raise AssertionError(other)
    assert seen_kinds == {"Accepted", "Unsent"}


async def test_the_log_is_quiet_about_secrets(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.get_running_loop().set_debug(True)
    caplog.set_level(logging.DEBUG)
    text = "a text that nobody sees"
    recipients = people(12)
    open_windows(emulator, [ANA, *recipients[:8]])
    emulator.fail_next(2, HangUpAfter(), endpoint=POST)
    emulator.fail_next(1, Refuse(422, {"message": f"{text} {ANA}"}), endpoint=POST)
    emulator.fail_next(1, Refuse(429, {}, {"Retry-After": "2"}), endpoint=POST)

    async with AutocallsClient(
        KEY, base_url=emulator.base_url, sender_id=SENDER
    ) as client:
        messages = [*hellos(recipients)]
        outcomes = [o async for o in client.send_many(messages)]
        for attempt in range(4):
            send = asyncio.create_task(client.send_freeform(ANA, text))
            await asyncio.sleep(0.05 * attempt)
            send.cancel()
            await asyncio.wait([send])

    logged = "\n".join(
        f"{r.getMessage()} {r.exc_text or ''}"
        for r in caplog.records
        if not r.name.startswith(("aiohttp.access", "tests"))
    )
    assert {type(outcome) for outcome in outcomes} >= {Accepted, Rejected, Unknown}
    assert "ended as unknown" in logged
    assert "all sends pause for 2.0 s" in logged
    assert "handed over after" in logged
    for hidden in (text, ANA[1:], "key-that-nobody-sees", *(r[1:] for r in recipients)):
        assert hidden not in logged


async def test_a_quiet_log_costs_no_formatting(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    emulator.customer_writes(ANA)

    async with AutocallsClient(
        KEY, base_url=emulator.base_url, sender_id=SENDER
    ) as client:
        await client.send_freeform(ANA, "hi")

    assert [r for r in caplog.records if r.name == "autocalls_async"] == []
