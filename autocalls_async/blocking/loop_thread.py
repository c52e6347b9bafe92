"""An event loop in a thread of its own, one for all clients of a process."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread, current_thread
from typing import Any, TypeVar

T = TypeVar("T")


class Errands:
    """What the loop asks of a thread that waits for it."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], object] | None] = SimpleQueue()

    def ask(self, errand: Callable[[], object]) -> None:
        """Have it run by whoever waits, now or next."""
        self._asked.put(errand)

    def run_until(self, future: "Future[Any]") -> None:
        """Run what is asked until a future is done."""
        future.add_done_callback(lambda _: self._asked.put(None))
        while (errand := self._asked.get()) is not None:
            errand()


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        begun: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = Thread(
            target=lambda: asyncio.run(self._stay(begun)),
            name="autocalls loop",
            daemon=True,  # a script may end without closing its client
        )
        self._thread.start()
        self._loop = begun.result()

    async def _stay(self, begun: "Future[asyncio.AbstractEventLoop]") -> None:
        self._end = asyncio.Event()
        begun.set_result(asyncio.get_running_loop())
        await self._end.wait()

    def start(self, step: Coroutine[Any, Any, T]) -> "Future[T]":
        """Let a coroutine run in the loop."""
        return asyncio.run_coroutine_threadsafe(step, self._loop)

    def wait(
        self, step: Coroutine[Any, Any, T], *, errands: Errands | None = None
    ) -> T:
        """Return what a coroutine returns; whoever is interrupted cancels it.

        Args:
            step: What to run in the loop.
            errands: What the loop asks of the thread that waits here, meanwhile.
        """
        if current_thread() is self._thread:
            step.close()
            msg = (
                "a BlockingClient was called in its own event loop, such as from an"
                " observer; that would wait for itself"
            )
            raise RuntimeError(msg)
        future = self.start(step)
        try:
            if errands is not None:
                errands.run_until(future)
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call_soon(self, call: Callable[[], object]) -> None:
        """Call something in the loop; nobody waits for it."""
        self._loop.call_soon_threadsafe(call)

    def end(self) -> None:
        """Stop the loop, and wait until it has stopped unless we are in it."""
        self.call_soon(self._end.set)
        if current_thread() is not self._thread:
            self._thread.join()


class _Shared:
    """The one loop thread of a process, as long as a client uses it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread: LoopThread | None = None
        self._user_count = 0

    def take(self) -> LoopThread:
        """Return the thread, started where there is none."""
        with self._lock:
            self._thread = self._thread or LoopThread()
            self._user_count += 1
            return self._thread

    def give_back(self) -> None:
        """Use it no more; the last one ends it."""
        with self._lock:
            self._user_count -= 1
            last = None if self._user_count else self._thread
            if last is not None:
                self._thread = None
        if last is not None:
            last.end()


# By process: a child after a fork has the parent's memory, but none of its threads.
_SHARED: dict[int, _Shared] = {}


def shared() -> _Shared:
    """Return what the clients of this process share."""
    return _SHARED.setdefault(os.getpid(), _Shared())
