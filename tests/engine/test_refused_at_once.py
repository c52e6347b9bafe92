"""What surely waits in vain is told so at once, with what is known of why."""

import asyncio

import aiohttp
import pytest

from autocalls_async import (
    AutocallsClient,
    QueueFullError,
    RateLimitedError,
    TemplateRequiredError,
    UnsentError,
)
from autocalls_async.emulator import Emulator, Endpoint, Refuse, Stall
from tests.people import ANA, SENDER, hellos, open_windows, people

POST = Endpoint.SEND_FREEFORM
TOO_MANY = Refuse(429, {"message": "Too Many Attempts."})


def client_of(emulator: Emulator, **settings: object) -> AutocallsClient:
    """Make a client that checks no windows."""
    defaults = {"sender_id": SENDER, "window_check": "never"}
    return AutocallsClient(
        "key",
        base_url=emulator.base_url,
        **{**defaults, **settings},  # type: ignore[arg-type]  # as in the calls
    )


# A queue that is longer than the time


async def test_of_two_hundred_sends_at_once_the_hopeless_are_refused_at_once(
    emulator: Emulator,
) -> None:
    recipients = people(200)
    open_windows(emulator, recipients)
    loop = asyncio.get_running_loop()
    refused_at: list[float] = []

    async def send(client: AutocallsClient, recipient: str) -> object:
        try:
            return await client.send_freeform(recipient, "hi")
        except QueueFullError:
            refused_at.append(loop.time())
            raise

    async with client_of(emulator) as client:
        results = await asyncio.gather(
            *(send(client, r) for r in recipients), return_exceptions=True
        )

    refused = [r for r in results if isinstance(r, QueueFullError)]
    late = [r for r in results if isinstance(r, UnsentError) and r not in refused]
    assert len(refused) == 50  # 150 fit into 30 s at 5 a second
    assert max(refused_at) < 0.01
    assert len(late) <= 10  # the full limit was not quite reached
    assert len(emulator.accepted) == 200 - len(refused) - len(late)
    assert refused[0].wait_seconds == pytest.approx(30.0)
    assert "send_many()" in str(refused[0])
    assert "timeout" in str(refused[0])


async def test_a_longer_timeout_lets_all_of_them_through(emulator: Emulator) -> None:
    recipients = people(200)
    open_windows(emulator, recipients)

    async with client_of(emulator) as client:
        await asyncio.gather(
            *(client.send_freeform(r, "hi", timeout=60) for r in recipients)
        )

    assert len(emulator.accepted) == 200


async def test_what_needs_no_slot_refuses_nobody(emulator: Emulator) -> None:
    """Their windows are known to be closed: they end without being sent."""
    async with client_of(emulator, window_check="auto") as client:
        with pytest.raises(TemplateRequiredError):
            await client.send_freeform(ANA, "hi")
        closed = [
            asyncio.create_task(client.send_freeform(ANA, "hi")) for _ in range(300)
        ]
        await asyncio.sleep(0)
        await client.send_template(people(1)[0], template_id=46, timeout=5)
        results = await asyncio.gather(*closed, return_exceptions=True)

    assert all(isinstance(result, TemplateRequiredError) for result in results)


async def test_who_waits_in_vain_unforeseen_learns_how_many_were_ahead(
    emulator: Emulator,
) -> None:
    recipients = people(11)
    open_windows(emulator, recipients)
    emulator.fail_next(99, Stall(), endpoint=POST)

    async with client_of(emulator, drain_timeout=0) as client:
        ahead = [
            asyncio.create_task(client.send_freeform(r, "hi", timeout=600))
            for r in recipients[:10]
        ]
        await asyncio.sleep(0)
        with pytest.raises(UnsentError, match="10 messages waited before it"):
            await client.send_freeform(recipients[10], "hi", timeout=4.0)

    await asyncio.gather(*ahead, return_exceptions=True)
    assert not isinstance(ahead[0].exception(), QueueFullError)


# A pause that is longer than the time


async def test_a_known_pause_is_told_at_once_to_who_comes_and_who_waits(
    emulator: Emulator,
) -> None:
    recipients = people(4)
    open_windows(emulator, recipients)
    emulator.fail_next(1, Refuse(429, headers={"Retry-After": "120"}), endpoint=POST)
    loop = asyncio.get_running_loop()

    async with client_of(emulator) as client:
        at_once = [client.send_freeform(r, "hi") for r in recipients[:3]]
        waiting = await asyncio.gather(*at_once, return_exceptions=True)
        told_at = loop.time()
        with pytest.raises(RateLimitedError) as caught:
            await client.send_freeform(recipients[3], "hi")
        refused_at = loop.time()
        sent = await client.send_freeform(recipients[3], "hi", timeout=200)

    assert [type(result) for result in waiting] == [RateLimitedError] * 3
    assert told_at < 1.0
    assert refused_at == pytest.approx(told_at, abs=0.1)
    assert caught.value.status == 429
    assert caught.value.retry_after == pytest.approx(120, abs=1)
    assert caught.value.attempts == 0
    assert sent.whatsapp_message_id is not None
    assert loop.time() >= 120
    assert len(emulator.accepted) == 1


async def test_nothing_but_429s_until_the_time_is_up_is_a_rate_limit(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    emulator.fail_next(
        99, Refuse(429, {"message": "Too Many Attempts."}), endpoint=POST
    )

    async with client_of(emulator) as client:
        with pytest.raises(RateLimitedError) as caught:
            await client.send_freeform(ANA, "hi", timeout=20)

    assert caught.value.status == 429
    assert caught.value.attempts == len(emulator.requests) >= 3


async def test_checks_that_meet_only_429s_say_so_when_the_time_is_up(
    emulator: Emulator,
) -> None:
    emulator.fail_next(
        99,
        Refuse(429, {"message": "Too Many Attempts."}),
        endpoint=Endpoint.SESSION_STATUS,
    )

    async with client_of(emulator, window_check="auto") as client:
        with pytest.raises(UnsentError, match="rate limit was hit") as caught:
            await client.send_freeform(ANA, "hi", timeout=20)

    assert caught.value.status == 429
    assert caught.value.attempts == len(emulator.requests) >= 3


# Elsewhere


async def test_another_thread_cannot_close_a_client(emulator: Emulator) -> None:
    emulator.customer_writes(ANA)
    errors: list[BaseException] = []

    def close(client: AutocallsClient) -> None:
        try:
            asyncio.run(client.aclose())
        except RuntimeError as error:
            errors.append(error)

    async with client_of(emulator) as client:
        await client.send_freeform(ANA, "hi")
        await asyncio.to_thread(close, client)
        await client.send_freeform(ANA, "still open")

    assert [type(error) for error in errors] == [RuntimeError]
    assert "another event loop" in str(errors[0])
    assert len(emulator.accepted) == 2


async def test_a_closed_client_is_closed_for_everybody(emulator: Emulator) -> None:
    client = client_of(emulator)
    await client.account()

    await client.aclose()
    await client.aclose()

    with pytest.raises(RuntimeError, match="closed"):
        await client.account()


@pytest.mark.real_time  # a clock that stands still between two reads shows nothing
async def test_no_estimate_is_ever_below_zero(emulator: Emulator) -> None:
    async with client_of(emulator) as client:
        waits = [client.queue.estimated_wait for _ in range(1_000)]

    assert min(waits) >= 0.0


# Lent sessions with few connections


@pytest.mark.parametrize("size", [1, 2, 3, 5])
async def test_a_small_lent_pool_leaves_a_connection_to_replies(
    emulator: Emulator, size: int
) -> None:
    recipients, replies = people(200)[:150], people(400)[380:]
    open_windows(emulator, [*recipients, *replies])
    emulator.before_counting = lambda _: 0.03
    emulator.after_counting = lambda _: 0.03
    waits: list[float] = []
    loop = asyncio.get_running_loop()

    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit_per_host=size)
        ) as lent,
        client_of(emulator, session=lent) as client,
    ):
        run = client.send_many(hellos(recipients))

        async def campaign() -> int:
            return len([outcome async for outcome in run])

        bulk = asyncio.create_task(campaign())
        for recipient in replies:
            await asyncio.sleep(1.0)
            began_at = loop.time()
            await client.send_freeform(recipient, "at once")
            waits.append(loop.time() - began_at)
        count = await bulk

    assert count == 150
    assert max(waits) <= 0.45  # at most one bulk send, and the answers of both
    assert emulator.rejected_count == 0
    seconds = max(a.at for a in emulator.accepted) - min(
        a.at for a in emulator.accepted
    )
    assert 169 / seconds >= 4.6
