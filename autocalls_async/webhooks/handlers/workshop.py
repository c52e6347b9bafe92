"""Handlers at work: behind the answer, in order, and again where that is safe.

An event that was stored is work of one receiver. Status and conversation-ended
handlers run at least once. A message's handler runs at most once: that it begins is
committed before, and what began is never begun again.
"""

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

from autocalls_async.webhooks.handlers.registry import Registry
from autocalls_async.webhooks.receiving.events import Event
from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.protocol import (
    BEAT_SECONDS,
    DeliveryStore,
    Task,
    Work,
)

T = TypeVar("T")
Calls: TypeAlias = list[Callable[[], Coroutine[Any, Any, object]]]

log: logging.Logger = logging.getLogger("autocalls_async.webhooks")

MOST_WORK = 200
"""Events under way or waiting in memory; more of them wait in the store."""

MOST_BYTES = 32 * 1024 * 1024
"""Of their bodies."""

CUT_OFF_SECONDS = 5.0
"""For a handler that is cut off to end; one may swallow its cancellation."""

PAUSES = (1.0, 10.0, 60.0)
"""Seconds before a handler that failed is tried again, each time."""


class Workshop:
    """Runs the handlers of one receiver.

    Args:
        store: Where work is kept.
        registry: The handlers.
        read: Makes an event of work that is found in the store.
        calls: Returns what is to be called for an event.
    """

    def __init__(
        self,
        store: DeliveryStore,
        registry: Registry,
        *,
        read: Callable[[Work], Event],
        calls: Callable[[Event], Calls],
    ) -> None:
        self._store = store
        self._registry = registry
        self._read = read
        self._calls = calls
        self._tasks: set[asyncio.Task[object]] = set()
        self._lines: dict[str, deque[tuple[Work, Event]]] = {}
        self._numbers: set[int] = set()
        self._bytes = 0
        self._is_behind = True  # what was left by others goes first
        self._left_count = 0
        self._has_room = asyncio.Event()
        self._reported: set[int] = set()
        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Become a receiver, and go on with what others left.

        Raises:
            DeliveryStoreError: The store cannot be used.
        """
        await self._store.join()
        await self._refill()
        await self._report_cut_off()
        self._keeper = asyncio.create_task(self._keep_alive())

    async def aclose(self, *, drain_timeout: float) -> None:
        """Wait for the handlers that are under way, and cut off the rest."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=drain_timeout)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            log.warning("%d handlers were cut off at the end", len(left))
            _, deaf = await asyncio.wait(left, timeout=CUT_OFF_SECONDS)
            if deaf:
                log.error("%d handlers go on although they were cut off", len(deaf))

    def is_taking(self) -> bool:
        """Whether the next event can be handled here and now, in its order.

        Where it cannot, it has to be left in the store, for whoever claims it.
        """
        is_full = len(self._numbers) >= MOST_WORK or self._bytes >= MOST_BYTES
        if self._is_behind or is_full:
            self._is_behind = True
            self._left_count += 1
            self._has_room.set()
            return False
        return True

    def begin(self, work: Work, event: Event) -> None:
        """Handle an event; a person's messages one after another."""
        self._numbers.add(work.number)
        self._bytes += len(work.raw)
        if work.task is not Task.MESSAGE:
            self._start(self._serve(work, event))
        elif work.person in self._lines:
            self._lines[work.person].append((work, event))
        else:
            self._lines[work.person] = deque([(work, event)])
            self._start(self._serve_line(work.person))

    def run(self, calls: Calls) -> None:
        """Call what is kept nowhere."""
        for call in calls:
            self._start(_try(call))

    async def unfinished(self) -> list[Work]:
        """Return the messages whose handlers were cut off.

        Raises:
            DeliveryStoreError: The store cannot be used.
        """
        found = await self._store.unfinished()
        return [work for work in found if work.number not in self._numbers]

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_line(self, person: str) -> None:
        line = self._lines[person]
        try:
            while line:
                await self._serve(*line[0])
                line.popleft()
        finally:
            del self._lines[person]

    async def _serve(self, work: Work, event: Event) -> None:
        try:
            if work.task is Task.MESSAGE:
                await self._once(work, event)
            else:
                await self._at_least_once(event)
                await _patiently(lambda: self._store.finish(work.number))
        finally:
            self._numbers.discard(work.number)
            self._bytes -= len(work.raw)
            if self._is_behind:
                self._has_room.set()

    async def _once(self, work: Work, event: Event) -> None:
        if not await _patiently(lambda: self._store.begin(work.number)):
            return  # somebody claimed it, as this process was silent for long
        for call in self._calls(event):
            await _try(call)
        await _patiently(lambda: self._store.finish(work.number))

    async def _at_least_once(self, event: Event) -> None:
        for call in self._calls(event):
            for pause in PAUSES:
                if await _try(call, and_then=f"again in {pause:.0f} s"):
                    break
                await asyncio.sleep(pause)
            else:
                await _try(call)

    async def _keep_alive(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_room.wait(), BEAT_SECONDS)
            self._has_room.clear()
            try:
                await self._store.beat()
                await self._refill()
                await self._report_cut_off()
            except DeliveryStoreError as error:
                log.warning("%s", error)

    async def _refill(self) -> None:
        """Claim what waits in the store, as far as there is room."""
        tasks = self._registry.tasks()
        while (room := MOST_WORK - len(self._numbers)) > 0:
            left_count = self._left_count
            found = await self._store.claim(tasks, limit=room) if tasks else []
            for work in found:
                self.begin(work, self._read(work))
            if len(found) < room and left_count == self._left_count:
                self._is_behind = False
                return

    async def _report_cut_off(self) -> None:
        for work in await self.unfinished():
            if work.number not in self._reported:
                self._reported.add(work.number)
                log.warning(
                    "the handler of inbound message %d was cut off; it is not run"
                    " again, see Webhooks.unfinished()",
                    work.number,
                )


async def _try(
    call: Callable[[], Coroutine[Any, Any, object]], *, and_then: str = "given up"
) -> bool:
    """Call a handler; whether it came to its end."""
    try:
        await call()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # whatever a handler raises
        if isinstance(error, asyncio.CancelledError) and _is_cut_off():
            raise
        # Where it failed, but not its words: a number or a text may be in those.
        frames = traceback.format_tb(error.__traceback__)[1:]
        where = "".join(frames).rstrip()
        log.error("a handler failed, %s: %s\n%s", and_then, type(error).__name__, where)  # noqa: TRY400  # as said
        return False
    return True


def _is_cut_off() -> bool:
    """Whether we are cancelled, and not what a handler waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _patiently(step: Callable[[], Awaitable[T]]) -> T:
    """Do a step of the store; while that is away, wait for it."""
    while True:
        try:
            return await step()
        except DeliveryStoreError as error:
            log.warning("%s", error)
            await asyncio.sleep(BEAT_SECONDS)
