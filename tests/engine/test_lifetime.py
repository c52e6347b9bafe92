"""Cancelling, closing, and using a client where it does not belong."""

import asyncio
import os
import threading
from collections.abc import Callable
from functools import partial

import pytest

from autocalls_async import (
    Accepted,
    AutocallsClient,
    FreeformMessage,
    Outcome,
    QueueFullError,
    RunStoppedError,
    TemplateFallback,
    Unknown,
    Unsent,
    UnsentError,
)
from autocalls_async.emulator import Delay, Emulator, Endpoint, Refuse, Stall
from autocalls_async.testing import VirtualTimeLoop
from tests.people import ANA, SENDER, STRANGER, hellos, open_windows, people

POST = Endpoint.SEND_FREEFORM


async def test_a_message_cancelled_while_queued_never_leaves(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(50)
    open_windows(emulator, recipients)
    sends = [asyncio.create_task(client.send_freeform(r, "hi")) for r in recipients]
    await asyncio.sleep(1.1)

    for send in sends[20:]:
        send.cancel()
    results = await asyncio.gather(*sends, return_exceptions=True)
    await asyncio.sleep(60)

    left = {accepted.recipient_phone for accepted in emulator.accepted}
    assert left == set(recipients[:20])
    cancelled = [isinstance(r, asyncio.CancelledError) for r in results]
    assert cancelled == [False] * 20 + [True] * 30


async def test_a_caller_cancelled_in_flight_does_not_tear_the_request(
    client: AutocallsClient, emulator: Emulator
) -> None:
    client.windows.note_inbound(ANA)
    emulator.fail_next(1, Delay(3.0), endpoint=POST)
    send = asyncio.create_task(client.send_freeform(ANA, "hi"))
    await asyncio.sleep(1.0)

    send.cancel()
    await asyncio.wait([send])
    await asyncio.sleep(10.0)

    assert [request.status for request in emulator.requests] == [200]
    assert len(emulator.accepted) == 1


@pytest.mark.parametrize(
    ("recipient", "status"),
    [
        pytest.param(ANA, 429, id="the limit"),
        pytest.param(STRANGER, 403, id="a closed window, and a fallback"),
    ],
)
async def test_a_caller_cancelled_in_flight_is_not_sent_again_where_it_did_nothing(
    client: AutocallsClient, emulator: Emulator, recipient: str, status: int
) -> None:
    client.windows.note_inbound(recipient)
    emulator.after_counting = lambda _: 3.0
    if status == 429:
        emulator.fail_next(1, Refuse(429), endpoint=POST)
    message = FreeformMessage(
        recipient_phone=recipient,
        message="hi",
        fallback=TemplateFallback(template_id=46),
    )
    send = asyncio.create_task(client.send(message))
    await asyncio.sleep(1.0)

    send.cancel()
    await asyncio.wait([send])
    await asyncio.sleep(60.0)

    assert [request.status for request in emulator.requests] == [status]
    assert client.queue.in_flight == client.queue.interactive == 0


async def test_a_run_stopped_in_flight_sends_nothing_again_that_did_nothing(
    client: AutocallsClient, emulator: Emulator
) -> None:
    open_windows(emulator, people(3))
    emulator.after_counting = lambda _: 1.0
    emulator.fail_next(1, Refuse(429), endpoint=POST)
    run = client.send_many(hellos(people(3)), window_check="never")
    outcomes: list[Outcome] = []

    async def take() -> None:
        async for outcome in run:
            outcomes.append(outcome)  # noqa: PERF401  # a comprehension would lose them

    taking = asyncio.create_task(take())
    await asyncio.sleep(0.7)
    run.stop()

    with pytest.raises(RunStoppedError):
        await taking

    kinds = {outcome.index: type(outcome) for outcome in outcomes}
    assert kinds == {0: Unsent, 1: Accepted, 2: Accepted}
    assert [request.status for request in emulator.requests] == [429, 200, 200]


async def test_cancelled_after_any_number_of_steps_nothing_leaks() -> None:
    arrived = set()
    for steps in range(60):
        async with Emulator() as emulator:
            emulator.customer_writes(ANA)
            async with AutocallsClient(
                "key", base_url=emulator.base_url, sender_id=SENDER
            ) as client:
                send = asyncio.create_task(client.send_freeform(ANA, "first"))
                for _ in range(steps):
                    await asyncio.sleep(0)

                send.cancel()
                await asyncio.wait([send])
                await asyncio.sleep(10)
                texts = [accepted.message for accepted in emulator.accepted]
                await client.send_freeform(ANA, "second")

        arrived.add(tuple(texts))
        assert [a.message for a in emulator.accepted] == [*texts, "second"]
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert not any(name.startswith("autocalls") for name in names)
    assert arrived == {(), ("first",)}


async def test_what_cannot_leave_in_time_is_surely_unsent(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(40)
    open_windows(emulator, recipients)
    sends = [client.send_freeform(r, "hi", timeout=4.0) for r in recipients]

    results = await asyncio.gather(*sends, return_exceptions=True)
    await asyncio.sleep(60)

    unsent = [result for result in results if isinstance(result, UnsentError)]
    assert len(unsent) + len(emulator.accepted) == 40
    assert 15 <= len(emulator.accepted) <= 21
    assert all(
        isinstance(error, QueueFullError)
        or "time was up before it could leave" in str(error)
        for error in unsent
    )


async def test_closing_drains_what_is_queued(emulator: Emulator) -> None:
    recipients = people(20)
    open_windows(emulator, recipients)

    async with AutocallsClient(
        "key", base_url=emulator.base_url, sender_id=SENDER
    ) as client:
        sends = [asyncio.create_task(client.send_freeform(r, "hi")) for r in recipients]
        await asyncio.sleep(0.5)

    results = await asyncio.gather(*sends, return_exceptions=True)
    assert not any(isinstance(result, Exception) for result in results)
    assert len(emulator.accepted) == 20


async def test_what_outlasts_the_drain_is_unsent_or_unknown(
    emulator: Emulator,
) -> None:
    recipients = people(20)
    open_windows(emulator, recipients)
    client = AutocallsClient(
        "key",
        base_url=emulator.base_url,
        sender_id=SENDER,
        drain_timeout=2.0,
        window_check="never",
    )
    emulator.fail_next(1, Stall(), endpoint=POST)
    outcomes: list[Outcome] = []

    async def consume() -> None:
        async for outcome in client.send_many(hellos(recipients)):
            outcomes.append(outcome)  # noqa: PERF401  # a comprehension would lose them

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(0.5)
    await client.aclose()

    with pytest.raises(RunStoppedError, match="client was closed"):
        await consumer
    kinds = [type(outcome) for outcome in outcomes]
    assert len(outcomes) == 20
    assert kinds.count(Unknown) == 1
    assert kinds.count(Accepted) == len(emulator.accepted)
    assert asyncio.get_running_loop().time() < 4.0


async def test_a_body_that_raises_still_drains(emulator: Emulator) -> None:
    emulator.customer_writes(ANA)
    sends: list[asyncio.Task[object]] = []

    async def body() -> None:
        async with AutocallsClient(
            "key", base_url=emulator.base_url, sender_id=SENDER
        ) as client:
            send = client.send_freeform(ANA, "hi")
            sends.append(asyncio.create_task(send))
            await asyncio.sleep(0)
            msg = "the body broke"
            raise LookupError(msg)

    with pytest.raises(LookupError, match="the body broke"):
        await body()
    await sends[0]

    assert len(emulator.accepted) == 1


async def test_a_closed_client_says_so(client: AutocallsClient) -> None:
    await client.aclose()
    await client.aclose()

    with pytest.raises(RuntimeError, match="client is closed"):
        await client.send_freeform(ANA, "hi")
    with pytest.raises(RuntimeError, match="client is closed"):
        await client.account()
    with pytest.raises(RuntimeError, match="client is closed"):
        client.send_many([])


async def test_closing_while_cancelled_at_any_step_leaks_nothing(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    for steps in range(40):
        client = AutocallsClient("key", base_url=emulator.base_url, sender_id=SENDER)
        send = asyncio.create_task(client.send_freeform(ANA, "hi"))
        await asyncio.sleep(0)
        close = asyncio.create_task(client.aclose())
        for _ in range(steps):
            await asyncio.sleep(0)
        close.cancel()
        await asyncio.wait([close])
        await client.aclose()
        await asyncio.wait([send])
        assert send.done()


def run_in_thread(work: Callable[[], None]) -> BaseException | None:
    """Run it in a thread of its own, and give what it raised."""
    raised: list[BaseException] = []

    def body() -> None:
        with pytest.raises(RuntimeError) as caught:
            work()
        raised.append(caught.value)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return raised[0] if raised else None


async def test_a_client_belongs_to_its_event_loop(client: AutocallsClient) -> None:
    await client.senders()

    def use_elsewhere() -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(client.senders())

    error = run_in_thread(use_elsewhere)

    assert "another event loop" in str(error)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda client: client.windows.note_inbound(ANA), id="note"),
        pytest.param(lambda client: client.queue, id="queue"),
        pytest.param(lambda client: client.send_many([]), id="run"),
    ],
)
@pytest.mark.parametrize("has_own_loop", [True, False])
async def test_a_thread_is_told_how_to_reach_the_clients_loop(
    client: AutocallsClient,
    use: Callable[[AutocallsClient], object],
    has_own_loop: bool,
) -> None:
    await client.senders()

    async def use_in_loop() -> None:
        use(client)

    def use_elsewhere() -> None:
        if not has_own_loop:
            use(client)
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(use_in_loop())

    error = run_in_thread(use_elsewhere)

    expected = "another event loop" if has_own_loop else "call_soon_threadsafe"
    assert expected in str(error)


async def test_a_thread_may_hand_over_who_has_written(
    client: AutocallsClient, emulator: Emulator
) -> None:
    loop = asyncio.get_running_loop()
    note = partial(client.windows.note_inbound, ANA)

    await asyncio.to_thread(loop.call_soon_threadsafe, note)
    await client.send_freeform(ANA, "hi")

    assert Endpoint.SESSION_STATUS not in emulator.requests_by_endpoint()


async def test_a_client_belongs_to_its_process(
    client: AutocallsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.senders()
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)

    with pytest.raises(RuntimeError, match="fork"):
        await client.senders()
