"""The gate that requests leave through, one at a time: the one door to aiolimiter.

A request comes to the gate when its connection stands, so that neither name
look-up nor handshake lies between its turn and its first byte. The gate's
keeper waits for the next instant that the pace allows, asks the limiter, and
only then chooses whose turn it is: whoever came meanwhile with more right.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Protocol

from attrs import define, field

from autocalls_async.clock import loop_time
from autocalls_async.lanes import Lane, Share
from autocalls_async.pacing import Pace, SendLimit
from autocalls_async.slots import Ticket
from autocalls_async.verdict import Seen

MAX_HOLD_SECONDS = 5.0
"""No connection stands idle longer than this before it is used: proxies give a
request's first byte some 10 seconds, and their 408 would make an unknown."""

LEAD_SECONDS = 1.0
"""A connection is made this long before its turn may come."""


class Limiter(Protocol):
    """What the gate asks of a limiter: aiolimiter's `AsyncLimiter` is one."""

    async def acquire(self) -> None:
        """Wait until one more request may leave."""


BeforeStart = Callable[[], Awaitable[None]]
Check = Callable[[], None]


class HeldBack(Exception):  # noqa: N818  # no error: the attempt did not happen
    """The turn did not come in time: nothing has left, begin the attempt anew."""


@define(eq=False)
class _Turn:
    """One request's wait at the gate."""

    granted: asyncio.Future[None]
    over: asyncio.Future[None]

    @property
    def is_waiting(self) -> bool:
        return not self.granted.done() and not self.over.done()


@define
class _Line:
    """Those who wait in one lane, by their order and then by their arrival."""

    _heap: list[tuple[int, int, _Turn]] = field(factory=list)
    _arrivals: "count[int]" = field(factory=count)

    def add(self, order: int, turn: _Turn) -> None:
        heappush(self._heap, (order, next(self._arrivals), turn))

    def is_empty(self) -> bool:
        while self._heap and not self._heap[0][-1].is_waiting:
            heappop(self._heap)
        return not self._heap

    def pop(self) -> _Turn:
        return heappop(self._heap)[-1]


class Gate:
    """Lets requests out at the pace of one limit, those in a hurry first."""

    def __init__(self, limit: SendLimit, *, limiter: Limiter | None = None) -> None:
        from aiolimiter import AsyncLimiter  # noqa: PLC0415  # 6 ms of an import

        self.pace = Pace(limit)
        # A bucket of one: AsyncLimiter(5, 1) lets 9 requests leave in its first
        # second (a full bucket, then its refill), and the API counts 5.
        self._bucket = AsyncLimiter(1, limit.gap)
        self._limiter = limiter or self._bucket
        self._lines = {lane: _Line() for lane in Lane}
        self._share = Share()
        self._orders = count()
        self._keeper: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def draw_order(self) -> int:
        """Give a place in the order of coming, to who has none."""
        return next(self._orders)

    async def opens_soon(self) -> None:
        """Wait until a connection is worth being made."""
        await self._until_open(lead=LEAD_SECONDS)

    async def pass_through(
        self,
        waiter: "GatePassage",
        check: Check,
        *,
        before_start: BeforeStart | None = None,
    ) -> Ticket:
        """Wait for the turn to leave, on a connection that stands.

        Args:
            waiter: Who waits: interactive ones go first, and then the lowest
                order.
            check: Raises if the connection has gone bad; the turn passes on.
            before_start: Awaited in its turn, before it leaves; whatever it
                raises, the turn passes on.

        Raises:
            HeldBack: The turn did not come in 5 seconds.
        """
        now = loop_time()
        if before_start is None and self._is_free(now):
            check()
            await self._bucket.acquire()  # at once: there is room
            return self.pace.start(now)
        async with self._turn(waiter) as turn:
            try:
                async with asyncio.timeout(MAX_HOLD_SECONDS):
                    await turn.granted
                    check()
                    if before_start is not None:
                        await before_start()
                        check()
            except TimeoutError:
                raise HeldBack from None
            return self.pace.start(loop_time())

    def line_up(self, waiter: "GatePassage") -> None:
        """Put a waiter into the line of its lane; it may stand in another too."""
        if waiter.turn is not None:
            self._lines[waiter.lane].add(waiter.order, waiter.turn)

    def landed(
        self, ticket: Ticket, seen: Seen, *, retry_after: float | None = None
    ) -> None:
        """Note how a request that left has ended."""
        now = loop_time()
        match seen:
            case Seen.SILENCE:
                self.pace.gave_up(ticket, now)
            case Seen.RATE_LIMITED:
                self.pace.refused(ticket, now, retry_after)
            case _:
                self.pace.answered(ticket, now)
        self._changed.set()

    async def aclose(self) -> None:
        """Stop the keeper. Nobody may be waiting any more."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])

    @asynccontextmanager
    async def _turn(self, waiter: "GatePassage") -> AsyncIterator[_Turn]:
        loop = asyncio.get_running_loop()
        turn = _Turn(loop.create_future(), loop.create_future())
        waiter.turn = turn
        self.line_up(waiter)
        if self._keeper is None or self._keeper.done():
            self._keeper = loop.create_task(self._keep(), name="autocalls gate")
        try:
            yield turn
        finally:
            if not turn.over.done():
                turn.over.set_result(None)

    async def _keep(self) -> None:
        """Give turns for as long as anybody waits for one."""
        try:
            while self._is_awaited():
                await self._until_open()
                await self._limiter.acquire()
                if self._wait() <= 0 and (turn := self._next()):
                    turn.granted.set_result(None)
                    await turn.over
        except Exception as error:  # noqa: BLE001  # a lent limiter may raise anything
            while turn := self._next():
                turn.granted.set_exception(error)

    def _is_free(self, now: float) -> bool:
        """Whether nobody waits or has the turn, and the next may leave at once."""
        return (
            (self._keeper is None or self._keeper.done())
            and self._limiter is self._bucket
            and self.pace.earliest(now) <= now
            and self._bucket.has_capacity()
        )

    def _wait(self) -> float:
        """Seconds until the next may leave, as far as the pace tells."""
        now = loop_time()
        return self.pace.earliest(now) - now

    async def _until_open(self, *, lead: float = 0.0) -> None:
        """Wait until the next may leave, or until so many seconds before."""
        while (at := self.pace.ask_again(loop_time()) - lead) > loop_time():
            self._changed.clear()
            # Without end: only an answer can tell when the next may leave.
            with suppress(TimeoutError):
                async with asyncio.timeout_at(at if at < inf else None):
                    await self._changed.wait()

    def _is_awaited(self) -> bool:
        return not all(line.is_empty() for line in self._lines.values())

    def _next(self) -> _Turn | None:
        interactive, bulk = self._lines[Lane.INTERACTIVE], self._lines[Lane.BULK]
        lane = self._share.choose(
            interactive=not interactive.is_empty(), bulk=not bulk.is_empty()
        )
        return self._lines[lane].pop() if lane else None


class GatePassage:
    """The way of one call's attempts through a gate."""

    def __init__(
        self,
        gate: Gate,
        *,
        lane: Lane,
        order: int | None = None,
        before_start: BeforeStart | None = None,
    ) -> None:
        self._gate = gate
        self._before_start = before_start
        self.turn: _Turn | None = None
        self.lane = lane
        self.order = gate.draw_order() if order is None else order
        self._ticket: Ticket | None = None

    @property
    def left_at(self) -> float:
        """When the attempt under way left, on the loop's clock."""
        return self._ticket.started if self._ticket else inf

    async def prepare(self) -> None:
        """Wait, before a connection is made, until the request may soon leave."""
        await self._gate.opens_soon()

    def promote(self) -> None:
        """Let it go with the interactive ones from now on."""
        if self.lane is not Lane.INTERACTIVE:
            self.lane = Lane.INTERACTIVE
            self._gate.line_up(self)

    async def leave(self, check: Check) -> None:
        """Wait on the standing connection for the moment to leave.

        Args:
            check: Raises if the connection has gone bad meanwhile.

        Raises:
            HeldBack: That moment is too far off. Nothing has left.
        """
        self._abandon(Seen.SILENCE)  # aiohttp repeats a read on a broken connection
        self._ticket = await self._gate.pass_through(
            self, check, before_start=self._before_start
        )

    def _abandon(self, seen: Seen, retry_after: float | None = None) -> None:
        if self._ticket is not None:
            self._gate.landed(self._ticket, seen, retry_after=retry_after)
            self._ticket = None

    def landed(self, seen: Seen, *, retry_after: float | None) -> None:
        """Take note of how the attempt ended."""
        self._abandon(seen, retry_after)
