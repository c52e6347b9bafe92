"""Connections made ahead: when they are made, who gets one, what may befall them."""

import asyncio
import gc
import logging
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import aiohttp
import pytest
from attrs import define, field, frozen

from autocalls_async import (
    AutocallsClient,
    RetryPolicy,
    SendLimit,
    UnreachableError,
    UnsentError,
)
from autocalls_async.emulator import Emulator, Endpoint
from autocalls_async.http.transport.spare import Spare
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.verdict import Kind
from tests.needs import MINUTES, examples
from tests.people import ANA, SENDER, hello, hellos, open_windows, people
from tests.promises.faults.server import FaultServer, Script, Wire, good_answer
from tests.promises.faults.ways import server_context

AUTHORITY = (
    Path(__file__).parents[1] / "promises" / "faults" / "certificates" / "authority.pem"
)
STRAY = good_answer(b'{"success":true,"whatsapp_message_id":999999}')
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"


def loop_time() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()


# Dials, counted where aiohttp makes a connection


@frozen
class Dial:
    """One connection that was begun."""

    at: float
    is_spare: bool
    is_for_sends: bool


@define(eq=False)
class Dials:
    """All connections that were begun, on a network that takes its time."""

    seconds: float
    seen: list[Dial] = field(factory=list, init=False)
    open_count: int = field(default=0, init=False)
    most_spares: int = field(default=0, init=False)

    def spares(self, *, for_sends: bool = True) -> list[float]:
        """Return when those made ahead were begun."""
        return [d.at for d in self.seen if d.is_spare and d.is_for_sends is for_sends]

    def others(self) -> list[float]:
        """Return when those were begun that a send made for itself."""
        return [d.at for d in self.seen if not d.is_spare and d.is_for_sends]


@contextmanager
def dialling(seconds: float = 0.0) -> Iterator[Dials]:
    """Count the connections that are begun; each takes so long."""
    dials = Dials(seconds)
    create = aiohttp.TCPConnector._create_connection  # noqa: SLF001  # counted

    async def count_and_create(
        self: aiohttp.TCPConnector,
        *args: Any,  # noqa: ANN401  # passed on
        **how: Any,  # noqa: ANN401  # passed on
    ) -> Any:  # noqa: ANN401
        task = asyncio.current_task()
        is_spare = task is not None and task.get_name() == "autocalls spare"
        dials.seen.append(Dial(loop_time(), is_spare, self.force_close))
        is_counted = is_spare and self.force_close
        dials.open_count += is_counted
        dials.most_spares = max(dials.most_spares, dials.open_count)
        try:
            await asyncio.sleep(dials.seconds)
            return await create(self, *args, **how)
        finally:
            dials.open_count -= is_counted

    with patch.object(aiohttp.TCPConnector, "_create_connection", count_and_create):
        yield dials


def client_of(base_url: str, **settings: Any) -> AutocallsClient:  # noqa: ANN401  # its own
    """Make a client that checks no windows and gives up soon."""
    defaults = {"sender_id": SENDER, "window_check": "never"}
    retry = RetryPolicy(max_attempts=2)
    return AutocallsClient(
        "key", base_url=base_url, **{"retry": retry, **defaults, **settings}
    )


@asynccontextmanager
async def client_at(
    port: int,
    **settings: Any,  # noqa: ANN401  # its own
) -> AsyncIterator[AutocallsClient]:
    """Open a client of a server on this machine."""
    async with client_of(f"http://127.0.0.1:{port}", **settings) as client:
        yield client


@define(eq=False)
class Ages:
    """How old each connection was when its first request had come."""

    seen: list[float] = field(factory=list, init=False)
    closed_after: list[float] = field(factory=list, init=False)

    async def serve(self, wire: Wire) -> None:
        """Answer one request, and note how long it took to come."""
        began_at = loop_time()
        try:
            arrival = await wire.read_request()
        except asyncio.IncompleteReadError:
            self.closed_after.append(loop_time() - began_at)
            return
        self.seen.append(loop_time() - began_at)
        await wire.send(good_answer(arrival.good_body(), "Connection: close"))


async def serve(wire: Wire) -> None:
    """Answer each request."""
    while True:
        arrival = await wire.read_request()
        await wire.send(good_answer(arrival.good_body()))


# Faults on one that waits


def after_a_while(fault: Script) -> Script:
    """Answer a request as is right; where none comes for half a second, the fault."""

    async def play(wire: Wire) -> None:
        try:
            async with asyncio.timeout(0.5):
                await wire.read_head()
        except TimeoutError:
            await fault(wire)
        await serve(wire)

    return play


async def says_close_notify(wire: Wire) -> None:
    """Say that no more will be written, and close nothing."""
    tls = wire._writer.transport._ssl_protocol  # type: ignore[attr-defined]  # noqa: SLF001
    with suppress(ssl.SSLError):
        tls._sslobj.unwrap()  # noqa: SLF001
    tls._process_outgoing()  # noqa: SLF001


async def says_an_alert(wire: Wire) -> None:
    """Write an alert below TLS, as somebody on the way would."""
    peer = wire._writer.get_extra_info("socket")  # noqa: SLF001
    peer._sock.send(b"\x15\x03\x03\x00\x02\x02\x28")  # noqa: SLF001


async def says_408(wire: Wire) -> None:
    """Give up on the request, as proxies do."""
    await wire.send(TIMED_OUT)
    await wire.close()


FAULTS: dict[str, Script] = {
    "a stray answer with somebody else's id": lambda wire: wire.send(STRAY),
    "half a status line": lambda wire: wire.send(b"HTTP/1.1 20"),
    "one byte": lambda wire: wire.send(b"H"),
    "408, then FIN": says_408,
    "close": Wire.close,
    "reset": Wire.reset,
}
TLS_FAULTS: dict[str, Script] = {
    **FAULTS,
    "close_notify": says_close_notify,
    "an alert": says_an_alert,
}
OF_TLS = TLS_FAULTS.keys() - FAULTS.keys()  # the others look the same below it


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have aiohttp trust the tests' authority, as it does the system's."""
    context = ssl.create_default_context(cafile=AUTHORITY)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", context)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("fault", "is_tls"),
    [
        *(pytest.param(f, False, id=f"plain: {n}") for n, f in FAULTS.items()),
        *(
            pytest.param(f, True, id=f"TLS: {n}", marks=() if n in OF_TLS else MINUTES)
            for n, f in TLS_FAULTS.items()
        ),
    ],
)
async def test_a_fault_on_a_waiting_spare_makes_nothing_wrong_double_or_unknown(
    fault: Script, *, is_tls: bool
) -> None:
    rng = Random(7)
    times = examples(50)
    context = server_context("right") if is_tls else None
    server = FaultServer(after_a_while(fault), context=context)
    async with server:
        scheme = "https" if is_tls else "http"
        base_url = f"{scheme}://127.0.0.1:{server.port}"
        async with client_of(base_url) as client:
            for number in range(times):
                client.windows.note_inbound(ANA)
                # Also in the very moment of the fault.
                when = 0.5 + rng.uniform(-0.001, 0.003)
                await asyncio.sleep(when if number % 2 else rng.uniform(0.2, 1.5))
                sent = await client.send(hello())
                assert sent.whatsapp_message_id == server.arrivals[-1].number
                await asyncio.sleep(1)

    assert len(server.arrivals) == times


# Their age


async def test_none_is_older_than_5_seconds_at_its_first_byte() -> None:
    rng, ages = Random(3), Ages()
    async with FaultServer(ages.serve) as server, client_at(server.port) as client:
        for _ in range(examples(150)):
            client.windows.note_inbound(ANA)
            await asyncio.sleep(
                rng.choice([0.0, rng.uniform(3.9, 5.3), rng.expovariate(0.3)])
            )
            await asyncio.gather(
                *(client.send(m) for m in hellos(people(rng.randint(1, 3))))
            )

    assert len(ages.seen) == len(server.arrivals)
    assert 3.9 < max(ages.seen) <= 5.0


async def test_one_that_waits_at_the_gate_grows_no_older_either() -> None:
    ages = Ages()
    async with FaultServer(ages.serve) as server, client_at(server.port) as client:
        await client.warm()
        await asyncio.sleep(4.9)
        burst = [client.send(m, timeout=100) for m in hellos(people(40))]
        await asyncio.gather(*burst)

    assert len(ages.seen) == 40
    assert max(ages.seen) <= 5.0


async def test_one_that_is_wanted_no_more_is_closed_in_time() -> None:
    ages = Ages()
    async with FaultServer(ages.serve) as server, client_at(server.port) as client:
        await client.warm()
        await asyncio.sleep(60)

        assert ages.closed_after
        assert max(ages.closed_after) <= 5.001


async def test_it_is_renewed_for_a_minute_after_somebody_wrote_and_not_after() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(0.05) as dials:
            await asyncio.sleep(10)
            began_at = loop_time()
            client.windows.note_inbound(ANA)
            await asyncio.sleep(300)

    times = [at - began_at for at in dials.spares()]
    assert times[0] < 0.001
    assert 12 <= len(times) <= 17
    assert all(b - a <= 4.1 for a, b in pairwise(times))
    assert 54 <= times[-1] <= 60


@pytest.mark.parametrize("seconds", [0.5, 20.0, 40.3, 55.0])
async def test_a_reply_in_that_minute_opens_no_connection_of_its_own(
    seconds: float,
) -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(0.1) as dials:
            client.windows.note_inbound(ANA)
            await asyncio.sleep(seconds)
            before, began_at = len(dials.seen), loop_time()
            await client.send(hello())
            took = loop_time() - began_at

    assert before >= 1
    assert dials.others() == []
    assert took < 0.1  # no connection was waited for


async def test_one_for_checks_that_nobody_uses_is_replaced_and_not_kept_for_ever() -> (
    None
):
    ages = Ages()
    async with FaultServer(ages.serve) as server, client_at(server.port) as client:
        for _ in range(60):
            await client.warm()
            await asyncio.sleep(3)
        before = len(server.arrivals)
        await client.account()

    assert before == 0
    assert ages.seen[-1] <= 5.0
    assert max(ages.closed_after) <= 5.001


async def test_one_for_checks_that_is_in_use_is_kept() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling() as dials:
            for _ in range(60):
                await client.warm()
                await client.account()
                await asyncio.sleep(3)

    assert len([d for d in dials.seen if not d.is_for_sends]) == 1


# How often


async def test_one_at_a_time_is_dialled_and_one_for_each_gap_of_the_limit() -> None:
    async with (
        FaultServer(serve) as server,
        client_at(server.port, send_limit=SendLimit(2)) as client,
    ):
        with dialling(0.7) as dials:
            for _ in range(5):
                client.windows.note_inbound(ANA)
                await asyncio.gather(*(client.send(m) for m in hellos(people(4))))

    times = dials.spares()
    assert dials.most_spares == 1
    assert len(times) > 3
    assert all(b - a >= 0.5 - 1e-6 for a, b in pairwise(times))


async def test_all_clients_of_a_loop_dial_20_a_second_and_all_have_their_turn() -> None:
    count, wakes = 60, 0
    serve_spare = Spare._serve  # noqa: SLF001  # counted

    def count_and_serve(self: Spare) -> None:
        nonlocal wakes
        wakes += 1
        serve_spare(self)

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(FaultServer(serve))
        opened = [client_at(server.port) for _ in range(count)]
        clients = [await stack.enter_async_context(client) for client in opened]
        stack.enter_context(patch.object(Spare, "_serve", count_and_serve))
        dials = stack.enter_context(dialling())
        began_at = loop_time()
        for client in clients:
            client.windows.note_inbound(ANA)
        await asyncio.sleep(3.5)
        times = [at - began_at for at in dials.spares()]

    assert all(b - a >= 0.05 - 1e-6 for a, b in pairwise(times))
    assert len(times) == count
    assert wakes <= 6 * count  # not each of them at each dial


async def test_a_dial_that_fails_is_silent_and_does_not_hammer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with FaultServer(serve) as server:
        port = server.port
    async with client_at(port) as client:
        with dialling() as dials:
            client.windows.note_inbound(ANA)
            await asyncio.sleep(60)
            gc.collect()

    assert len(dials.seen) == 1
    assert [r for r in caplog.records if r.name != "asyncio"] == []
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_a_dial_that_takes_too_long_does_not_hammer_either() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(5.5) as dials:
            client.windows.note_inbound(ANA)
            await asyncio.sleep(60)

    assert len(dials.seen) == 1


async def test_a_send_s_own_dial_is_given_up_after_10_seconds_and_made_anew() -> None:
    async with (
        FaultServer(serve) as server,
        client_at(server.port, connect_ahead=False) as client,
    ):
        with dialling(60.0) as dials:
            with pytest.raises(UnreachableError, match="timed out"):
                await client.send(hello())
            took = loop_time() - dials.seen[0].at

    first, second = dials.others()
    assert second - first >= 10.0
    assert took - (second - first) == pytest.approx(10.0)


# Not for everybody


async def test_none_is_made_or_taken_for_bulk(emulator: Emulator) -> None:
    open_windows(emulator, people(20))
    async with client_of(emulator.base_url) as client:
        with dialling() as dials:
            for lane in Lane:
                source = hellos(people(5))
                _ = [o async for o in client.send_many(source, lane=lane)]
            await client.send(hello(people(1)[0]), lane="bulk")
            await asyncio.sleep(10)

    assert dials.spares() == dials.spares(for_sends=False) == []
    assert len(dials.others()) == 11


async def test_none_is_made_on_a_lent_session_or_where_it_is_switched_off(
    emulator: Emulator,
) -> None:
    open_windows(emulator, [ANA])
    async with aiohttp.ClientSession() as lent:
        for settings in ({"session": lent}, {"connect_ahead": False}):
            async with client_of(emulator.base_url, **settings) as client:
                with dialling() as dials:
                    await client.warm()
                    client.windows.note_inbound(ANA)
                    await client.send(hello())
                    await asyncio.sleep(10)

                assert len(dials.seen) == 1


async def test_none_is_made_while_an_outage_is_known() -> None:
    async with FaultServer(serve) as server:
        port = server.port
    async with client_at(port, retry=RetryPolicy(max_attempts=4)) as client:
        with pytest.raises(UnreachableError):
            await client.send(hello())
        with dialling() as dials:
            for _ in range(10):
                client.windows.note_inbound(ANA)
                await asyncio.sleep(1)
            with pytest.raises(UnsentError):
                await client.send(hello(), timeout=5)

    assert dials.spares() == []


async def test_a_campaign_does_not_take_the_reply_s() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(0.3) as dials:
            run = client.send_many(hellos(people(40)))
            campaign = asyncio.create_task(drain(run))
            await asyncio.sleep(2)
            for _ in range(5):
                client.windows.note_inbound(ANA)
                await asyncio.sleep(0.7)
                taken = len(dials.others())
                began_at = loop_time()
                await client.send(hello())
                took = loop_time() - began_at
                mine = [at for at in dials.others()[taken:] if at == began_at]
                assert took <= 0.2 + 0.001  # its turn; no connection was waited for
                assert mine == []
            await campaign


async def drain(run: Any) -> None:  # noqa: ANN401  # a run
    """Take every outcome."""
    async for _ in run:
        pass


# Asked for


async def test_warm_returns_when_a_connection_for_each_stands() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(0.3) as dials:
            await client.warm()
            took, before = loop_time(), len(dials.seen)
            await asyncio.gather(client.account(), client.send(hello()))
            late = [d for d in dials.seen[before:] if not d.is_spare]

    assert before == 2
    assert 0.3 <= took <= 0.4
    assert late == []


async def test_warm_says_so_where_the_host_is_dead_or_slow() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(6.0) as dials, pytest.raises(UnreachableError):
            await client.warm()
    async with client_at(server.port) as client:
        with pytest.raises(UnreachableError):
            await client.warm()

    assert len(dials.seen) <= 2


async def test_warm_can_be_cancelled_and_come_again() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(0.3) as dials:
            warming = asyncio.create_task(client.warm())
            await asyncio.sleep(0.1)
            warming.cancel()
            await asyncio.wait([warming])
            await client.warm()

    assert warming.cancelled()
    assert len(dials.seen) == 2


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.06, 0.3, 0.32, 0.5])
async def test_closing_ends_who_warms(seconds: float) -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(0.3) as dials:
            await client.warm()
            await client.send(hello())
            warming = [asyncio.create_task(client.warm()) for _ in range(3)]
            await asyncio.sleep(seconds)
            await client.aclose()
            closed_at = loop_time()
            ended = await asyncio.gather(*warming, return_exceptions=True)
            ended_at = loop_time()
            await asyncio.sleep(10)

    assert ended_at - closed_at < 0.01
    assert all(error is None or isinstance(error, UnreachableError) for error in ended)
    assert [d.at for d in dials.seen if d.at > closed_at] == []


async def test_many_can_warm_at_once_and_while_replies_are_sent() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(0.15):
            sends = [asyncio.create_task(client.send(m)) for m in hellos(people(30))]
            async with asyncio.timeout(3):
                await asyncio.gather(*(client.warm() for _ in range(10)))
            await asyncio.gather(*sends)


async def test_the_send_s_is_dialled_while_the_window_is_asked(
    emulator: Emulator,
) -> None:
    open_windows(emulator, [ANA])
    emulator.before_counting = lambda _: 0.5
    async with client_of(emulator.base_url, window_check="always") as client:
        with dialling(0.3) as dials:
            await client.send(hello())

    assert dials.spares()[0] < 0.001
    assert dials.others() == []
    asked = [r for r in emulator.requests if r.endpoint is Endpoint.SESSION_STATUS]
    assert len(asked) == 1


# Closing, cancelling


async def test_closing_leaves_no_task_no_timer_and_no_socket() -> None:
    ages = Ages()
    loop: Any = asyncio.get_running_loop()
    async with FaultServer(ages.serve) as server:
        for seconds in (0.0, 0.01, 0.1, 0.31, 1.0, 4.2):
            others = asyncio.all_tasks()
            with dialling(0.3):
                async with client_at(server.port) as client:
                    client.windows.note_inbound(ANA)
                    warming = asyncio.create_task(client.warm())
                    await asyncio.sleep(seconds)
                await asyncio.gather(warming, return_exceptions=True)
            timers = [t for t in loop._scheduled if not t.cancelled()]  # noqa: SLF001
            await asyncio.sleep(0.001)
            gc.collect()

            ours = [t for t in asyncio.all_tasks() - others if "Wire" not in repr(t)]
            assert [t for t in ours if "autocalls" in t.get_name()] == []
            assert [t for t in timers if "spare" in repr(t) or "line" in repr(t)] == []
            wires = [p for p in server._plays if not p.done()]  # noqa: SLF001
            assert wires == []


async def test_a_taker_who_is_cancelled_leaves_the_dial_for_the_next() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(1.0) as dials:
            client.windows.note_inbound(ANA)
            await asyncio.sleep(0.2)
            first = asyncio.create_task(client.send(hello()))
            await asyncio.sleep(0.2)
            first.cancel()
            await asyncio.wait([first])
            await client.send(hello())
            took = loop_time()

    assert first.cancelled()
    assert took == pytest.approx(1.0, abs=0.01)
    assert dials.others() == []
    assert len(server.arrivals) == 1


def cancel(task: asyncio.Task[Any], _dialled: object) -> None:
    """Cancel a task, as another has ended."""
    task.cancel()


async def test_a_taker_who_is_cancelled_as_the_dial_ends_leaves_it_its_time() -> None:
    ages = Ages()
    async with FaultServer(ages.serve) as server, client_at(server.port) as client:
        for _ in range(3):
            client.windows.note_inbound(ANA)
            await asyncio.sleep(70)
            spare = client._wiring.transport._spares[Kind.SEND]  # noqa: SLF001
            spare.want(loop_time() + 1.0)
            taking = asyncio.create_task(spare.take())
            await asyncio.sleep(0)
            dial = spare._dialling  # noqa: SLF001  # what it waits for
            assert dial is not None
            dial.add_done_callback(partial(cancel, taking))
            await asyncio.wait([taking])
            assert taking.cancelled()
            await asyncio.sleep(20)

    assert len(ages.closed_after) >= 6
    assert max(ages.closed_after) <= 5.001


async def test_of_two_replies_at_once_none_waits_for_two_dials() -> None:
    async with FaultServer(serve) as server, client_at(server.port) as client:
        with dialling(1.0) as dials:
            client.windows.note_inbound(ANA)
            await asyncio.sleep(0.1)
            sends = [client.send(m) for m in hellos(people(2))]
            await asyncio.gather(*sends)
            took = loop_time()

    assert took <= 1.1 + 0.2
    assert len(dials.others()) == 1


who: ContextVar[str] = ContextVar("who", default="nobody")


async def test_what_is_made_ahead_keeps_nobody_s_context() -> None:
    seen: list[str] = []
    create = aiohttp.TCPConnector._create_connection  # noqa: SLF001  # watched

    async def watch(self: Any, *args: Any, **how: Any) -> Any:  # noqa: ANN401  # passed on
        task = asyncio.current_task()
        if task is not None and task.get_name() == "autocalls spare":
            seen.append(who.get())
        return await create(self, *args, **how)

    async with FaultServer(serve) as server, client_at(server.port) as client:
        with patch.object(aiohttp.TCPConnector, "_create_connection", watch):
            who.set("Ana's request")
            client.windows.note_inbound(ANA)
            await client.send(hello())
            await asyncio.sleep(30)

    assert len(seen) > 3
    assert set(seen) == {"nobody"}


@pytest.mark.real_time
@pytest.mark.skipif(sys.version_info < (3, 12), reason="it came with 3.12")
async def test_spares_are_renewed_on_a_loop_whose_tasks_begin_at_once() -> None:
    loop = asyncio.get_running_loop()
    faults: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    loop.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009
    async with (
        Emulator() as emulator,
        AutocallsClient("key", base_url=emulator.base_url, sender_id=SENDER) as client,
    ):
        emulator.customer_writes(ANA)
        client.windows.note_inbound(ANA)
        await client.warm()
        for _ in range(4):
            await client.send(hello())
    assert faults == []
