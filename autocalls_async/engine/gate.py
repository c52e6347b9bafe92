"""The gate that requests leave through, one at a time: the one door to aiolimiter.

A request comes to the gate when its connection stands, so that neither name
look-up nor handshake lies between its turn and its first byte. `Gate.serve` looks at
all there is, after every change, and does what is due:

- it *calls* those whose turn is near: whoever has an intent to note for good does
  it now, a little sooner than the pace lets it leave, together with those whose
  turns come in the same moment;
- it lets one of the *ready* leave when the pace opens: whoever has the most right
  by then, and nobody else until its bytes are out;
- it turns back those who would have to wait too long.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Protocol

from autocalls_async.http.loop import loop_time
from autocalls_async.model.errors import AutocallsError
from autocalls_async.policy.lanes import Lane, Share
from autocalls_async.policy.pace import Pace, SendLimit
from autocalls_async.policy.slots import Send as Ticket
from autocalls_async.policy.verdict import Seen

log = logging.getLogger("autocalls_async")

MAX_HOLD_SECONDS = 5.0
"""Nobody holds a connection at the gate through a pause longer than this."""

CONNECT_SECONDS = 1.0
"""A connection is made this long before its turn may come."""

GROUP_SECONDS = 0.01
"""Those whose turns fall within this time are called together: their intents are one
commit of a journal. At 5 a second each is alone. They are called half of it early,
since no commit takes always the same, and so half of it is a group."""

GROUP_MOST = 64

MAX_LEAD_SECONDS = 0.15
"""Nobody is called for an intent sooner than this and a group's time before it may
leave: so it is the next one, at 5 a second, that a kill would make an unknown of."""

_LEAD_MEMORY = 8
"""Intents that the lead looks back on."""

SILENT_LIMITER_SECONDS = 10.0
"""A lent limiter that takes longer is told of."""


class Limiter(Protocol):
    """What the gate asks of a limiter: aiolimiter's `AsyncLimiter` is one."""

    async def acquire(self) -> None:
        """Wait until one more request may leave."""


class Line(Protocol):
    """What the gate asks of a connection."""

    expires_at: float

    def check(self) -> None:
        """Raise if it has gone bad meanwhile."""

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Have somebody told when it is closed."""


Intend = Callable[[], Awaitable[None]]


class HeldBack(Exception):  # noqa: N818  # no error: the attempt did not happen
    """The turn did not come in time: nothing has left, begin the attempt anew."""


class _Stage(Enum):
    """Where a request stands at the gate."""

    __hash__ = object.__hash__  # members are single; Enum's own is ten times as slow

    WAITING = "in its lane's line"
    CALLED = "notes its intent"
    READY = "may leave when the pace opens"
    LEAVING = "its bytes go out now"
    BACK = "was turned back"
    FAILED = "its connection or the lent limiter failed"
    OVER = "is gone"


class _Turn:
    """One request's wait at the gate; the gate alone moves it."""

    __slots__ = ("error", "has_grant", "intends", "lane", "order", "stage", "waker")

    def __init__(self, lane: Lane, order: int, *, intends: bool) -> None:
        self.lane = lane
        self.order = order
        self.intends = intends
        self.stage = _Stage.WAITING
        self.has_grant = False  # of the lent limiter, not used up yet
        self.error: BaseException | None = None
        self.waker: asyncio.Future[None] | None = None

    async def until(self, *stages: _Stage) -> None:
        """Wait until it is in one of these stages.

        Raises:
            HeldBack: It was turned back.
            Exception: What its connection or the lent limiter raised.
        """
        while self.stage not in stages:
            match self.stage:
                case _Stage.BACK:
                    raise HeldBack
                case _Stage.FAILED if self.error is not None:
                    raise self.error
            self.waker = asyncio.get_running_loop().create_future()
            await self.waker


class _Line:
    """Those of one lane who are in one stage, by their order and then by arrival."""

    def __init__(self, stage: _Stage, lane: Lane) -> None:
        self._stage = stage
        self._lane = lane
        self._heap: list[tuple[int, int, _Turn]] = []
        self._arrivals = count()

    def add(self, turn: _Turn) -> None:
        """Let it stand here for as long as it is in this stage and lane."""
        heappush(self._heap, (turn.order, next(self._arrivals), turn))

    def first(self) -> _Turn | None:
        """Return the one with the most right."""
        while self._heap:
            turn = self._heap[0][-1]
            if turn.stage is self._stage and turn.lane is self._lane:
                return turn
            heappop(self._heap)
        return None

    def all(self) -> list[_Turn]:
        """Return everybody who stands here."""
        found = [turn for *_, turn in self._heap]
        return [t for t in found if t.stage is self._stage and t.lane is self._lane]


class Gate:
    """Lets requests out at the pace of one limit, those in a hurry first."""

    def __init__(self, limit: SendLimit, *, limiter: Limiter | None = None) -> None:
        from aiolimiter import AsyncLimiter  # noqa: PLC0415  # 6 ms of an import

        self.pace: Pace = Pace(limit)
        # A bucket of one: AsyncLimiter(5, 1) lets 9 requests leave in its first
        # second (a full bucket, then its refill), and the API counts 5.
        self._bucket = AsyncLimiter(1, limit.gap)
        self._lent = None if limiter is None else _LentLimiter(limiter, self)
        self._lines = {
            stage: {lane: _Line(stage, lane) for lane in Lane}
            for stage in (_Stage.WAITING, _Stage.READY)
        }
        self._counts = {lane: dict.fromkeys(_Stage, 0) for lane in Lane}
        self._present_count = 0  # those who have not left, and may
        self._called: set[_Turn] = set()  # those with an intent who have not left
        self._leaving: _Turn | None = None
        self._share = Share()
        self._orders = count()
        self._lead = 0.0  # what an intent takes: so much sooner is its turn called
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._changed = asyncio.Event()

    def draw_order(self) -> int:
        """Return a place in the order of coming, for who has none."""
        return next(self._orders)

    @property
    def limiter_wait(self) -> float:
        """Seconds for which the lent limiter has let nobody leave."""
        return 0.0 if self._lent is None else self._lent.waited()

    def is_open_soon(self, now: float) -> bool:
        """Whether a connection is worth being made."""
        return self.pace.ask_again(now) - now <= CONNECT_SECONDS

    async def opens_soon(self) -> None:
        """Wait until a connection is worth being made."""
        while (at := self.pace.ask_again(loop_time()) - CONNECT_SECONDS) > loop_time():
            self._changed.clear()
            # Without end: only an answer can tell when the next may leave.
            with suppress(TimeoutError):
                async with asyncio.timeout_at(at if at < inf else None):
                    await self._changed.wait()

    async def pass_through(self, waiter: "GatePassage", line: Line) -> Ticket:
        """Wait for the turn to leave, on a connection that stands.

        Args:
            waiter: Who waits: interactive ones go first, and then the lowest order.
            line: What it will leave on.

        Raises:
            HeldBack: The turn did not come in time, or not while the connection was
                young enough.
            Exception: What the waiter's last look or its intent raised.
        """
        now = loop_time()
        if waiter.intend is None and self._is_free(now):
            waiter.look(line, now)
            await self._bucket.acquire()  # at once: there is room
            self._share.note_left(waiter.lane, bulk_waits=False)
            return self.pace.start(now)
        turn = _Turn(waiter.lane, waiter.order, intends=waiter.intend is not None)
        waiter.turn = turn
        self._counts[turn.lane][turn.stage] += 1
        self._present_count += 1
        try:
            self._lines[_Stage.WAITING][turn.lane].add(turn)
            self.serve()
            if turn.stage in self._lines:
                line.on_loss(partial(self._lose, turn, line))
            if waiter.intend is not None:
                await turn.until(_Stage.CALLED)
                await self._note_intent(waiter, waiter.intend, line)
                self._be_ready(turn)
            await turn.until(_Stage.LEAVING)
            ticket = await self._leave(waiter, line)
            bulk = self._counts[Lane.BULK]
            bulk_waits = any(bulk[stage] for stage in _PRESENT)
            self._share.note_left(turn.lane, bulk_waits=bulk_waits)
            turn.has_grant = False
            return ticket
        finally:
            waiter.turn = None
            self._move(turn, _Stage.OVER)
            self.serve()

    def promote(self, turn: _Turn) -> None:
        """Let it go with the interactive ones from now on."""
        self._counts[turn.lane][turn.stage] -= 1
        turn.lane = Lane.INTERACTIVE
        self._counts[turn.lane][turn.stage] += 1
        if turn.stage in self._lines:
            self._lines[turn.stage][turn.lane].add(turn)
        self.serve()

    def fail(self, turn: _Turn, error: BaseException) -> None:
        """Tell a waiter that it cannot leave."""
        if turn.stage in self._lines:
            turn.error = error
            self._move(turn, _Stage.FAILED)
        self.serve()

    def _lose(self, turn: _Turn, line: Line) -> None:
        """Have it connect anew while it has time to, not when its turn has come."""
        if turn.stage in self._lines:
            try:
                line.check()
            except Exception as error:  # noqa: BLE001  # the line's own
                self.fail(turn, error)

    def landed(
        self, ticket: Ticket, seen: Seen, *, retry_after: float | None = None
    ) -> None:
        """Note how a request that left has ended."""
        now = loop_time()
        if seen is Seen.SILENCE:
            self.pace.gave_up(ticket, now)
        elif seen is Seen.RATE_LIMITED:
            self.pace.refused(ticket, now, retry_after)
        else:
            self.pace.answered(ticket, now)
        self._changed.set()
        self.serve()

    async def aclose(self) -> None:
        """Forget the timer. Nobody may be waiting any more."""
        self._set_timer(inf)
        if self._lent is not None:
            await self._lent.aclose()

    async def _leave(self, waiter: "GatePassage", line: Line) -> Ticket:
        """Look once more, and stamp the start: nothing is awaited after that."""
        now = loop_time()
        waiter.look(line, now)
        if self.pace.not_before > now:  # by a 429 since it was told to leave
            raise HeldBack
        has_room = self._bucket.has_capacity()
        await self._bucket.acquire()
        if not has_room:  # by a rounding error, and there was a moment's wait
            now = loop_time()
            if self.pace.earliest(now) > now:
                raise HeldBack
            waiter.look(line, now)
        return self.pace.start(now)

    async def _note_intent(
        self, waiter: "GatePassage", intend: Intend, line: Line
    ) -> None:
        began_at = loop_time()
        waiter.look(line, began_at)
        if line.expires_at <= began_at + self._lead + GROUP_SECONDS:
            raise HeldBack  # it would be too old when its turn comes
        await intend()
        took = min(loop_time() - began_at, MAX_LEAD_SECONDS)
        self._lead = took if not self._lead else self._lead
        self._lead += (took - self._lead) / _LEAD_MEMORY

    def _be_ready(self, turn: _Turn) -> None:
        if turn.stage is _Stage.CALLED:  # else it was turned back meanwhile
            self._move(turn, _Stage.READY)
            self.serve()

    def _move(self, turn: _Turn, stage: _Stage) -> None:
        """Bring a turn into another stage, count it there, and wake its waiter."""
        counts = self._counts[turn.lane]
        counts[turn.stage] -= 1
        counts[stage] += 1
        self._present_count += (stage in _PRESENT) - (turn.stage in _PRESENT)
        if self._leaving is turn:
            self._leaving = None
        turn.stage = stage
        match stage:
            case _Stage.CALLED:
                self._called.add(turn)
            case _Stage.READY:
                self._lines[stage][turn.lane].add(turn)
            case _Stage.LEAVING:
                self._leaving = turn
            case _:
                self._called.discard(turn)
                self._give_back_grant(turn)
        if turn.waker is not None and not turn.waker.done():
            turn.waker.set_result(None)

    def _give_back_grant(self, turn: _Turn) -> None:
        if self._lent is not None and turn.has_grant:
            turn.has_grant = False
            self._lent.give_back()

    def serve(self) -> None:
        """Do all that is due, and come back when the next is."""
        if not self._present_count:
            self._set_timer(inf)
            return
        now = loop_time()
        opens_at = self.pace.earliest(now)
        self._turn_back(opens_at - now)
        if opens_at == inf:  # an answer tells, or a probe is due
            self._set_timer(self.pace.ask_again(now))
            return
        call_at = self._call(opens_at, now)
        if self._leaving is not None:
            self._set_timer(call_at)
            return
        ready = self._lines[_Stage.READY]
        if opens_at <= now and (lane := self._choose()):
            if turn := ready[lane].first():
                self._move(turn, _Stage.LEAVING)
            self._set_timer(call_at)
            return
        is_any_ready = any(line.first() for line in ready.values())
        self._set_timer(min(call_at, opens_at) if is_any_ready else call_at)

    def _choose(self) -> Lane | None:
        ready = self._lines[_Stage.READY]
        return self._share.choose(
            interactive=ready[Lane.INTERACTIVE].first() is not None,
            bulk=ready[Lane.BULK].first() is not None,
        )

    def _call(self, opens_at: float, now: float) -> float:
        """Call whose turn is near; return when the next will have to be called."""
        until = now
        while True:
            firsts = self._first_in_line(opens_at)
            turn = next((turn for at, turn in firsts if at <= until), None)
            if turn is None:
                # At an open gate it is those ahead who have to move first.
                return min((at for at, _ in firsts if opens_at > now), default=inf)
            if self._lent is not None:
                if not self._lent.take(turn):
                    return inf  # it comes back when the limiter has spoken
                turn.has_grant = True
            if turn.intends:
                until = now + GROUP_SECONDS / 2
            self._move(turn, _Stage.CALLED if turn.intends else _Stage.READY)

    def _first_in_line(self, opens_at: float) -> list[tuple[float, _Turn]]:
        """Return when to call the first of each line; who is next comes first."""
        gap, waiting = self.pace.gap, self._lines[_Stage.WAITING]
        lanes = _BULK_FIRST if self._is_bulk_next() else _INTERACTIVE_FIRST
        return [
            (opens_at + ahead * gap - self._lead_of(turn), turn)
            for lane in lanes
            if (turn := waiting[lane].first())
            and (ahead := self._count_ahead(turn)) < GROUP_MOST
        ]

    def _is_bulk_next(self) -> bool:
        """Whether a bulk one is due, and none is called for that yet."""
        return self._share.is_bulk_due and not _near(self._counts[Lane.BULK])

    def _count_ahead(self, turn: _Turn) -> int:
        """Return how many will leave before one that waits.

        Who notes no intent need not wait for those who do so yet.
        """
        count = _near if turn.intends else _ready
        interactive, bulk = (self._counts[lane] for lane in Lane)
        if turn.lane is Lane.INTERACTIVE:
            return count(interactive)
        ahead = count(bulk) + count(interactive)
        if turn.intends:
            ahead += interactive[_Stage.WAITING]
        return min(ahead, self._share.count_until_bulk(count(bulk)))

    def _lead_of(self, turn: _Turn) -> float:
        # Where grants are scarce, all ask in time: else a bulk one took each of them.
        is_early = turn.intends or self._lent is not None
        return self._lead + GROUP_SECONDS / 2 if is_early else 0.0

    def _turn_back(self, wait: float) -> None:
        """Let those go who would hold an intent or a connection for too long."""
        if self._called and wait > self._lead + GROUP_SECONDS + self.pace.gap:
            for turn in list(self._called):
                if turn is not self._leaving:
                    self._move(turn, _Stage.BACK)
        if MAX_HOLD_SECONDS < wait < inf:
            for lines in self._lines.values():
                for line in lines.values():
                    for turn in line.all():
                        self._move(turn, _Stage.BACK)

    def _is_free(self, now: float) -> bool:
        """Whether nobody waits or has the turn, and the next may leave at once."""
        return (
            self._lent is None
            and not self._present_count
            and self.pace.earliest(now) <= now
            and self._bucket.has_capacity()
        )

    def _wait(self) -> float:
        """Return the seconds until the next may leave, as far as the pace tells."""
        now = loop_time()
        return self.pace.earliest(now) - now

    def _set_timer(self, at: float) -> None:
        if at == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, at
        if at < inf:
            self._timer = asyncio.get_running_loop().call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, inf
        self.serve()


_PRESENT = frozenset({_Stage.WAITING, _Stage.CALLED, _Stage.READY, _Stage.LEAVING})


_INTERACTIVE_FIRST = (Lane.INTERACTIVE, Lane.BULK)
_BULK_FIRST = (Lane.BULK, Lane.INTERACTIVE)


def _ready(counts: dict[_Stage, int]) -> int:
    return counts[_Stage.READY] + counts[_Stage.LEAVING]


def _near(counts: dict[_Stage, int]) -> int:
    return counts[_Stage.CALLED] + _ready(counts)


class _LentLimiter:
    """A limiter of the caller's, asked for one request at a time.

    What it grants is kept for whoever has the most right by then.
    """

    def __init__(self, limiter: Limiter, gate: Gate) -> None:
        self._limiter = limiter
        self._gate = gate
        self._grant_count = 0  # not used yet
        self._asked_at = inf
        self._asking: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def waited(self) -> float:
        """Return for how many seconds it has not answered."""
        return max(0.0, loop_time() - self._asked_at)

    def take(self, turn: _Turn) -> bool:
        """Whether it has granted one; else it is asked, on behalf of this turn."""
        if self._grant_count:
            self._grant_count -= 1
            return True
        if self._asking is None:
            loop = asyncio.get_running_loop()
            self._asked_at = loop.time()
            self._timer = loop.call_later(SILENT_LIMITER_SECONDS, _tell_of_silence)
            self._asking = loop.create_task(self._ask(), name="autocalls limiter")
            self._asking.add_done_callback(partial(self._note_answer, turn))
        return False

    def give_back(self) -> None:
        """Keep a grant that was not used for the next."""
        self._grant_count += 1

    async def aclose(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking], timeout=SILENT_LIMITER_SECONDS)

    async def _ask(self) -> None:
        await self._limiter.acquire()

    def _note_answer(self, turn: _Turn, asking: asyncio.Task[None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._asking, self._asked_at = None, inf
        error: BaseException | None
        if asking.cancelled():
            error = RuntimeError("the limiter was cancelled")
        else:
            error = asking.exception()
        if error is not None:
            self._gate.fail(turn, error)
        else:
            self._grant_count += 1
            self._gate.serve()


def _tell_of_silence() -> None:
    log.warning(
        "the limiter that was given as limiter= has let nothing leave for %.0f s",
        SILENT_LIMITER_SECONDS,
    )


class GatePassage:
    """The way of one call's attempts through a gate."""

    intend: Intend | None = None
    """Awaited in its turn, before it leaves; whatever it raises, the turn passes on."""

    takes_spare = False
    """Whether a connection made ahead is for it."""

    connects_late = False
    """Whether it may hold no connection before its turn has come."""

    last_error: AutocallsError | None = None
    """What the call came to if its time were up now."""

    def __init__(self, gate: Gate, *, lane: Lane, order: int | None = None) -> None:
        self._gate = gate
        self.turn: _Turn | None = None
        self.lane: Lane = lane
        self.order: int = gate.draw_order() if order is None else order
        self._ticket: Ticket | None = None

    @property
    def left_at(self) -> float:
        """When the attempt under way left, on the loop's clock."""
        return self._ticket.started if self._ticket else inf

    async def prepare(self) -> None:
        """Wait, before a connection is made, until the request may soon leave."""
        if not self._gate.is_open_soon(loop_time()):
            await self._gate.opens_soon()

    def promote(self) -> None:
        """Let it go with the interactive ones from now on."""
        if self.lane is not Lane.INTERACTIVE:
            self.lane = Lane.INTERACTIVE
            if self.turn is not None:
                self._gate.promote(self.turn)

    def look(self, line: Line, now: float) -> None:
        """Look once more at all that may have changed while it waited.

        Raises:
            HeldBack: Its connection is too old for a first byte.
            AttemptFailed: Its connection has gone bad.
        """
        if line.expires_at <= now:
            raise HeldBack
        line.check()

    async def leave(self, line: Line) -> None:
        """Wait on the standing connection for the moment to leave.

        Raises:
            HeldBack: That moment is too far off. Nothing has left.
        """
        self._ticket = await self._gate.pass_through(self, line)

    def note_failed(self, error: AutocallsError) -> None:
        """Take note of what the call came to if its time were up now."""
        self.last_error = error

    def landed(self, seen: Seen, *, retry_after: float | None) -> None:
        """Take note of how the attempt ended."""
        if self._ticket is not None:
            self._gate.landed(self._ticket, seen, retry_after=retry_after)
            self._ticket = None
