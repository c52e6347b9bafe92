"""An event loop whose clock jumps to the next timer whenever nothing is ready.

A day of `asyncio.sleep` passes in a moment, while real sockets go on working:
client and server share the loop, and the clock stands still as long as
anything is under way between them, or a call is out in an executor. Each poll
adds a microsecond, for code that waits until "now" and would else spin for
ever.

The loop can't see other processes, nor threads that it did not start by
`run_in_executor` or `asyncio.to_thread`: while it has a timer it does not wait
for these. What belongs to them is tested in real time.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from autocalls_async.model.values.naming import show_in
from autocalls_async.system import TELLS_OF_SOCKETS
from autocalls_async.testing.loopback import Loopback

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_Events = list[tuple[selectors.SelectorKey, int]]

_TICK_SECONDS = 1e-6

# What is under way on a loopback comes within a second, which is how long the
# kernel waits before it repeats a packet that a full queue made it drop. What
# has not come after twice that goes nowhere, such as to a host that is down.
_PATIENCE_SECONDS = 3.0
_WATCH_SECONDS = 0.001

# Only Linux tells what is under way; elsewhere a moment of quiet has to do.
_QUIET_POLL_SECONDS = 0.0 if TELLS_OF_SOCKETS else 0.001

_EPOCH = datetime(2030, 1, 1, tzinfo=UTC)


class StalledError(RuntimeError):
    """Nothing can wake the loop any more; the text says who waits, and where."""


class _JumpingSelector(selectors.DefaultSelector):
    """Report what is ready now; where nothing is, move the clock instead."""

    def __init__(self, stall_seconds: float | None) -> None:
        super().__init__()
        self.now = 0.0
        self.calls_out = 0
        self._stall_seconds = stall_seconds
        self._loopback = Loopback()

    def register(
        self, fileobj: "FileDescriptorLike", events: int, data: object = None
    ) -> selectors.SelectorKey:
        key = super().register(fileobj, events, data)
        self._loopback.watch(key.fd, events)
        return key

    def modify(
        self, fileobj: "FileDescriptorLike", events: int, data: object = None
    ) -> selectors.SelectorKey:
        key = super().modify(fileobj, events, data)
        self._loopback.change(key.fd, events)
        return key

    def unregister(self, fileobj: "FileDescriptorLike") -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self._loopback.leave(key.fd)
        return key

    def select(self, timeout: float | None = None) -> _Events:
        self.now += _TICK_SECONDS
        events = super().select(0)
        if events or timeout == 0:
            return events
        if self.calls_out:
            return super().select(None)
        # The order is the proof: nothing is under way, hence all that was sent
        # is there to be seen, and yet this poll sees nothing.
        events = self._watch_loopback() or super().select(_QUIET_POLL_SECONDS)
        if events:
            return events
        if timeout is None:
            return self._wait_for_outside()
        self.now += timeout
        return events

    def _watch_loopback(self) -> _Events:
        """Wait, in real time, for what is under way between our sockets."""
        began = time.monotonic()
        while self._loopback.is_busy():
            if events := super().select(_WATCH_SECONDS):
                return events
            if time.monotonic() - began > _PATIENCE_SECONDS:
                self._loopback.give_up()
        return []

    def _wait_for_outside(self) -> _Events:
        """Wait, in real time, for a signal, another thread or another process."""
        if events := super().select(self._stall_seconds):
            return events
        waiting = "; ".join(sorted(map(_describe_wait, asyncio.all_tasks())))
        msg = (
            "nothing can wake this loop: no timer, no executor call, nothing between"
            f" its sockets, and nothing from outside in {self._stall_seconds} s;"
            f" waiting: {waiting or 'no task'}"
        )
        raise StalledError(msg)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps over the time in which nothing happens.

    Its clock begins at 0. A timer fires in the order and at the time it would
    have fired if all code ran in no time. Campaigns in it go by its wall clock, which
    moves with it: their sending hours open in no time.

    Args:
        begins_at: The aware time that its wall clock tells at first; `None` means the
            time now.
        stall_seconds: How long, in real seconds, to wait for something from
            outside once the loop has nothing left to wait for by itself, before
            `StalledError` ends the run; `None` waits for ever, as a server of
            other processes must.
    """

    def __init__(
        self,
        *,
        begins_at: datetime | None = None,
        stall_seconds: float | None = 5.0,
    ) -> None:
        self.begins_at: datetime = begins_at or datetime.now(UTC)
        self._jumping = _JumpingSelector(stall_seconds)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time, in seconds since the loop was made."""
        return self._jumping.now

    def utc_now(self) -> datetime:
        """Return what its wall clock tells; `begins_at` can be set at any time."""
        at = self.begins_at + timedelta(seconds=self._jumping.now)
        return at.astimezone(UTC)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*_Ts], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        """Call a function in a thread, and stop the clock until it returned."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.calls_out += 1
        future.add_done_callback(self._call_returned)
        return future

    async def shutdown_default_executor(
        self,
        timeout: float | None = None,  # noqa: ARG002 - asyncio's signature
    ) -> None:
        """Wait for the executor's threads, with the clock stopped.

        Args:
            timeout: Never runs out, since the clock stands.
        """
        self._jumping.calls_out += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._jumping.calls_out -= 1

    def _call_returned(self, _: asyncio.Future[Any]) -> None:
        self._jumping.calls_out -= 1


def run(main: Coroutine[Any, Any, _T], *, debug: bool | None = None) -> _T:
    """Run a coroutine to its end in virtual time, as `asyncio.run` does in real."""
    with asyncio.Runner(debug=debug, loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def wall_clock(begins_at: datetime = _EPOCH) -> Callable[[], datetime]:
    """Return a wall clock that moves with the clock of the running loop.

    Args:
        begins_at: The aware time that it tells now.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    return lambda: begins_at + timedelta(seconds=loop.time() - began)


def _describe_wait(task: asyncio.Task[Any]) -> str:
    """Return which task waits, and in which line."""
    frames = task.get_stack(limit=1)
    where = f" at {frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else ""
    return f"{task.get_name()}{where}"


show_in(
    "autocalls_async.testing",
    *("StalledError", "VirtualTimeLoop", "run", "wall_clock"),
    of=globals(),
)
