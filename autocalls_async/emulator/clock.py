"""The emulator's clock: its event loop's, which people can move forward.

Everything in the emulator reads this one. A jump over several timers lets them
go off in their order, each told the instant that it was set for.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from attrs import define, field

from autocalls_async.emulator.home import HomeLoop

Step = Callable[[float], None]
"""Given the instant that it was set for, which a jump may have left behind."""

# Far above what a day in floats loses, and far below what anybody can see.
_EPSILON = 1e-6


@define(order=True)
class Timer:
    """A step that is to come."""

    due: float
    number: int
    step: Step | None = field(order=False)
    """None once it was cancelled."""

    def cancel(self) -> None:
        """Let the step not be taken."""
        self.step = None


class Clock:
    """Seconds that only move forward, and the date that goes with them.

    Args:
        home: Where the emulator lives.
        date: Aware wall-clock time; by default the time of the start plus what
            has passed on the event loop's clock. Jumps come on top of it.

    Attributes:
        landed: Where the last jump ended; what is due before it was jumped over.
    """

    def __init__(self, home: HomeLoop, date: Callable[[], datetime] | None) -> None:
        self._home = home
        self._loop_time = home.time  # the loop's own, once there is one
        self._date = date
        self._made_at = datetime.now(UTC)
        self._started: float | None = None
        self._offset = 0.0
        self._shift = timedelta()
        self._timers: list[Timer] = []
        self._numbers = count()
        self._alarm: asyncio.TimerHandle | None = None
        self._is_running = False
        self.landed: float = float("-inf")

    def start(self) -> None:
        """Count the date from now on, unless it is counted already."""
        self._loop_time = self._home.loop.time
        if self._started is None:
            self._started = self.time()
        self._is_running = True
        self._set_alarm()

    def stop(self) -> None:
        """Forget what was to come."""
        self._is_running = False
        self._timers.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def time(self) -> float:
        """Return the emulator's time in seconds; before it starts, the caller's."""
        return self._loop_time() + self._offset

    def date(self) -> datetime:
        """Return the service's idea of the date."""
        if self._date is not None:
            return self.date_at(self.time())
        passed = 0.0 if self._started is None else self.time() - self._started
        return self._made_at + timedelta(seconds=passed)

    def date_at(self, instant: float) -> datetime:
        """Return the date of an instant of this clock."""
        if self._date is not None:
            ago = self._loop_time() - instant
            return self._date() - timedelta(seconds=ago) + self._shift
        if self._started is None:
            return self._made_at
        return self._made_at + timedelta(seconds=instant - self._started)

    def instant_of(self, date: datetime) -> float:
        """Return when it is, or was, that date."""
        now = self.time()
        return now - (self.date_at(now) - date).total_seconds()

    def set_date(self, date: datetime) -> None:
        """Let it be another date, at the same instant."""
        self._shift_by(date - self.date())

    def set_true_date(self) -> None:
        """Let it be the date that it would be without any jump."""
        self._shift_by(timedelta(seconds=-self._offset) - self._shift)

    def _shift_by(self, shift: timedelta) -> None:
        self._shift += shift
        self._made_at += shift

    def advance(self, seconds: float, tell: Callable[[], None] | None = None) -> None:
        """Move the clock forward, and take the steps that this makes due.

        Args:
            seconds: By how much.
            tell: Called when the clock has moved, before the first of the steps.

        Raises:
            ValueError: The clock would move backwards, or by more than ten years.
        """
        if not 0 <= seconds <= _TEN_YEARS:
            msg = f"the clock moves forward, by at most ten years; got {seconds!r} s"
            raise ValueError(msg)
        self._offset += seconds
        self.landed = self.time()
        if tell is not None:
            tell()
        self._take_due()

    def call_at(self, due: float, step: Step) -> Timer:
        """Take a step when the clock says `due`; at once, soon, where it has passed."""
        timer = Timer(due, next(self._numbers), step)
        heappush(self._timers, timer)
        if self._timers[0] is timer:
            self._set_alarm()
        return timer

    async def sleep(self, seconds: float) -> None:
        """Wait for so long on this clock: a jump can end it."""
        future = asyncio.get_running_loop().create_future()

        def wake(_: float) -> None:
            if not future.done():
                future.set_result(None)

        timer = self.call_at(self.time() + seconds, wake)
        try:
            await future
        finally:
            timer.cancel()

    def _take_due(self) -> None:
        now = self.time() + _EPSILON
        while self._timers and self._timers[0].due <= now:
            timer = heappop(self._timers)
            if timer.step is not None:
                timer.step(timer.due)
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._timers and self._timers[0].step is None:
            heappop(self._timers)
        if self._timers and self._is_running:
            at = self._timers[0].due - self._offset
            self._alarm = self._home.loop.call_at(at, self._take_due)


_TEN_YEARS = 10 * 366 * 86_400.0
