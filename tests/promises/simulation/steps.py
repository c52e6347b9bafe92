"""One message, interrupted after so many steps of the event loop.

On this network nothing takes time, so a whole call is a matter of some hundred
steps without a timer between them; and each step moves the clock by a
microsecond, so that a time limit can end a call at each of them, too.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from decimal import Decimal

import aiohttp
from attrs import frozen

from autocalls_async import (
    AutocallsClient,
    AutocallsError,
    Event,
    FreeformMessage,
    Outcome,
    Queued,
    RetryPolicy,
    RunStoppedError,
    SendLimit,
    Settled,
)
from autocalls_async.emulator import AcceptedMessage, Emulator, Fault, RecordedRequest
from tests.promises.simulation.history import mark_of, mark_of_body
from tests.promises.simulation.network import MemoryConnector, Network

_STEP_SECONDS = 1e-6
_ANA = "+14155550123"
_MESSAGE = FreeformMessage(recipient_phone=_ANA, message="msg-1-0")
_NEXT = FreeformMessage(recipient_phone=_ANA, message="msg-2-0")


@frozen(kw_only=True)
class Sight:
    """What one interrupted call came to.

    Attributes:
        queued_count: How often the observer was told that it was taken in.
        settled: What the observer was told as its outcome.
        requests: What arrived whole.
        was_done: It had ended before the interruption.
        has_recovered: A next message to the same recipient was accepted.
    """

    queued_count: int
    settled: list[Outcome]
    requests: list[RecordedRequest]
    accepted: AcceptedMessage | None
    was_done: bool
    has_recovered: bool


Interruption = Callable[[AutocallsClient, int], Awaitable[bool]]
"""Begins the call, interrupts it at a step, waits for its end; says if it was done."""


async def cancel(client: AutocallsClient, step: int) -> bool:
    """Cancel the caller."""
    call = asyncio.create_task(client.send(_MESSAGE))
    was_done = await _step(call, step)
    call.cancel()
    await asyncio.wait([call])
    _ = call.cancelled() or call.exception()
    return was_done


async def run_out_of_time(client: AutocallsClient, step: int) -> bool:
    """Let the call's time be up."""
    loop = asyncio.get_running_loop()
    seconds = (step + 0.5) * _STEP_SECONDS
    deadline = loop.time() + seconds
    with suppress(AutocallsError):
        await client.send(_MESSAGE, timeout=seconds)
    return loop.time() < deadline


async def stop(client: AutocallsClient, step: int) -> bool:
    """Tell the run to stop."""
    run = client.send_many([_MESSAGE])

    async def take() -> None:
        with suppress(RunStoppedError):
            async for _ in run:
                pass

    call = asyncio.create_task(take())
    was_done = await _step(call, step)
    run.stop()
    await asyncio.wait([call])
    return was_done


async def leave(client: AutocallsClient, step: int) -> bool:
    """Cancel whoever takes the run's outcomes."""

    async def take() -> None:
        async with aclosing(aiter(client.send_many([_MESSAGE]))) as outcomes:
            async for _ in outcomes:
                pass

    call = asyncio.create_task(take())
    was_done = await _step(call, step)
    call.cancel()
    await asyncio.wait([call])
    return was_done


async def close(client: AutocallsClient, step: int) -> bool:
    """Close the client, which has no time for what is under way."""
    call = asyncio.create_task(client.send(_MESSAGE))
    was_done = await _step(call, step)
    await client.aclose()
    await asyncio.wait([call])
    _ = call.exception()
    return was_done


async def interrupt(
    way: Interruption, step: int, *, check: bool, fault: Fault | None
) -> Sight:
    """Send one message, and interrupt it at a step."""
    events: list[Event] = []
    async with _service(fault) as emulator, _client(emulator, events, check) as client:
        was_done = await way(client, step)
        await asyncio.sleep(1)
        emulator.stop_failing()
        has_recovered = way is close or await _accepts(client)
    requests = [r for r in emulator.requests if _is_ours(mark_of_body(r.body))]
    accepted = [a for a in emulator.accepted if _is_ours(a.message)]
    ours = [event for event in events if _is_about_ours(event)]
    return Sight(
        queued_count=sum(isinstance(event, Queued) for event in ours),
        settled=[event.outcome for event in ours if isinstance(event, Settled)],
        requests=requests,
        accepted=accepted[0] if accepted else None,
        was_done=was_done,
        has_recovered=has_recovered,
    )


async def _step(call: asyncio.Task[object], count: int) -> bool:
    for _ in range(count):
        await asyncio.sleep(0)
    return call.done()


async def _accepts(client: AutocallsClient) -> bool:
    sent = await client.send(_NEXT, timeout=100)
    return sent.whatsapp_message_id is not None


def _is_ours(mark: str | None) -> bool:
    return mark == _MESSAGE.message


def _is_about_ours(event: Event) -> bool:
    return isinstance(event, Queued | Settled) and _is_ours(mark_of(event.message))


@asynccontextmanager
async def _service(fault: Fault | None) -> AsyncIterator[Emulator]:
    async with Emulator(port=None, rate_limit=None, balance=Decimal(100)) as emulator:
        emulator.customer_writes(_ANA)
        if fault is not None:
            emulator.fail_next(1, fault)
        yield emulator


@asynccontextmanager
async def _client(
    emulator: Emulator, events: list[Event], check: bool
) -> AsyncIterator[AutocallsClient]:
    network = Network(accept=emulator.protocol)
    connector = MemoryConnector(network, is_pooling=False)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        AutocallsClient(
            "1|key",
            base_url=emulator.base_url,
            sender_id=12,
            session=session,
            # No pause lasts longer than a few steps.
            send_limit=SendLimit(5, per=10 * _STEP_SECONDS),
            retry=RetryPolicy(base_seconds=0),
            window_check="auto" if check else "never",
            drain_timeout=_STEP_SECONDS,
            observer=events.append,
        ) as client,
    ):
        yield client
