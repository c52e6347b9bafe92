"""One run of the simulation: a user's program, a client, a network, the service.

All is drawn from one seed and happens in virtual time, so a run can be
repeated to the last step.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
from attrs import field, frozen

from autocalls_async import AutocallsClient, Observer, RetryPolicy, SendLimit
from autocalls_async.emulator import Emulator, Endpoint, Fault, RateLimit
from autocalls_async.testing import run, wall_clock
from tests.promises.simulation.history import (
    History,
    Process,
    mark_of_accepted,
    mark_of_body,
)
from tests.promises.simulation.network import MemoryConnector, Network
from tests.promises.simulation.user import Book, Habits, Program
from tests.promises.simulation.weather import Climate, Elements, draw_climate

_SENDER = 12
_LONGEST_SECONDS = 100_000.0
_ONE_ATTEMPT = RetryPolicy(max_attempts=1)
_POLICIES = (
    RetryPolicy(),
    RetryPolicy(),
    _ONE_ATTEMPT,
    RetryPolicy(base_seconds=0.0, max_outage_seconds=20.0),
)


@frozen(kw_only=True)
class Setting:
    """What one run is like.

    Attributes:
        message_count: Messages that the user wants to send.
        recipient_count: To so many recipients.
        process_count: The last process of so many ends of its own; those before
            it are closed early or killed.
        send_rate: The client's limit a second.
        is_limited: Whether the service keeps to 5 a second.
        is_pooling: Whether the lent session keeps connections.
        options: More of the client's.
    """

    seed: int
    message_count: int = 60
    recipient_count: int = 7
    process_count: int = 1
    send_rate: int = 5
    is_limited: bool = True
    is_pooling: bool = False
    options: Mapping[str, Any] = field(factory=dict)
    climate: Climate = field(factory=Climate)
    habits: Habits = field(factory=Habits)


def draw_setting(
    seed: int, *, message_count: int = 60, resends_after_kill: bool = False
) -> Setting:
    """Draw what a run is like."""
    rng = random.Random(f"{seed}: setting")
    habits = Habits(
        single_share=rng.choice((0.2, 0.5, 0.8)),
        cancel_share=rng.choice((0.0, 0.2)),
        hurry_share=rng.choice((0.0, 0.3)),
        again_share=rng.choice((0.0, 0.7)),
        leave_share=rng.choice((0.0, 0.4)),
        stop_share=rng.choice((0.0, 0.5)),
        resends_after_kill=resends_after_kill,
    )
    recipient_count = rng.choice((3, 7, 15))
    return Setting(
        seed=seed,
        message_count=message_count,
        recipient_count=recipient_count,
        process_count=rng.choice((1, 2, 3)),
        is_pooling=rng.random() < 0.3,
        options={
            "max_queued": rng.choice((None, None, recipient_count)),
            "window_check": rng.choice(("auto", "auto", "always", "never")),
            "retry": rng.choice(_POLICIES),
        },
        climate=draw_climate(rng),
        habits=habits,
    )


def simulate(setting: Setting) -> tuple[History, list[str]]:
    """Run it; give what happened, and the trace of it."""
    with _seeded(setting.seed):
        return run(_World(setting).play())


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the `random` module, which the client draws its pauses from."""
    before = random.getstate()
    random.seed(f"{seed}: client")
    try:
        yield
    finally:
        random.setstate(before)


class _World:
    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._rng = rng = random.Random(f"{setting.seed}: world")
        self._book = Book(
            rng=rng,
            habits=setting.habits,
            recipients=[f"+1415555{n:04}" for n in range(setting.recipient_count)],
            clock=_now,
        )
        draws = random.Random(f"{setting.seed}: elements")
        self._elements = Elements(setting.climate, draws, _now)
        self._processes: list[Process] = []
        self._complaints: list[str] = []

    async def play(self) -> tuple[History, list[str]]:
        asyncio.get_running_loop().set_exception_handler(self._complain)
        setting = self._setting
        self._book.plan(setting.message_count)
        self._emulator = emulator = Emulator(
            port=None,
            now=wall_clock(),
            balance=Decimal(1_000_000),
            rate_limit=RateLimit.SLIDING_LOG if setting.is_limited else None,
        )
        self._network = Network(
            accept=emulator.protocol,
            delay=self._elements.delay,
            weather=self._elements.plan,
            note=self._book.note,
        )
        emulator.choose_fault = self._choose_fault
        for recipient in self._book.recipients:
            emulator.customer_writes(recipient)
        async with emulator:
            await self._live()
        return self._history(), self._book.trace

    async def _live(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                for number in range(1, self._setting.process_count):
                    await self._live_briefly(number)
                    # The pace of a dead process is forgotten with it.
                    await asyncio.sleep(self._rng.uniform(2, 5))
                await self._live_to_the_end(self._setting.process_count)
                # What was given up by the client may still act at the service.
                await asyncio.sleep(200)
        except TimeoutError:
            self._complaints.append("it stalled")

    async def _live_briefly(self, number: int) -> None:
        """Let a process work for a while, and close its client or kill it."""
        is_killed = self._rng.random() < 0.5
        async with self._process(number, is_killed=is_killed) as program:
            work = asyncio.create_task(program.work())
            await asyncio.wait([work], timeout=self._rng.uniform(0, 15))
            self._book.note_act("process killed" if is_killed else "client closed")
            if is_killed:
                self._network.kill()
                program.is_dead = True
                self._book.note_kill(number)
                work.cancel()
            program.is_closing = True
            await program.client.aclose()
            await asyncio.wait([work])
            if not work.cancelled():
                work.result()

    async def _live_to_the_end(self, number: int) -> None:
        """Let a process do all that is left, and then work in fair weather."""
        async with self._process(number) as program:
            await program.work()
            self._clear_up()
            await asyncio.sleep(10)
            await program.write_to_all()
            await program.client.aclose()

    def _choose_fault(self, endpoint: Endpoint) -> Fault | None:
        requests = self._emulator.requests
        fault = self._elements.fault(endpoint, len(requests) - 1)
        self._book.note(f"arrived {mark_of_body(requests[-1].body)}, {fault}")
        return fault

    def _complain(
        self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]
    ) -> None:
        self._complaints.append(f"{context['message']}: {context.get('exception')!r}")

    def _clear_up(self) -> None:
        self._elements.clear_up()
        self._network.clear_up()
        for recipient in self._book.recipients:
            self._emulator.customer_writes(recipient)

    @asynccontextmanager
    async def _process(
        self, number: int, *, is_killed: bool = False
    ) -> AsyncIterator[Program]:
        """Begin a process, and look at the end what it left behind."""
        others = asyncio.all_tasks()
        is_last = number == self._setting.process_count
        connector = MemoryConnector(self._network, is_pooling=self._setting.is_pooling)
        async with aiohttp.ClientSession(connector=connector) as lent:
            # What a dead process still does is not seen; it is to end soon.
            drain = 0.1 if is_killed else self._rng.choice((0.5, 5.0, 100.0))
            make_client = partial(self._make_client, lent, drain)
            program = Program(make_client, self._book, process=number)
            meddling = asyncio.create_task(self._meddle(program))
            yield program
            meddling.cancel()
            leftovers = [*_used(program.client), *_acquired(connector)]
        await asyncio.sleep(1)
        leftovers += [*_running(others), *_open(self._network)]
        self._processes.append(
            Process(
                number=number,
                was_killed=is_killed,
                was_closed_early=not is_last,
                leftovers=() if is_killed else tuple(leftovers),
            )
        )

    def _make_client(
        self, lent: aiohttp.ClientSession, drain: float, observer: Observer
    ) -> AutocallsClient:
        return AutocallsClient(
            "1|key",
            base_url=self._emulator.base_url,
            sender_id=_SENDER,
            session=lent,
            send_limit=SendLimit(self._setting.send_rate),
            drain_timeout=drain,
            observer=observer,
            **self._setting.options,
        )

    async def _meddle(self, program: Program) -> None:
        """Let windows close and open, and runs be stopped."""
        rng = self._rng
        while True:
            await asyncio.sleep(rng.expovariate(0.3))
            recipient = rng.choice(self._book.recipients)
            match rng.randrange(3):
                case 0 if not self._elements.is_over:
                    self._emulator.expire_window(recipient)
                    self._book.note_act("window closed", recipient)
                case 1:
                    self._emulator.customer_writes(recipient)
                    program.client.windows.note_inbound(recipient)
                case 2 if (
                    program.runs and rng.random() < self._setting.habits.stop_share
                ):
                    program.runs[-1].stop()
                    self._book.note_act("run told to stop")

    def _history(self) -> History:
        emulator, requests = self._emulator, defaultdict(list)
        faulted = set()
        for number, request in enumerate(emulator.requests):
            if mark := mark_of_body(request.body):
                requests[mark].append(request)
                if number in self._elements.struck:
                    faulted.add(mark)
        accepted = {mark_of_accepted(a): a for a in emulator.accepted}
        kinds = Counter(type(f).__name__ for f in self._elements.struck.values())
        return History(
            message_count=self._setting.message_count,
            givings=self._book.givings,
            processes=self._processes,
            departures=self._network.departures,
            requests=requests,
            accepted=accepted,
            most_in_a_second=emulator.most_sends_in_any_second(),
            rate=self._setting.send_rate,
            is_calm=self._setting.climate.is_calm,
            is_pooling=self._setting.is_pooling,
            tries_once=self._setting.options.get("retry") == _ONE_ATTEMPT,
            faulted=frozenset(faulted),
            faults=self._network.faults + kinds + self._book.acts,
            complaints=self._complaints,
        )


def _used(client: AutocallsClient) -> Iterator[str]:
    queue = client.queue
    if queue.interactive or queue.bulk or queue.in_flight:
        yield f"messages ({queue})"
    if slots := client._wiring.send_gate.pace.in_flight_count:  # noqa: SLF001  # shown nowhere
        yield f"{slots} slots"


def _acquired(connector: MemoryConnector) -> Iterator[str]:
    if connector.acquired_count:
        yield f"{connector.acquired_count} connections in use"


def _open(network: Network) -> Iterator[str]:
    if network.open_count:
        yield f"{network.open_count} open connections"


def _running(others: set[asyncio.Task[Any]]) -> Iterator[str]:
    for task in asyncio.all_tasks() - others:
        # aiohttp's server has them for each connection.
        name = getattr(task.get_coro(), "__qualname__", "")
        if not name.startswith("RequestHandler."):
            yield f"the task {task.get_name()}"


def _now() -> float:
    return asyncio.get_running_loop().time()
