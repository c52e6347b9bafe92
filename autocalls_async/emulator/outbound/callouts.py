"""Callouts: HTTP from the emulator to somebody's program, by the emulator's clock.

What is told of one person goes one after another. Attempts that a jump of the
clock left behind are made in the order in which they were due, one at a time.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from heapq import heappop, heappush
from typing import Any

import aiohttp
from attrs import define, field, frozen

from autocalls_async.emulator.clock import Clock
from autocalls_async.emulator.world.callout import Attempt, Callout, Kind, State

_TIMEOUT_SECONDS = 10.0
_SHOWN_BYTES = 2_000
_AT_A_TIME = 50


@frozen(kw_only=True)
class Errand:
    """What is to be told, to whom."""

    kind: Kind
    url: str
    raw: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    label: str
    phone: str
    message: int | None = None


@define(eq=False)
class Callouts:
    """All callouts; the newest are kept, up to a bound.

    Args:
        tell: Given each callout whenever something about it changed.
    """

    clock: Clock
    keep: int
    tell: Callable[[Callout], None]
    last_id: int = field(init=False, default=0)
    _kept: deque[Callout] = field(init=False, factory=deque)
    _left_behind: list[tuple[float, int, Callout]] = field(init=False, factory=list)
    _catching_up: bool = field(init=False, default=False)
    _lines: dict[tuple[Kind, str], asyncio.Task[None]] = field(init=False, factory=dict)
    _tasks: set[asyncio.Task[None]] = field(init=False, factory=set)
    _session: aiohttp.ClientSession | None = field(init=False, default=None)

    def make(self, errand: Errand, *, at: float) -> Callout:
        """Tell somebody something, as of an instant of the clock."""
        self.last_id += 1
        callout = Callout(
            id=self.last_id,
            kind=errand.kind,
            url=errand.url,
            headers=errand.headers,
            raw=errand.raw,
            label=errand.label,
            phone=errand.phone,
            message=errand.message,
            made_at=at,
            next_at=at,
        )
        self._kept.append(callout)
        if len(self._kept) > self.keep:
            self._forget_oldest()
        self.tell(callout)
        self._plan(callout, at)
        return callout

    def all(self) -> list[Callout]:
        """Return the callouts that are kept, oldest first."""
        return list(self._kept)

    def find(self, callout_id: int) -> Callout | None:
        """Return a callout that is kept."""
        return next((c for c in self._kept if c.id == callout_id), None)

    def try_now(self, callout: Callout) -> None:
        """Make the next attempt of one that waits now, and not when it is due."""
        callout.next_at = self.clock.time()
        self._plan(callout, callout.next_at)

    async def stop(self) -> None:
        """Make no attempt any more, and close what was opened."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._left_behind.clear()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def forget(self) -> None:
        """Keep none; what waits is given up."""
        for callout in self._kept:
            callout.give_up()
        self._kept.clear()
        self._left_behind.clear()

    def _forget_oldest(self) -> None:
        oldest = self._kept.popleft()
        if oldest.state is State.WAITING:
            oldest.give_up()

    def _plan(self, callout: Callout, due: float) -> None:
        self.clock.call_at(due, lambda due: self._begin(callout, due))

    def _begin(self, callout: Callout, due: float) -> None:
        """Begin an attempt, unless it was begun sooner or given up since."""
        if callout.state is not State.WAITING or callout.next_at != due:
            return
        callout.begin()
        if due >= self.clock.landed:
            self._spawn_in_line(callout, due)
            return
        heappush(self._left_behind, (due, callout.id, callout))
        if not self._catching_up:
            self._catching_up = True
            self._spawn(self._catch_up())

    async def _catch_up(self) -> None:
        try:
            while self._left_behind:
                due, _, callout = heappop(self._left_behind)
                await self._attempt(callout, due)
        finally:
            self._catching_up = False

    def _spawn_in_line(self, callout: Callout, due: float) -> None:
        before = self._lines.get(callout.line)
        task = self._spawn(self._attempt_after(before, callout, due))
        self._lines[callout.line] = task

        def leave(task: asyncio.Task[None]) -> None:
            if self._lines.get(callout.line) is task:
                del self._lines[callout.line]

        task.add_done_callback(leave)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _attempt_after(
        self, before: asyncio.Task[None] | None, callout: Callout, due: float
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        await self._attempt(callout, due)

    async def _attempt(self, callout: Callout, due: float) -> None:
        attempt = await self._exchange(callout, due - callout.made_at)
        if callout.state is not State.UNDER_WAY:
            return  # it was given up meanwhile
        next_at = callout.note(attempt)
        self.tell(callout)
        if next_at is not None:
            self._plan(callout, next_at)

    async def _exchange(self, callout: Callout, due: float) -> Attempt:
        """Make one attempt; whatever goes wrong is no answer."""
        at, began = self.clock.time(), asyncio.get_running_loop().time()
        status, answer = await self._post(callout)
        return Attempt(
            due=due,
            at=at,
            status=status,
            error=answer if status is None else None,
            answer="" if status is None else answer,
            seconds=asyncio.get_running_loop().time() - began,
        )

    async def _post(self, callout: Callout) -> tuple[int | None, str]:
        """Return status and body; without an answer, None and what went wrong."""
        try:
            async with self._open().post(
                callout.url,
                data=callout.raw,
                headers=callout.headers,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(_SHOWN_BYTES)
                return response.status, body.decode(errors="replace")
        except TimeoutError:
            return None, f"no answer in {_TIMEOUT_SECONDS:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # A connection each: on a kept one that the other side is just closing
            # an attempt would fail, and its retry come half a minute later.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, limit=_AT_A_TIME),
                # Not rounded up to whole seconds, as aiohttp does above five.
                timeout=aiohttp.ClientTimeout(
                    total=_TIMEOUT_SECONDS, ceil_threshold=2 * _TIMEOUT_SECONDS
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
