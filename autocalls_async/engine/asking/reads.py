"""One question to the service, from top to bottom: it changes nothing."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from autocalls_async.clock import loop_time
from autocalls_async.engine.attempts import (
    CUT_SHORT,
    Attempt,
    Call,
    Exchange,
    TryAgain,
)
from autocalls_async.engine.gate.gate import Gate
from autocalls_async.engine.gate.turns import Turn, TurnedBack
from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import Request
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.http.transport.line import Line
from autocalls_async.model.errors import AutocallsError, UnavailableError
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.slots import Departure


class Unread(NamedTuple):
    """A question that got no usable answer.

    Attributes:
        error: Why.
        is_away: No request left: the service could not be reached.
    """

    error: AutocallsError
    is_away: bool


class Reads:
    """Makes the calls that change nothing, at their own pace."""

    def __init__(self, exchange: Exchange, find_gate: Callable[[], Gate]) -> None:
        self._exchange = exchange
        self._outage = exchange.outage
        self._find_gate = find_gate

    @property
    def _gate(self) -> Gate:
        return self._find_gate()

    async def read(
        self,
        request: Request,
        *,
        deadline: float | None,
        lane: Lane = Lane.BULK,
        on_failure: Callable[[Unread], None] | None = None,
    ) -> Reply | Unread:
        """Ask until an answer settles it, or its time is up.

        Args:
            request: What to ask.
            deadline: When its time is up.
            lane: A user's question goes behind the checks of sends.
            on_failure: Told what it came to if its time were up now.
        """
        call = Call(request, deadline, began_at=loop_time())
        try:
            async with asyncio.timeout_at(deadline):
                return await self._call(call, lane, on_failure)
        except TimeoutError:
            return self._time_is_up(call)

    async def _call(
        self, call: Call, lane: Lane, on_failure: Callable[[Unread], None] | None
    ) -> Reply | Unread:
        order, may_be_stale = self._gate.draw_order(), True
        while True:
            attempt = await self._attempt(call.request, lane, order)
            if isinstance(attempt, TurnedBack):
                continue
            if may_be_stale and attempt.was_cut_off:
                # A kept connection may just have been closed, and asking anew is free.
                may_be_stale = False
                continue
            may_be_stale = True
            step = self._exchange.decide(call, attempt)
            if isinstance(step, Reply):
                return step
            if not isinstance(step, TryAgain):
                return _unread(call, step)
            if on_failure is not None:
                on_failure(_unread(call, step.error))
            await asyncio.sleep(step.seconds)

    async def _attempt(
        self, request: Request, lane: Lane, order: int
    ) -> Attempt | TurnedBack:
        """Make one attempt: connect, take the turn, hand over, read, note the end."""
        if not self._gate.is_open_soon(loop_time()):
            await self._gate.until_open_soon()
        is_probe = self._outage.is_down and await self._outage.wait_for_turn()
        try:
            line = await self._exchange.connect(request)
            if isinstance(line, Attempt):
                return line
            return await self._go(request, line, Turn(lane, order))
        finally:
            if is_probe:
                self._outage.end_probe()

    async def _go(
        self, request: Request, line: Line, turn: Turn
    ) -> Attempt | TurnedBack:
        departure, attempt = None, CUT_SHORT
        try:
            found = await self._gate.pass_through(turn, line)
            match found:
                case TurnedBack():
                    return found
                case AttemptFailed():
                    attempt = self._exchange.fail(found)
                    return attempt
                case Departure():
                    departure = found
                case error:
                    raise error
            # Nothing is awaited between here and the first byte.
            attempt = await self._exchange.ask(line, request)
            return attempt
        finally:
            line.close()
            if departure is not None:
                self._gate.landed(
                    departure,
                    attempt.seen,
                    at=loop_time(),
                    retry_after=attempt.retry_after,
                )

    def _time_is_up(self, call: Call) -> Unread:
        if call.last_error is not None:  # what was last seen says more
            return _unread(call, call.last_error)
        is_away = self._outage.is_down
        error = UnavailableError(
            detail="the call's time was up",
            host=self._exchange.host,
            attempts=0 if is_away else 1,
        )
        return Unread(error, is_away)


def _unread(call: Call, error: AutocallsError) -> Unread:
    return Unread(error, is_away=not call.handed_over_count)
