"""How a service may count sends: models of the limiters found in the wild.

Pure: no I/O, no clock, no asyncio. Each model takes the time, in seconds on
any clock that never runs backwards, as an argument.

The API documents "5 requests per second" and not the shape of that second, so
the emulator can count in each shape that a service of this kind may use.
"""

import math
import sys
from collections import deque
from enum import Enum
from typing import Protocol

from attrs import Factory, define, field, frozen

# Sums of binary fractions miss their decimal value by about 1e-16 each; a
# billionth of a second forgives that and is far below any real resolution.
_EPSILON = 1e-9

_NEVER = -math.inf


class RateLimit(Enum):
    """The shape of the window in which sends are counted."""

    SLIDING_LOG = "sliding-log"
    """No more than `rate` in any stretch of `per` seconds."""

    FIXED_WINDOW = "fixed-window"
    """A window opens at the first hit and lasts `per` seconds, as in Laravel."""

    CALENDAR_SECOND = "calendar-second"
    """Windows begin at whole multiples of `per`, whoever calls."""

    LEAKY_BUCKET = "leaky-bucket"
    """A bucket of `rate` that leaks evenly: allows a burst, then spacing."""

    SPACED = "spaced"
    """A leaky bucket without a burst: each send `per / rate` after the last."""

    STICK_TABLE = "stick-table"
    """Two periods, the older one weighted by what is left of it; rejected
    sends count too. This is how HAProxy works out `http_req_rate`."""


@frozen(kw_only=True)
class Admission:
    """What a limiter says to one send."""

    admitted: bool
    remaining: int
    """How many more would be admitted at this instant."""

    retry_after: float
    """Seconds until one would be admitted if no other came; 0 if admitted."""


class Limit(Protocol):
    """One limiter, with its memory."""

    def admit(self, now: float) -> Admission:
        """Count one send that arrives at `now` and say whether it may pass."""


def make_limit(
    shape: RateLimit | None, *, rate: int, per: float, count_rejected: bool = False
) -> Limit:
    """Return an empty limiter.

    Args:
        shape: How the window is cut; None admits everything.
        rate: How many sends a window admits.
        per: Length of the window in seconds.
        count_rejected: Let rejected sends fill the window too. Only the
            sliding log knows this choice.

    Raises:
        ValueError: A number is not positive, or `count_rejected` is asked of
            another shape than the sliding log.
    """
    _check_numbers(shape, rate=rate, per=per, count_rejected=count_rejected)
    limit: Limit
    match shape:
        case None:
            limit = Unlimited()
        case RateLimit.SLIDING_LOG:
            limit = SlidingLog(rate=rate, per=per, count_rejected=count_rejected)
        case RateLimit.FIXED_WINDOW:
            limit = FixedWindow(rate=rate, per=per)
        case RateLimit.CALENDAR_SECOND:
            limit = CalendarWindow(rate=rate, per=per)
        case RateLimit.LEAKY_BUCKET:
            limit = LeakyBucket(rate=rate, per=per, burst=rate)
        case RateLimit.SPACED:
            limit = LeakyBucket(rate=rate, per=per, burst=1)
        case _:
            limit = StickTable(rate=rate, per=per)
    return limit


@define
class Unlimited:
    """No limit at all."""

    def admit(self, now: float) -> Admission:  # noqa: ARG002 - what a limit is asked
        """Let a send pass."""
        return _admitted(sys.maxsize)


@define(kw_only=True)
class SlidingLog:
    """The instants of the last sends; those older than `per` are forgotten."""

    rate: int
    per: float
    count_rejected: bool = False
    _log: deque[float] = field(init=False, factory=deque)

    def admit(self, now: float) -> Admission:
        """Count one send that arrives at `now` and say whether it may pass."""
        log = self._log
        _forget_before(log, now=now, seconds=self.per)
        admitted = len(log) < self.rate
        if admitted or self.count_rejected:
            log.append(now)
        if admitted:
            return _admitted(self.rate - len(log))
        return _rejected(log[-self.rate] + self.per - now)


@define(kw_only=True)
class FixedWindow:
    """A count that starts anew with the first send after its window closed."""

    rate: int
    per: float
    _opened: float = field(init=False, default=_NEVER)
    _count: int = field(init=False, default=0)

    def admit(self, now: float) -> Admission:
        """Count one send that arrives at `now` and say whether it may pass."""
        if now - self._opened >= self.per - _EPSILON:
            self._opened, self._count = now, 0
        if self._count >= self.rate:
            return _rejected(self._opened + self.per - now)
        self._count += 1
        return _admitted(self.rate - self._count)


@define(kw_only=True)
class CalendarWindow:
    """A count that starts anew at each whole multiple of `per`."""

    rate: int
    per: float
    _number: int = field(init=False, default=-1)
    _count: int = field(init=False, default=0)

    def admit(self, now: float) -> Admission:
        """Count one send that arrives at `now` and say whether it may pass."""
        number = math.floor((now + _EPSILON) / self.per)
        if number != self._number:
            self._number, self._count = number, 0
        if self._count >= self.rate:
            return _rejected((number + 1) * self.per - now)
        self._count += 1
        return _admitted(self.rate - self._count)


@define(kw_only=True)
class LeakyBucket:
    """A bucket of `burst` that leaks one send each `per / rate` seconds.

    It keeps one number, the instant at which the bucket will be empty.
    """

    rate: int
    per: float
    burst: int
    _empty_at: float = field(init=False, default=_NEVER)
    _gap: float = field(
        init=False, default=Factory(lambda self: self.per / self.rate, takes_self=True)
    )

    def admit(self, now: float) -> Admission:
        """Count one send that arrives at `now` and say whether it may pass."""
        wait = self._empty_at - (self.burst - 1) * self._gap - now
        if wait > _EPSILON:
            return _rejected(wait)
        self._empty_at = max(self._empty_at, now) + self._gap
        level = (self._empty_at - now) / self._gap
        return _admitted(math.floor(self.burst - level + _EPSILON))


@define(kw_only=True)
class StickTable:
    """The current period's count and a share of the one before it."""

    rate: int
    per: float
    _started: float = field(init=False, default=_NEVER)
    _current: int = field(init=False, default=0)
    _previous: int = field(init=False, default=0)

    def admit(self, now: float) -> Admission:
        """Count one send that arrives at `now` and say whether it may pass."""
        self._turn(now)
        self._current += 1
        left = 1 - (now - self._started) / self.per
        count = self._current + math.floor(self._previous * left + _EPSILON)
        if count <= self.rate:
            return _admitted(self.rate - count)
        return _rejected(self.per)

    def _turn(self, now: float) -> None:
        late = now - self._started - self.per
        if late < -_EPSILON:
            return
        if late < self.per - _EPSILON:
            self._started += self.per
            self._previous = self._current
        else:
            self._started = now
            self._previous = 0
        self._current = 0


@define
class BusiestSecond:
    """The largest number of sends within any stretch shorter than a second.

    Two sends exactly a second apart do not share one.
    """

    most: int = field(init=False, default=0)
    _log: deque[float] = field(init=False, factory=deque)

    def count(self, now: float) -> None:
        """Note a send that arrived at `now`."""
        _forget_before(self._log, now=now, seconds=1.0)
        self._log.append(now)
        self.most = max(self.most, len(self._log))


def _check_numbers(
    shape: RateLimit | None, *, rate: int, per: float, count_rejected: bool
) -> None:
    if rate < 1 or not per > 0:
        msg = f"rate and per must be positive; got {rate!r} and {per!r}"
        raise ValueError(msg)
    if count_rejected and shape is not RateLimit.SLIDING_LOG:
        msg = f"only a sliding log can count rejected sends; got {shape}"
        raise ValueError(msg)


def _forget_before(log: deque[float], *, now: float, seconds: float) -> None:
    while log and now - log[0] >= seconds - _EPSILON:
        log.popleft()


def _admitted(remaining: int) -> Admission:
    return Admission(admitted=True, remaining=remaining, retry_after=0.0)


def _rejected(retry_after: float) -> Admission:
    return Admission(admitted=False, remaining=0, retry_after=retry_after)
