"""While the service is away: nothing is burnt, nothing is multiplied."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from autocalls_async import (
    Accepted,
    AutocallsClient,
    Outcome,
    RetryPolicy,
    RunStoppedError,
    UnavailableError,
    UnreachableError,
    UnsentError,
)
from autocalls_async.emulator import Emulator, Endpoint, HangUpBefore, Refuse
from autocalls_async.engine.outage import Outage
from tests.people import ANA, SENDER, hello, hellos, open_windows, people


class Wire(aiohttp.TCPConnector):
    """A connector whose cable can be pulled; it counts the attempts to connect."""

    def __init__(self) -> None:
        super().__init__(force_close=True, limit=0)
        self.error: Exception | None = None
        self.attempts: list[float] = []

    def cut(self) -> None:
        """Pull the cable."""
        self.error = ConnectionRefusedError(errno.ECONNREFUSED, "the cable is pulled")

    def mend(self) -> None:
        """Plug it in again."""
        self.error = None

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.connector.Connection:
        """Connect, unless something is wrong with the wire."""
        self.attempts.append(asyncio.get_running_loop().time())
        if self.error is not None:
            raise self.error
        return await super().connect(req, traces, timeout)


@asynccontextmanager
async def over(
    wire: Wire, emulator: Emulator, **settings: object
) -> AsyncIterator[AutocallsClient]:
    """Open a client whose requests go over this wire."""
    async with (
        aiohttp.ClientSession(connector=wire) as lent,
        AutocallsClient(
            "key",
            base_url=emulator.base_url,
            sender_id=SENDER,
            session=lent,
            **settings,  # type: ignore[arg-type]  # as in the calls
        ) as client,
    ):
        yield client


@pytest.mark.parametrize("window_check", ["auto", "never"])
async def test_a_campaign_waits_out_an_outage_and_burns_no_message(
    emulator: Emulator, window_check: str
) -> None:
    recipients = people(60)
    open_windows(emulator, recipients)
    wire = Wire()
    loop = asyncio.get_running_loop()

    async with over(wire, emulator, window_check=window_check) as client:
        loop.call_later(4.0, wire.cut)
        loop.call_later(124.0, wire.mend)
        outcomes = [o async for o in client.send_many(hellos(recipients))]

    in_outage = [at for at in wire.attempts if 5.0 < at < 124.0]
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert len(emulator.accepted) == 60
    assert 4 <= len(in_outage) <= 60  # 120 s at 5 a second would be 600
    assert loop.time() < 124 + 30 + 12  # the longest pause, and the rest at the pace


async def test_an_outage_without_end_stops_the_run_and_says_why(
    emulator: Emulator,
) -> None:
    recipients = people(300)
    open_windows(emulator, recipients)
    wire = Wire()
    outcomes: list[Outcome] = []

    async def consume() -> None:
        async for outcome in run:
            outcomes.append(outcome)  # noqa: PERF401  # a comprehension would lose them

    async with over(wire, emulator) as client:
        run = client.send_many(hellos(recipients))
        asyncio.get_running_loop().call_later(4.0, wire.cut)
        with pytest.raises(RunStoppedError, match="connection refused") as caught:
            await consume()

    assert isinstance(caught.value.cause, UnreachableError)
    assert caught.value.taken_count == len(outcomes) < 200
    assert run.progress.unknown == 0
    assert run.progress.accepted == len(emulator.accepted)
    assert asyncio.get_running_loop().time() == pytest.approx(604, abs=40)


async def test_a_single_send_fails_within_its_time_and_names_the_outage(
    emulator: Emulator,
) -> None:
    wire = Wire()
    wire.cut()

    async with over(wire, emulator, window_check="never") as client:
        sends = [client.send_freeform(r, "hi", timeout=20.0) for r in people(50)]
        errors = await asyncio.gather(*sends, return_exceptions=True)

    assert all(isinstance(error, UnsentError) for error in errors)
    assert any("cannot be reached" in str(error) for error in errors)
    assert asyncio.get_running_loop().time() <= 20.1
    assert len(wire.attempts) < 50  # fewer than one for each message


async def test_a_certificate_that_is_not_trusted_stops_at_once(
    emulator: Emulator,
) -> None:
    wire = Wire()
    wire.error = aiohttp.ServerFingerprintMismatch(b"ours", b"theirs", "host", 443)
    words = "certificate is not the pinned"

    async with over(wire, emulator) as client:
        with pytest.raises(UnreachableError, match=words):
            await client.send(hello(), window_check="never")
        with pytest.raises(RunStoppedError, match=words):
            _ = [o async for o in client.send_many(hellos(people(100)))]

    assert asyncio.get_running_loop().time() < 1.0


async def test_all_calls_together_repeat_no_more_than_the_quota(
    emulator: Emulator,
) -> None:
    emulator.fail_next(10_000, Refuse(502), endpoint=Endpoint.ME)
    retry = RetryPolicy(max_attempts=8)

    async with AutocallsClient(
        "key", base_url=emulator.base_url, retry=retry
    ) as client:
        calls = [client.account(timeout=3600) for _ in range(100)]
        errors = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(error, UnavailableError) for error in errors)
    assert emulator.requests_by_endpoint()[Endpoint.ME] == 150  # not 800


async def test_the_quota_comes_back_with_success(emulator: Emulator) -> None:
    async with AutocallsClient("key", base_url=emulator.base_url) as client:
        for _ in range(60):  # more than the quota holds at once
            emulator.fail_next(1, HangUpBefore(), endpoint=Endpoint.ME)
            await client.account()
            await client.account()

    assert emulator.requests_by_endpoint()[Endpoint.ME] >= 120


@asynccontextmanager
async def turn(outage: Outage) -> AsyncIterator[None]:
    """Make an attempt, as each call does."""
    is_probe = await outage.wait_for_turn()
    try:
        yield
    finally:
        if is_probe:
            outage.end_probe()


async def test_a_probe_that_is_cancelled_leaves_its_turn_to_the_next() -> None:
    outage = Outage(pause_seconds=lambda _: 5.0)
    for _ in range(3):
        outage.note_failed()
    entered: list[str] = []

    async def attempt(name: str, seconds: float) -> None:
        async with turn(outage):
            entered.append(name)
            await asyncio.sleep(seconds)

    first = asyncio.create_task(attempt("first", 1000.0))
    await asyncio.sleep(6.0)
    second = asyncio.create_task(attempt("second", 0.0))
    await asyncio.sleep(6.0)
    entered_before = list(entered)
    first.cancel()
    await second

    assert entered_before == ["first"]
    assert entered == ["first", "second"]
    assert outage.is_down


async def test_one_connection_ends_the_outage_for_all() -> None:
    outage = Outage(pause_seconds=lambda _: 5.0)
    for _ in range(3):
        outage.note_failed()
    entered = 0

    async def attempt() -> None:
        nonlocal entered
        async with turn(outage):
            entered += 1
            outage.note_connected()
            await asyncio.sleep(40.0)  # the answer takes its time

    attempts = [asyncio.create_task(attempt()) for _ in range(20)]
    await asyncio.sleep(5.1)

    assert entered == 20
    await asyncio.gather(*attempts)


async def test_after_an_outage_a_send_is_as_quick_as_ever(emulator: Emulator) -> None:
    emulator.customer_writes(ANA)
    wire = Wire()
    wire.cut()

    async with over(wire, emulator) as client:
        with pytest.raises(UnsentError):
            await client.send_freeform(ANA, "too early", timeout=15.0)
        wire.mend()
        await asyncio.sleep(30.0)
        asked_at = asyncio.get_running_loop().time()
        await client.send_freeform(ANA, "now")

    assert emulator.accepted[-1].at - asked_at < 0.1
