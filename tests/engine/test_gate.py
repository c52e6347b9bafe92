"""The gate by itself: who leaves when, who is turned back, and what a kill leaves."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import Enum
from functools import partial
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from aiolimiter import AsyncLimiter
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async import AutocallsClient
from autocalls_async.clock import loop_time
from autocalls_async.emulator import Emulator, Refuse
from autocalls_async.engine.gate.gate import Gate, GateLine, Look
from autocalls_async.engine.gate.limiter import Limiter
from autocalls_async.engine.gate.turns import (
    TURNED_BACK,
    Stop,
    Turn,
    TurnedBack,
    TurnStage,
)
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.journal import SqliteJournal, State
from autocalls_async.journal.storage.store import Store
from autocalls_async.model.errors import UnsentError
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.pace import SendLimit
from autocalls_async.policy.slots import Departure
from autocalls_async.policy.verdict import Seen
from autocalls_async.testing import run
from tests.needs import some_at_once
from tests.people import SENDER, hellos, people

INTERACTIVE, BULK = Lane.INTERACTIVE, Lane.BULK


@define(eq=False)
class Standing:
    """Stands at the place of a connection."""

    expires_at: float = inf
    is_gone: bool = False
    _tells: list[Callable[[], None]] = field(factory=list, init=False)

    def check(self) -> None:
        """Raise if it is gone."""
        if self.is_gone:
            raise AttemptFailed(Seen.NO_CONNECTION, "it is gone")

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Have somebody told."""
        self._tells.append(tell)

    def lose(self) -> None:
        """Be closed by the other side."""
        self.is_gone = True
        for tell in self._tells:
            tell()


class Slow:
    """A limiter that grants when it is told to, and counts."""

    def __init__(self) -> None:
        self._grants = asyncio.Semaphore(0)
        self.error: BaseException | None = None
        self.granted_count = 0

    def grant(self) -> None:
        """Let one more pass."""
        self._grants.release()

    async def acquire(self) -> None:
        """Wait for a grant."""
        await self._grants.acquire()
        if (error := self.error) is not None:
            self.error = None
            raise error
        self.granted_count += 1


class Passage:
    """Goes through a gate, as each attempt of a call does."""

    def __init__(self, gate: Gate, *, lane: Lane) -> None:
        self._gate = gate
        self._order = gate.draw_order()
        self.lane = lane
        self.intend: Callable[[], Awaitable[None]] | None = None
        self.look: Look | None = None
        self.turn = self._new_turn()
        self.slot: Departure | None = None

    def _new_turn(self) -> Turn:
        intends = self.intend is not None
        return Turn(self.lane, self._order, intends=intends)

    @property
    def is_present(self) -> bool:
        """Whether it stands at the gate."""
        return self.turn.stage.name in PRESENT

    async def leave(self, line: GateLine) -> Stop | None:
        """Leave on a line; return why not."""
        self.turn = self._new_turn()
        intend = None if self.intend is None else partial(_intend, self.intend)
        found = await self._gate.pass_through(
            self.turn, line, look=self.look, intend=intend
        )
        if not isinstance(found, Departure):
            return found
        self.slot = found
        return None

    def promote(self) -> None:
        """Go with the interactive ones from now on."""
        if self.lane is not INTERACTIVE:
            self.lane = INTERACTIVE
            self._gate.promote(self.turn)

    def land(self, seen: Seen, *, retry_after: float | None = None) -> None:
        """Have its answer."""
        assert self.slot is not None
        self._gate.landed(self.slot, seen, at=loop_time(), retry_after=retry_after)


async def _intend(note: Callable[[], Awaitable[None]]) -> None:
    await note()


PRESENT = {"WAITING", "CALLED", "READY", "LEAVING"}


@define(eq=False)
class World:
    """A gate, those who go through it, and what became of them."""

    gate: Gate
    answer_seconds: float = 0.0
    left: list[tuple[float, str]] = field(factory=list, init=False)
    tasks: dict[str, asyncio.Task[Stop | None]] = field(factory=dict, init=False)
    passages: dict[str, Passage] = field(factory=dict, init=False)

    @property
    def order(self) -> list[str]:
        """Who has left, in order."""
        return [name for _, name in self.left]

    def come(
        self,
        name: str,
        lane: Lane = INTERACTIVE,
        *,
        intend: Callable[[], Awaitable[None]] | None = None,
        line: GateLine | None = None,
        look: Look | None = None,
        seen: Seen = Seen.OK,
    ) -> asyncio.Task[Stop | None]:
        """Let somebody come to the gate."""
        way = Passage(self.gate, lane=lane)
        way.intend, way.look = intend, look
        self.passages[name] = way
        call = self._pass(name, way, line or Standing(), seen)
        self.tasks[name] = task = asyncio.create_task(call, name=name)
        return task

    async def _pass(
        self, name: str, passage: Passage, line: GateLine, seen: Seen
    ) -> Stop | None:
        if (stop := await passage.leave(line)) is not None:
            return stop
        self.left.append((asyncio.get_running_loop().time(), name))
        await asyncio.sleep(self.answer_seconds)
        passage.land(seen)
        return None

    async def all(self) -> list[Stop | None]:
        """Wait for everybody; return what stopped each."""
        ended = await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        return list(ended)


@asynccontextmanager
async def world(
    rate: int = 5, *, limiter: Limiter | None = None, answer_seconds: float = 0.0
) -> AsyncIterator[World]:
    """Open a gate, and close it."""
    opened = World(Gate(SendLimit(rate), limiter=limiter), answer_seconds)
    yield opened
    for task in opened.tasks.values():
        task.cancel()
    await opened.all()
    await opened.gate.aclose()


def takes(seconds: float) -> Callable[[], Awaitable[None]]:
    """Note an intent in so long."""
    return lambda: asyncio.sleep(seconds)


def goodput(times: list[float]) -> float:
    """Return how many left a second, the first ones aside."""
    later = times[10:]
    return (len(later) - 1) / (later[-1] - later[0])


# The lead


@pytest.mark.parametrize(
    ("seconds", "least"),
    [
        pytest.param(0.0, 4.9, id="no time"),
        pytest.param(0.02, 4.9, id="20 ms"),
        pytest.param(0.15, 4.9, id="150 ms"),
        # No sooner than 0.16 s ahead: a kill costs one unknown, not three.
        pytest.param(0.4, 1 / 0.45, id="400 ms"),
    ],
)
async def test_an_intent_costs_the_pace_nothing_as_far_as_the_lead_goes(
    seconds: float, least: float
) -> None:
    async with world() as here:
        for number in range(60):
            here.come(str(number), BULK, intend=takes(seconds))
        await here.all()

    assert goodput([at for at, _ in here.left]) >= least


@pytest.mark.parametrize("seconds", [0.001, 0.02, 0.15, 0.4])
async def test_at_5_a_second_one_intent_at_most_is_noted_ahead(seconds: float) -> None:
    noted: set[str] = set()
    most = 0

    def intend(name: str) -> Callable[[], Awaitable[None]]:
        async def note() -> None:
            nonlocal most
            noted.add(name)
            await asyncio.sleep(seconds)
            most = max(most, len(noted) - len(here.left))

        return note

    async with world() as here:
        for number in range(40):
            here.come(str(number), BULK, intend=intend(str(number)))
        await here.all()

    assert most == 1


# Groups


@pytest.mark.parametrize(
    ("rate", "most", "least"),
    [
        pytest.param(5, 1.0, 1.0, id="5 a second: each is alone"),
        pytest.param(1_000, 0.5, 0.0, id="1,000 a second: two or more together"),
    ],
)
async def test_those_whose_turns_are_near_share_a_commit(
    tmp_path: Path, rate: int, most: float, least: float
) -> None:
    count = 60 if rate == 5 else 600
    commits: list[int] = []
    run = Store.run

    def count_and_run(self: Store, steps: list[object]) -> object:
        commits.append(len(steps))
        return run(self, steps)  # type: ignore[arg-type]  # passed on

    async with SqliteJournal(tmp_path / "a.db") as journal:
        for number in range(count):
            await journal.admit(str(number), content="{}", recipient_phone="+1")
        async with world(rate) as here:
            with patch.object(Store, "run", count_and_run):
                for key in map(str, range(count)):
                    here.come(key, BULK, intend=partial(journal.intend, key))
                await here.all()
        counts = await journal.counts()

    assert counts[State.IN_FLIGHT] == len(here.left) == count
    assert least <= len(commits) / count <= most


# Turned back at the last look


class StopsAtTheLast:
    """Looks, and finds at the last that somebody must not leave."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self.looks = 0

    def __call__(self, _now: float) -> Stop | None:
        """Count the looks."""
        self.looks += 1
        return self.stop if self.looks > 1 else None


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(UnsentError(detail="withdrawn"), id="withdrawn"),
        pytest.param(TURNED_BACK, id="its window closed meanwhile"),
        pytest.param(AttemptFailed(Seen.NO_CONNECTION, "gone"), id="connection gone"),
    ],
)
async def test_who_is_stopped_at_the_last_look_takes_no_turn_from_the_next(
    error: Stop,
) -> None:
    look = StopsAtTheLast(error)
    async with world() as here:
        here.come("first", BULK, intend=takes(0.02))
        here.come("stopped", intend=takes(0.02), look=look)
        here.come("last", BULK, intend=takes(0.02))
        raised = await here.all()

    assert raised == [None, error, None]
    assert look.looks == 2
    assert here.order == ["first", "last"]
    assert here.left[1][0] - here.left[0][0] == pytest.approx(0.2, abs=0.03)


async def test_a_line_too_old_for_its_first_byte_is_replaced_before_the_intent() -> (
    None
):
    noted: list[str] = []

    async def note() -> None:
        noted.append("intent")
        await asyncio.sleep(0.1)

    async with world() as here:
        for number in range(3):
            here.come(str(number), BULK, intend=takes(0.1))
        # Called some 0.1 s before its turn at 0.7 s, and too old by then.
        here.come("old", BULK, intend=note, line=Standing(expires_at=0.65))
        raised = await here.all()

    assert isinstance(raised[3], TurnedBack)
    assert noted == []


@pytest.mark.parametrize("lost_at", [0.1, 0.3, 0.39])
async def test_a_line_that_is_lost_at_the_gate_is_told_of_at_once(
    lost_at: float,
) -> None:
    line = Standing()
    async with world() as here:
        here.come("first", BULK)
        here.come("second", BULK)
        lost = here.come("lost", BULK, line=line)
        here.come("last", BULK)
        await asyncio.sleep(lost_at)
        line.lose()
        await asyncio.sleep(0.0001)
        was_told = lost.done()
        await here.all()

    assert was_told
    assert isinstance(lost.result(), AttemptFailed)
    assert here.order == ["first", "second", "last"]
    assert here.left[-1][0] == pytest.approx(0.4, abs=0.01)


async def test_a_line_that_is_lost_beside_its_noted_intent_is_told_of_at_once() -> None:
    line = Standing()
    async with world() as here:
        here.come("first", BULK, intend=takes(0.1))
        lost = here.come("lost", BULK, intend=takes(0.05), line=line)
        await asyncio.sleep(0.28)  # it is ready, and leaves at 0.3 s
        stage = here.passages["lost"].turn.stage.name
        line.lose()
        await asyncio.sleep(0.0001)
        was_told = lost.done()
        await here.all()

    assert stage == "READY"
    assert was_told
    assert isinstance(lost.result(), AttemptFailed)


# A 429, a pause, and what a kill leaves


@pytest.mark.parametrize("rate", [5, 50, 500])
@pytest.mark.parametrize("seconds", [0.0005, 0.005, 0.02])
async def test_a_429_takes_back_at_once_all_who_noted_their_intent(
    rate: int, seconds: float
) -> None:
    async with world(rate) as here:
        for number in range(60):
            here.come(str(number), BULK, intend=takes(seconds))
        refused = here.come("refused", seen=Seen.RATE_LIMITED)
        await asyncio.wait([refused])
        before = list(here.order)
        await asyncio.sleep(seconds + 0.0001)
        after = list(here.order)
        stages = {p.turn.stage.name for p in here.passages.values() if p.is_present}

    assert after == before
    assert stages == {"WAITING"}


async def test_who_was_about_to_leave_when_the_429_came_does_not() -> None:
    limiter = Slow()
    async with world(limiter=limiter) as here:
        first = Passage(here.gate, lane=INTERACTIVE)
        limiter.grant()
        await first.leave(Standing())
        here.come("second", BULK)
        await asyncio.sleep(1.0)
        loop = asyncio.get_running_loop()
        limiter.grant()  # in the next turn of the loop it is told to leave
        refuse = partial(first.land, Seen.RATE_LIMITED, retry_after=2.0)
        loop.call_soon(loop.call_soon, refuse)
        raised = await here.all()

    assert isinstance(raised[0], TurnedBack)
    assert here.order == []


async def in_flight(path: Path) -> set[str]:
    """Read from the file, beside its owner, which messages a kill would lose."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = database.execute("SELECT key FROM messages WHERE state = 'in flight'")
    keys = {key for (key,) in found}
    database.close()
    return keys


@pytest.mark.parametrize("rate", [5, 50, 500])
async def test_a_kill_finds_few_in_flight_that_have_not_left(
    tmp_path: Path, rate: int
) -> None:
    path = tmp_path / "a.db"
    counts: list[int] = []
    async with SqliteJournal(path) as journal:
        for number in range(100):
            await journal.admit(str(number), content="{}", recipient_phone="+1")
        async with world(rate, answer_seconds=1000) as here:
            for key in map(str, range(100)):
                here.come(key, BULK, intend=partial(journal.intend, key))
            while len(here.left) < 5:
                await asyncio.sleep(0.2 / rate)
                counts.append(len(await in_flight(path) - set(here.order)))

    # 10 ms of turns, and the lead's one.
    assert max(counts) <= 1 + rate * 0.01


@pytest.mark.parametrize("rate", some_at_once([5, 50, 500], {5}.__contains__))
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3"}])
async def test_while_a_429_pauses_a_run_its_journal_has_nothing_in_flight(
    tmp_path: Path, rate: int, headers: dict[str, str]
) -> None:
    path, loop = tmp_path / "a.db", asyncio.get_running_loop()
    ahead: list[int] = []  # noted as about to leave, and not left
    paused: list[int] = []
    service = Emulator(rate_limit=None, everyone_is_open=True)
    service.after_counting = lambda _: 0.05
    async with (
        service as emulator,
        AutocallsClient(
            "key",
            base_url=emulator.base_url,
            sender_id=SENDER,
            window_check="never",
            send_limit=SendLimit(rate),
        ) as client,
    ):
        loop.call_later(12 / rate, emulator.fail_next, 2, Refuse(429, headers=headers))
        sending = client.send_many(hellos(people(60)), journal=path)
        taking = asyncio.create_task(count_all(sending))
        await asyncio.sleep(3 / rate)
        while not taking.done():
            await asyncio.sleep(0.37 / rate)
            left = client.queue.in_flight
            ahead.append(len(await in_flight(path)) - left)
            if client.queue.paused_seconds > 0.02:  # else the next are called already
                paused.append(ahead[-1])
        count = await taking

    assert count == emulator.accepted_count == 60
    assert emulator.duplicates() == []
    assert max(ahead) <= 1 + rate * 0.01
    assert len(paused) > 2
    assert max(paused) <= 0


async def count_all(outcomes: AsyncIterable[object]) -> int:
    """Take every outcome, and count them."""
    return len([outcome async for outcome in outcomes])


# A lent limiter


async def test_a_limiter_that_raises_fails_the_one_it_was_asked_for() -> None:
    limiter, error = Slow(), ConnectionError("the lights are out")
    async with world(500, limiter=limiter) as here:
        for number in range(6):
            here.come(str(number), BULK, intend=takes(0.003))
        for _ in range(3):
            limiter.grant()
        await asyncio.sleep(1)
        limiter.error = error
        for _ in range(3):
            limiter.grant()
        raised = await here.all()

    assert raised == [None, None, None, error, None, None]
    assert here.order == ["0", "1", "2", "4", "5"]


async def test_a_limiter_that_is_cancelled_itself_leaves_nobody_waiting() -> None:
    limiter = Slow()
    async with world(limiter=limiter) as here:
        first = here.come("first")
        here.come("second")
        limiter.error = asyncio.CancelledError()
        for _ in range(2):
            limiter.grant()
        async with asyncio.timeout(10):
            await here.all()

    assert isinstance(first.result(), Exception)
    assert here.order == ["second"]


async def test_a_silent_limiter_is_told_of_and_holds_nobody_who_is_cancelled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "autocalls_async")
    async with world(limiter=Slow()) as here:
        here.come("person")
        here.come("run", BULK, intend=takes(0.02))
        await asyncio.sleep(9.9)
        before = len(caplog.records)
        await asyncio.sleep(0.2)
        waited = here.gate.limiter_wait
        for task in here.tasks.values():
            task.cancel()
        began_at = asyncio.get_running_loop().time()
        await here.all()
        ended_at = asyncio.get_running_loop().time()

    assert (before, len(caplog.records)) == (0, 1)
    assert "let nothing leave for 10 s" in caplog.text
    assert waited == pytest.approx(10.1, abs=0.01)
    assert ended_at - began_at < 0.001


@pytest.mark.parametrize("rate", [5, 500])
async def test_no_grant_is_lost_with_those_who_are_withdrawn(rate: int) -> None:
    limiter = Slow()
    async with world(rate, limiter=limiter) as here:
        for number in range(10):
            here.come(str(number), BULK, intend=takes(0.5))
        for _ in range(10):
            limiter.grant()
        await asyncio.sleep(0.1)  # those that were called note their intents
        for task in here.tasks.values():
            task.cancel()
        await here.all()
        here.tasks.clear()
        for number in range(10):
            here.come(f"later {number}", BULK)
        async with asyncio.timeout(10):
            await here.all()

    assert len(here.order) == limiter.granted_count == 10


# People first


def journalled(*, is_journalled: bool) -> Callable[[], Awaitable[None]] | None:
    """Return what a bulk message does before it leaves."""
    return takes(0.02) if is_journalled else None


@pytest.mark.parametrize("rate", [5, 50, 500])
@pytest.mark.parametrize("is_journalled", [False, True])
@pytest.mark.parametrize("is_lent", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
async def test_an_interactive_one_waits_behind_one_bulk_at_most(
    rate: int, *, is_journalled: bool, is_lent: bool, share: float
) -> None:
    limiter = AsyncLimiter(1, 1 / rate) if is_lent else None
    behind: list[int] = []
    async with world(rate, limiter=limiter) as here:
        for number in range(140):
            intend = journalled(is_journalled=is_journalled)
            here.come(f"bulk {number}", BULK, intend=intend)
        for number in range(20):
            await asyncio.sleep((3 + share) / rate)
            came_at = len(here.order)
            name = f"person {number}"
            await here.come(name)
            behind.append(here.order.index(name) - came_at)

    assert max(behind) <= 1


@pytest.mark.parametrize("rate", [5, 50, 500])
@pytest.mark.parametrize("is_journalled", [False, True])
@pytest.mark.parametrize("is_lent", [False, True])
async def test_bulk_has_its_fifth_while_interactive_ones_keep_coming(
    rate: int, *, is_journalled: bool, is_lent: bool
) -> None:
    limiter = AsyncLimiter(1, 1 / rate) if is_lent else None
    async with world(rate, limiter=limiter) as here:
        for number in range(40):
            here.come(f"bulk {number}", BULK, intend=takes(0.02 * is_journalled))
        for number in range(200):
            here.come(f"person {number}")
        await here.all()
        order = here.order[:100]

    bulk = [at for at, name in enumerate(order) if name.startswith("bulk")]
    # A bulk one notes its intent with its grant in hand, and others leave meanwhile.
    is_slow = is_lent and is_journalled and rate > 5
    assert (5 if is_slow else 18) <= len(bulk) <= 22
    people = [name for name in order if name.startswith("person")]
    assert people == sorted(people, key=lambda name: int(name.split()[1]))


async def test_a_run_whose_journal_hangs_holds_up_no_reply() -> None:
    async with world() as here:
        for number in range(4):
            here.come(f"first {number}", BULK)
            here.come(f"reply {number}")
        await asyncio.sleep(2)
        here.come("hung", BULK, intend=takes(1000))
        here.come("hung as well", INTERACTIVE, intend=takes(1000))
        await asyncio.sleep(1)
        for number in range(8):
            here.come(f"later {number}")
        began_at = asyncio.get_running_loop().time()
        async with asyncio.timeout(10):
            await asyncio.wait([here.tasks["later 7"]])
        ended_at = asyncio.get_running_loop().time()

    assert ended_at - began_at == pytest.approx(1.4, abs=0.1)


async def test_a_bulk_one_that_found_the_gate_free_has_had_its_turn() -> None:
    async with world() as here:
        for number in range(5):
            here.come(f"person {number}")
        withdrawn = here.come("bulk", BULK)
        await asyncio.sleep(0.9)  # four went before it: it would be its turn
        withdrawn.cancel()
        await asyncio.sleep(1)
        here.come("bulk alone", BULK)
        here.come("bulk next", BULK)
        here.come("person next")
        await here.all()

    assert here.order[-3:] == ["bulk alone", "person next", "bulk next"]


# Cancelled, promoted


async def act_at(here: World, name: str, stage: str, act: Callable[[], object]) -> None:
    """Act once somebody has come into a stage, and does not know of it yet."""
    done = asyncio.Event()
    move, passage = here.gate.turns.move, here.passages[name]

    def watch(turn: Turn, to: TurnStage) -> None:
        move(turn, to)
        if turn is passage.turn and to.name == stage and not done.is_set():
            done.set()
            act()

    if stage == "WAITING":
        await asyncio.sleep(0.01)
        act()
        return
    with patch.object(here.gate.turns, "move", watch):
        await done.wait()


@pytest.mark.parametrize("stage", ["WAITING", "CALLED", "READY", "LEAVING"])
@pytest.mark.parametrize("is_lent", [False, True])
async def test_who_is_cancelled_at_any_stage_passes_the_turn_on(
    stage: str, *, is_lent: bool
) -> None:
    limiter = AsyncLimiter(1, 0.05) if is_lent else None
    async with world(limiter=limiter) as here:
        here.come("first", BULK, intend=takes(0.05))
        here.come("cancelled", BULK, intend=takes(0.05))
        for number in range(3):
            here.come(str(number), BULK, intend=takes(0.05))
        await act_at(here, "cancelled", stage, here.tasks["cancelled"].cancel)
        await here.all()

    times = [at for at, _ in here.left]
    assert here.order == ["first", "0", "1", "2"]
    assert times[-1] <= (0.05 if stage == "WAITING" else 0.15) + 3 * 0.2 + 0.05


@pytest.mark.parametrize("stage", ["WAITING", "CALLED", "READY", "LEAVING"])
@pytest.mark.parametrize("is_lent", [False, True])
async def test_who_is_promoted_at_any_stage_goes_before_bulk_and_leaves_once(
    stage: str, *, is_lent: bool
) -> None:
    limiter = AsyncLimiter(1, 0.05) if is_lent else None
    async with world(limiter=limiter) as here:
        for number in range(3):
            here.come(str(number), BULK, intend=takes(0.05))
        here.come("promoted", BULK, intend=takes(0.05))
        await act_at(here, "promoted", stage, here.passages["promoted"].promote)
        before = len(here.order)
        assert here.passages["promoted"].lane is INTERACTIVE
        here.come("person")
        await here.all()

    assert here.order.index("promoted") <= before + 1
    assert sorted(here.order) == ["0", "1", "2", "person", "promoted"]


# What it costs


@pytest.mark.parametrize("rate", [5, 500])
@pytest.mark.parametrize("seconds", [None, 0.001, 0.05])
async def test_a_message_at_the_gate_costs_few_timers(
    rate: int, seconds: float | None
) -> None:
    loop = asyncio.get_running_loop()
    count, timers = 100, 0
    call_at = loop.call_at

    def counting(at: float, callback: Any, *args: Any, **how: Any) -> Any:  # noqa: ANN401  # passed on
        nonlocal timers
        timers += getattr(callback, "__self__", None) is here.gate
        return call_at(at, callback, *args, **how)

    async with world(rate, answer_seconds=0.1) as here:
        with patch.object(loop, "call_at", counting):
            for number in range(count):
                lane = BULK if number % 3 else INTERACTIVE
                intend = None if seconds is None else takes(seconds)
                here.come(str(number), lane, intend=intend)
            await here.all()

    assert timers <= 3 * count


async def test_an_intent_that_hangs_costs_no_timers() -> None:
    loop = asyncio.get_running_loop()
    timers = 0
    call_at = loop.call_at

    def counting(at: float, callback: Any, *args: Any, **how: Any) -> Any:  # noqa: ANN401  # passed on
        nonlocal timers
        timers += getattr(callback, "__self__", None) is here.gate
        return call_at(at, callback, *args, **how)

    async with world(500) as here:
        for number in range(30):
            here.come(str(number), BULK, intend=takes(0.02))
        await here.all()
        with patch.object(loop, "call_at", counting):
            for number in range(30):
                here.come(f"hung {number}", BULK, intend=takes(1000))
            await asyncio.sleep(500)

    assert timers <= 60


# Anything at all


class Step(Enum):
    """What may happen at a gate."""

    COMES = "a bulk one comes"
    REPLIES = "an interactive one comes"
    NOTES = "one with an intent comes"
    IS_CANCELLED = "somebody is cancelled"
    IS_LOST = "somebody's connection is lost"
    IS_PROMOTED = "somebody is promoted"
    IS_REFUSED = "a 429 comes"
    IS_ANSWERED = "an answer comes"
    PASSES = "time passes"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(Step),
        st.integers(0, 1000),
        st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.25, 1.0]),
    ),
    max_size=60,
)


class Anything:
    """Lets anything happen, and looks at the rules after each step."""

    def __init__(self, rate: int, *, is_lent: bool) -> None:
        self.rate = rate
        self.lent = AsyncLimiter(1, 0.9 / rate) if is_lent else None
        self.gate = Gate(SendLimit(rate), limiter=self.lent)
        self.tasks: list[asyncio.Task[None]] = []
        self.passages: list[tuple[Passage, Standing]] = []
        self.open: list[Passage] = []
        self.starts: list[float] = []
        self.is_leaving = False

    async def attempt(self, lane: Lane, seconds: float | None) -> None:
        """Go through the gate, again and again while held back, as an exchange does."""
        passage = Passage(self.gate, lane=lane)
        if seconds is not None:
            passage.intend = takes(seconds)
        while True:
            await self.gate.until_open_soon()
            line = Standing(asyncio.get_running_loop().time() + 5.0)
            self.passages.append((passage, line))
            if await passage.leave(line) is not None:
                continue
            assert not line.is_gone
            now = asyncio.get_running_loop().time()
            assert passage.slot is not None
            assert passage.slot.started == pytest.approx(now, abs=1e-9)
            self.starts.append(now)
            self.open.append(passage)
            return

    async def step(self, step: Step, number: int, seconds: float) -> None:
        """Let one thing happen."""
        match step:
            case Step.COMES | Step.REPLIES | Step.NOTES:
                lane = INTERACTIVE if step is Step.REPLIES or number % 2 else BULK
                takes = seconds if step is Step.NOTES else None
                self.tasks.append(asyncio.create_task(self.attempt(lane, takes)))
            case Step.IS_CANCELLED if self.tasks:
                self.tasks[number % len(self.tasks)].cancel()
            case Step.IS_LOST if self.passages:
                self.passages[number % len(self.passages)][1].lose()
            case Step.IS_PROMOTED if self.passages:
                self.passages[number % len(self.passages)][0].promote()
            case Step.IS_REFUSED | Step.IS_ANSWERED if self.open:
                passage = self.open.pop(number % len(self.open))
                seen = Seen.RATE_LIMITED if step is Step.IS_REFUSED else Seen.OK
                passage.land(seen)
            case Step.PASSES:
                await asyncio.sleep(seconds)
        await asyncio.sleep(0)
        self.check()

    def check(self) -> None:
        """Hold the gate's own books against those who are there."""
        turns = list(dict.fromkeys(p.turn for p, _ in self.passages if p.is_present))
        present, books = turns, self.gate.turns
        assert books.present_count == len(present)
        for lane, counts in books.counts.items():
            for stage in (s for s in counts if s.name in PRESENT):
                there = [t for t in present if t.lane is lane and t.stage is stage]
                assert counts[stage] == len(there)
        assert sum(t.stage.name == "LEAVING" for t in turns) <= 1

    async def end(self) -> None:
        """Answer all, and wait for everybody."""
        async with asyncio.timeout(10_000):
            while not all(task.done() for task in self.tasks):
                while self.open:
                    self.open.pop().land(Seen.OK)
                await asyncio.sleep(0.5)
        self.check()
        assert self.gate.turns.present_count == 0
        assert self.gate._timer is None  # noqa: SLF001  # nobody is there
        for task in self.tasks:
            assert task.cancelled() or task.exception() is None
        for first, second in pairwise(self.starts):
            assert second - first >= 1 / self.rate - 1e-6
        await self.gate.aclose()


@given(steps=STEPS, rate=st.sampled_from([5, 50, 500]), is_lent=st.booleans())
def test_whatever_happens_nobody_is_stuck_and_no_two_leave_together(
    steps: list[tuple[Step, int, float]], rate: int, *, is_lent: bool
) -> None:
    async def play() -> None:
        gate = Anything(rate, is_lent=is_lent)
        for step, number, seconds in steps:
            await gate.step(step, number, seconds)
        await gate.end()

    run(play())
