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
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import count
from math import inf
from typing import Protocol, TypeAlias

from autocalls_async.clock import loop_time
from autocalls_async.engine.gate.limiter import LentLimiter, Limiter
from autocalls_async.engine.gate.turns import TURNED_BACK, Stop, Turn, Turns, TurnStage
from autocalls_async.engine.pulse import Pulse
from autocalls_async.policy.lanes import Lane, Share
from autocalls_async.policy.pace import Pace, SendLimit
from autocalls_async.policy.slots import Departure
from autocalls_async.policy.verdict import Seen

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
# Looked up once: before CPython 3.12 a member costs ten times a global name.
_SILENCE = Seen.SILENCE
_RATE_LIMITED = Seen.RATE_LIMITED


class GateLine(Protocol):
    """What the gate asks of a connection."""

    expires_at: float

    def check(self) -> None:
        """Raise if it has gone bad meanwhile."""

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Have somebody told when it is closed."""


Look: TypeAlias = Callable[[float], Stop | None]
"""Looks, at an instant, at all that may have changed while a request waited."""

Intend: TypeAlias = Callable[[], Awaitable[BaseException | None]]
"""Notes an intent for good; returns why it could not."""


class Gate:
    """Lets requests out at the pace of one limit, those in a hurry first."""

    def __init__(self, limit: SendLimit, *, limiter: Limiter | None = None) -> None:
        from aiolimiter import AsyncLimiter  # noqa: PLC0415  # 6 ms of an import

        self.pace: Pace = Pace(limit)
        # A bucket of one: AsyncLimiter(5, 1) lets 9 requests leave in its first
        # second (a full bucket, then its refill), and the API counts 5.
        self._bucket = AsyncLimiter(1, limit.gap)
        self._lent = (
            None
            if limiter is None
            else LentLimiter(limiter, on_grant=self.serve, on_failure=self._fail)
        )
        self.turns: Turns = Turns(
            on_grant_back=None if self._lent is None else self._lent.give_back
        )
        self._share = Share()
        self._orders = count()
        self._lead = 0.0  # what an intent takes: so much sooner is its turn called
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._changed = Pulse()

    def draw_order(self) -> int:
        """Return a place in the order of coming, for who has none."""
        return next(self._orders)

    @property
    def limiter_wait(self) -> float:
        """Seconds for which the lent limiter has let nobody leave."""
        return 0.0 if self._lent is None else self._lent.waited()

    def is_open_soon(self, now: float) -> bool:
        """Whether a connection is worth being made."""
        return self.pace.opens_by(now + CONNECT_SECONDS, now)

    async def until_open_soon(self) -> None:
        """Wait until a connection is worth being made."""
        while (at := self.pace.ask_again(loop_time()) - CONNECT_SECONDS) > loop_time():
            # Without end: only an answer can tell when the next may leave.
            with suppress(TimeoutError):
                async with asyncio.timeout_at(at if at < inf else None):
                    await self._changed.wait()

    async def pass_through(
        self,
        turn: Turn,
        line: GateLine,
        *,
        look: Look | None = None,
        intend: Intend | None = None,
    ) -> Departure | Stop:
        """Wait for a turn to leave, note its intent, look once more, and let it go.

        Nothing is awaited between the last look and what comes after this.

        Args:
            turn: Made for this; `intends` where there is something to note.
            line: A connection that stands, to leave on.
            look: Looks once more, beside the look at the connection.
            intend: Notes the intent, as the turn comes near.

        Returns:
            The slot that was taken; or why nothing may leave: the turn did not come
            in time, or not while the connection was young enough, or what the look,
            the intent, the connection or the lent limiter said.
        """
        now = loop_time()
        if intend is None and self._is_free(now):
            if (stop := _look(line, look, now)) is not None:
                return stop
            await self._bucket.acquire()  # at once: there is room
            self._share.note_left(turn.lane, bulk_waits=False)
            return self.pace.start(now)
        try:
            self.turns.move(turn, TurnStage.WAITING)
            self.serve()
            if self.turns.is_in_line(turn):
                line.on_loss(partial(self._lose, turn, line))
            if intend is not None and (
                stop := await self._note_intent(turn, line, look, intend)
            ):
                return stop
            if (stop := await turn.until(TurnStage.LEAVING)) is not None:
                return stop
            return await self._leave(turn, line, look)
        finally:
            self.turns.move(turn, TurnStage.OVER)
            self.serve()

    def promote(self, turn: Turn) -> None:
        """Move it to the interactive lane."""
        self.turns.promote(turn)
        self.serve()

    def landed(
        self,
        departure: Departure,
        seen: Seen,
        *,
        at: float,
        retry_after: float | None = None,
    ) -> None:
        """Note how a request that left has ended: just now."""
        if seen is _SILENCE:
            self.pace.gave_up(departure, at)
        elif seen is _RATE_LIMITED:
            self.pace.rate_limited(departure, at, retry_after)
        else:
            self.pace.answered(departure, at)
        self._changed.tell()
        self.serve()

    async def aclose(self) -> None:
        """Forget the timer. Nobody may be waiting any more."""
        self._set_timer(inf)
        if self._lent is not None:
            await self._lent.aclose()

    async def _note_intent(
        self, turn: Turn, line: GateLine, look: Look | None, intend: Intend
    ) -> Stop | None:
        if (stop := await turn.until(TurnStage.CALLED)) is not None:
            return stop
        began_at = loop_time()
        if (stop := _look(line, look, began_at)) is not None:
            return stop
        if line.expires_at <= began_at + self._lead + GROUP_SECONDS:
            return TURNED_BACK  # it would be too old when its turn comes
        if (error := await intend()) is not None:
            return error
        took = min(loop_time() - began_at, MAX_LEAD_SECONDS)
        self._lead = took if not self._lead else self._lead
        self._lead += (took - self._lead) / _LEAD_MEMORY
        if turn.stage is TurnStage.CALLED:  # else it was turned back meanwhile
            self.turns.move(turn, TurnStage.READY)
            self.serve()
        return None

    async def _leave(
        self, turn: Turn, line: GateLine, look: Look | None
    ) -> Departure | Stop:
        """Look once more, and stamp the start: nothing is awaited after that."""
        now = loop_time()
        if (stop := _look(line, look, now)) is not None:
            return stop
        if self.pace.not_before > now:  # by a 429 since it was told to leave
            return TURNED_BACK
        has_room = self._bucket.has_capacity()
        await self._bucket.acquire()
        if not has_room:  # by a rounding error, and there was a moment's wait
            now = loop_time()
            if self.pace.earliest(now) > now:
                return TURNED_BACK
            if (stop := _look(line, look, now)) is not None:
                return stop
        departure = self.pace.start(now)
        bulk_waits = self.turns.is_lane_present(Lane.BULK)
        self._share.note_left(turn.lane, bulk_waits=bulk_waits)
        turn.has_grant = False
        return departure

    def _fail(self, turn: Turn, error: BaseException) -> None:
        """Tell who waits that it cannot leave."""
        if self.turns.is_in_line(turn):
            turn.error = error
            self.turns.move(turn, TurnStage.FAILED)
        self.serve()

    def _lose(self, turn: Turn, line: GateLine) -> None:
        """Have it connect anew while it has time to, not when its turn has come."""
        if self.turns.is_in_line(turn) and (error := _check(line)) is not None:
            self._fail(turn, error)

    def serve(self) -> None:
        """Do all that is due, and come back when the next is."""
        if not self.turns.present_count:
            self._set_timer(inf)
            return
        now = loop_time()
        opens_at = self.pace.earliest(now)
        self._turn_back(opens_at - now)
        if opens_at == inf:  # an answer tells, or a probe is due
            self._set_timer(self.pace.ask_again(now))
            return
        call_at = self._call(opens_at, now)
        if self.turns.leaving is not None:
            self._set_timer(call_at)
            return
        ready = {lane: self.turns.first(TurnStage.READY, lane) for lane in Lane}
        lane = self._share.choose(
            interactive=ready[Lane.INTERACTIVE] is not None,
            bulk=ready[Lane.BULK] is not None,
        )
        if lane is None:
            self._set_timer(call_at)
        elif opens_at > now:
            self._set_timer(min(call_at, opens_at))
        else:
            if turn := ready[lane]:
                self.turns.move(turn, TurnStage.LEAVING)
            self._set_timer(call_at)

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
            called = TurnStage.CALLED if turn.intends else TurnStage.READY
            self.turns.move(turn, called)

    def _first_in_line(self, opens_at: float) -> list[tuple[float, Turn]]:
        """Return when to call the first of each line; who is next comes first."""
        gap = self.pace.gap
        lanes = _BULK_FIRST if self._is_bulk_next() else _INTERACTIVE_FIRST
        return [
            (opens_at + ahead * gap - self._lead_of(turn), turn)
            for lane in lanes
            if (turn := self.turns.first(TurnStage.WAITING, lane))
            and (ahead := self._count_ahead(turn)) < GROUP_MOST
        ]

    def _is_bulk_next(self) -> bool:
        """Whether a bulk one is due, and none is called for that yet."""
        return self._share.is_bulk_due and not self.turns.count_near(Lane.BULK)

    def _count_ahead(self, turn: Turn) -> int:
        """Return how many will leave before one that waits.

        Who notes no intent need not wait for those who do so yet.
        """
        count = self.turns.count_near if turn.intends else self.turns.count_ready
        if turn.lane is Lane.INTERACTIVE:
            return count(Lane.INTERACTIVE)
        bulk = count(Lane.BULK)
        ahead = bulk + count(Lane.INTERACTIVE)
        if turn.intends:
            ahead += self.turns.counts[Lane.INTERACTIVE][TurnStage.WAITING]
        return min(ahead, self._share.count_until_bulk(bulk))

    def _lead_of(self, turn: Turn) -> float:
        # Where grants are scarce, all ask in time: else a bulk one took each of them.
        is_early = turn.intends or self._lent is not None
        return self._lead + GROUP_SECONDS / 2 if is_early else 0.0

    def _turn_back(self, wait: float) -> None:
        """Turn back those who would hold an intent or a connection for too long."""
        turns = self.turns
        if turns.called and wait > self._lead + GROUP_SECONDS + self.pace.gap:
            for turn in list(turns.called):
                if turn is not turns.leaving:
                    turns.move(turn, TurnStage.BACK)
        if MAX_HOLD_SECONDS < wait < inf:
            for turn in turns.all_in_line():
                turns.move(turn, TurnStage.BACK)

    def _is_free(self, now: float) -> bool:
        """Whether nobody waits or has the turn, and the next may leave at once."""
        return (
            self._lent is None
            and not self.turns.present_count
            and self.pace.earliest(now) <= now
            and self._bucket.has_capacity()
        )

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


_INTERACTIVE_FIRST = (Lane.INTERACTIVE, Lane.BULK)
_BULK_FIRST = (Lane.BULK, Lane.INTERACTIVE)


def _look(line: GateLine, look: Look | None, now: float) -> Stop | None:
    """Return why nothing may leave at this instant."""
    if look is not None and (stop := look(now)) is not None:
        return stop
    if line.expires_at <= now:
        return TURNED_BACK  # too old for a first byte
    return _check(line)


def _check(line: GateLine) -> Exception | None:
    """Return what is wrong with a connection."""
    try:
        line.check()
    except Exception as error:  # noqa: BLE001  # the line's own
        return error
    return None
