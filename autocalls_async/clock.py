"""The clock that everything waits by, that of the running event loop; and its alarms.

No one can set it, and tests make it jump.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from types import TracebackType


def loop_time() -> float:
    """Return the seconds of the running event loop's clock."""
    return asyncio.get_running_loop().time()


def utc_now() -> datetime:
    """Return what the clock on the wall shows, in UTC.

    A loop whose clock jumps has one of its own, `utc_now`: else a test could not wait
    for the morning.
    """
    own = getattr(asyncio.get_running_loop(), "utc_now", None)
    now: datetime = datetime.now(UTC) if own is None else own()
    return now


class Alarms:
    """Calls at an instant, unless it is called off: one timer of the loop serves all.

    Limits of time are set for each message and hardly ever reached. A timer of the
    loop that is called off costs three times as much.
    """

    def __init__(self) -> None:
        self._calls: dict[int, Callable[[], None]] = {}
        self._numbers = count()
        self._heap: list[tuple[float, int]] = []
        self._clean_at = 64
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    def set(self, at: float, call: Callable[[], None]) -> int:
        """Have this called at this instant; return what calls it off."""
        number = next(self._numbers)
        self._calls[number] = call
        heappush(self._heap, (at, number))
        if at < self._timer_at:
            self._set_timer(at)
        if len(self._heap) >= self._clean_at:
            self._clean()
        return number

    def call_off(self, number: int) -> None:
        """Have it not called, if it was not yet."""
        self._calls.pop(number, None)

    def close(self) -> None:
        """Call nothing any more."""
        self._calls.clear()
        self._heap.clear()
        self._set_timer(inf)

    def _clean(self) -> None:
        """Drop what was called off; doubling keeps the cost of one constant."""
        self._heap = [entry for entry in self._heap if entry[1] in self._calls]
        heapify(self._heap)
        self._clean_at = max(64, 2 * len(self._heap))

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, at
        if at < inf:
            loop = asyncio.get_running_loop()
            # It is many's, and keeps nobody's context.
            self._timer = loop.call_at(at, self._on_timer, context=Context())

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, inf
        now = loop_time()
        try:
            while self._heap and self._heap[0][0] <= now:
                call = self._calls.pop(heappop(self._heap)[1], None)
                if call is not None:
                    call()
        finally:
            self._clean()
            if self._heap:
                self._set_timer(self._heap[0][0])


class TimeLimit:
    """`asyncio.timeout()` on alarms, for what is done once a message."""

    __slots__ = ("_alarms", "_cancel_count", "_is_over", "_number", "_seconds", "_task")

    def __init__(self, alarms: Alarms, seconds: float) -> None:
        self._alarms = alarms
        self._seconds = seconds
        self._is_over = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # it is about to wait
        self._task, self._cancel_count = task, task.cancelling()
        self._number = self._alarms.set(loop_time() + self._seconds, self._end)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._alarms.call_off(self._number)
        if not self._is_over:
            return
        is_mine = self._task.uncancel() <= self._cancel_count
        if is_mine and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()
