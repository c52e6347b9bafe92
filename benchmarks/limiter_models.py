"""What a service may count with: models of the limiters in common use.

Pure: no I/O, no clock, no asyncio. Each model is asked once for each arrival,
in the order of the arrivals, with the instant in seconds on any clock.
"""

import math
import random
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from attrs import define, field


class Limiter(Protocol):
    """Counts arrivals and says which ones it refuses."""

    @property
    def retry_after(self) -> float | None:
        """Seconds its 429 names, or `None` where it names none."""

    def admits(self, now: float) -> bool:
        """Count an arrival and say whether it may pass."""


@define
class SlidingLog:
    """Remembers each arrival for a period: the strictest honest count.

    Args:
        rate: How many arrivals a period may hold.
        per: The period in seconds.
        counts_refused: Whether a refused arrival counts as well, so that
            knocking at once again prolongs the refusal.
    """

    rate: int = 5
    per: float = 1.0
    counts_refused: bool = False
    retry_after: float | None = 1.0
    _log: deque[float] = field(factory=deque, init=False)

    def admits(self, now: float) -> bool:
        """Count an arrival and say whether it may pass."""
        log = self._log
        while log and log[0] <= now - self.per:
            log.popleft()
        admitted = len(log) < self.rate
        if admitted or self.counts_refused:
            log.append(now)
        return admitted


@define
class FixedWindow:
    """Laravel's `RateLimiter`: a window opens at the first hit after the last one."""

    rate: int = 5
    per: float = 1.0
    retry_after: float | None = 1.0
    _ends: float = field(default=-math.inf, init=False)
    _count: int = field(default=0, init=False)

    def admits(self, now: float) -> bool:
        """Count an arrival and say whether it may pass."""
        if now >= self._ends:
            self._ends = now + self.per
            self._count = 0
        if self._count >= self.rate:
            return False
        self._count += 1
        return True


@define
class CalendarSecond:
    """A counter for each second of the wall clock, as with a key in Redis."""

    rate: int = 5
    per: float = 1.0
    retry_after: float | None = 1.0
    _second: int = field(default=-1, init=False)
    _count: int = field(default=0, init=False)

    def admits(self, now: float) -> bool:
        """Count an arrival and say whether it may pass."""
        second = math.floor(now / self.per)
        if second != self._second:
            self._second = second
            self._count = 0
        if self._count >= self.rate:
            return False
        self._count += 1
        return True


@define
class LeakyBucket:
    """Nginx's `limit_req` with `nodelay`; a burst of zero wants even spacing.

    Source:
        `ngx_http_limit_req_lookup` of nginx 1.24 as read: whole milliseconds,
        thousandths of a request, and a refused request leaves no trace.
    """

    rate: int = 5
    burst: int = 5
    retry_after: float | None = None
    _excess: int = field(default=0, init=False)
    _last_ms: int | None = field(default=None, init=False)

    def admits(self, now: float) -> bool:
        """Count an arrival and say whether it may pass."""
        now_ms = math.floor(now * 1000)
        if self._last_ms is None:
            self._last_ms = now_ms
            return True
        leaked = self.rate * (now_ms - self._last_ms)
        excess = max(0, self._excess - leaked + 1000)
        if excess > self.burst * 1000:
            return False
        self._excess = excess
        self._last_ms = now_ms
        return True


@define
class StickTable:
    """HAProxy: `http-request track-sc0`, `deny if { sc_http_req_rate(0) gt 5 }`.

    The rate is the count of the running period plus the count of the one before,
    weighted with what is left of the running one, rounded down. Refused
    requests count. Periods begin at the first hit and run on while each sees one.

    Source:
        `update_freq_ctr_period` and `freq_ctr_total` of HAProxy's `freq_ctr`.
    """

    rate: int = 5
    period_ms: int = 1000
    retry_after: float | None = None
    _tick_ms: int = field(default=-(10**9), init=False)
    _current: int = field(default=0, init=False)
    _previous: int = field(default=0, init=False)

    def admits(self, now: float) -> bool:
        """Count an arrival and say whether it may pass."""
        now_ms = math.floor(now * 1000)
        elapsed = now_ms - self._tick_ms
        if elapsed >= 2 * self.period_ms:
            self._previous, self._current, self._tick_ms = 0, 0, now_ms
        elif elapsed >= self.period_ms:
            self._previous, self._current = self._current, 0
            self._tick_ms += self.period_ms
        self._current += 1
        left_ms = self._tick_ms + self.period_ms - now_ms
        total = self._previous * left_ms + self._current * self.period_ms
        return total // self.period_ms <= self.rate


@define
class SecondProcess:
    """A limiter that also counts another process of the account: 2 sends a second.

    Args:
        inner: The limiter that both meet.
        every: Mean seconds between two of the other's sends.
        is_random: Whether they come at random (Poisson), not evenly with 55 ms
            of jitter.
        seed: Of the other's timing.
    """

    inner: Limiter
    every: float = 0.5
    is_random: bool = False
    seed: int = 1
    _rng: random.Random = field(init=False)
    _due: float = field(default=0.0, init=False)
    _next: float = field(default=0.0, init=False)

    @_rng.default
    def _seeded(self) -> random.Random:
        return random.Random(self.seed)

    @property
    def retry_after(self) -> float | None:
        """Seconds its 429 names, or `None` where it names none."""
        return self.inner.retry_after

    def admits(self, now: float) -> bool:
        """Count an arrival, after the other's that came before it."""
        while self._next <= now:
            self.inner.admits(self._next)
            if self.is_random:
                self._next += self._rng.expovariate(1 / self.every)
            else:
                self._due += self.every
                self._next = self._due + self._rng.uniform(0.005, 0.06)
        return self.inner.admits(now)


COUNTING: dict[str, Callable[[], Limiter]] = {
    "sliding log": SlidingLog,
    "log, refused too": partial(SlidingLog, counts_refused=True),
    "fixed window": FixedWindow,
    "calendar second": CalendarSecond,
    "leaky, burst 5": LeakyBucket,
    "HAProxy": StickTable,
}
SETTLING: dict[str, Callable[[], Limiter]] = {
    "leaky, no burst": partial(LeakyBucket, burst=0),
    "log, shared": lambda: SecondProcess(SlidingLog()),
    "window, shared": lambda: SecondProcess(FixedWindow()),
    "log, shared, random": lambda: SecondProcess(SlidingLog(), is_random=True),
}
