"""The service that the benchmarks send to: the emulator, behind a network."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random

from autocalls_async.emulator import Emulator, Endpoint, RateLimit

SENDER = 12
RATE = 5

Draw = Callable[[Random], float]


def _evenly(low: float, high: float) -> Draw:
    return lambda rng: rng.uniform(low, high)


def _heavy_tail(rng: Random) -> float:
    """Draw 30 ms and more; one in a hundred takes a second or longer."""
    return min(5.0, 0.02 + 0.01 * rng.paretovariate(1.05))


LATENCIES: Mapping[str, tuple[Draw, Draw]] = {
    "5-60 ms": (_evenly(0.005, 0.06), _evenly(0.005, 0.06)),
    "20-200 ms": (_evenly(0.02, 0.2), _evenly(0.02, 0.2)),
    "heavy tail": (_heavy_tail, _heavy_tail),
    "slow service": (_evenly(0.005, 0.06), _evenly(0.3, 0.9)),
}
"""Seconds until the service counts a request, and from then until its answer."""

LIMITERS: Mapping[str, tuple[RateLimit, bool]] = {
    "sliding log": (RateLimit.SLIDING_LOG, False),
    "sliding log of all": (RateLimit.SLIDING_LOG, True),
    "fixed window": (RateLimit.FIXED_WINDOW, False),
    "calendar second": (RateLimit.CALENDAR_SECOND, False),
    "leaky bucket, burst 5": (RateLimit.LEAKY_BUCKET, False),
    "HAProxy stick table": (RateLimit.STICK_TABLE, False),
    "leaky bucket, no burst": (RateLimit.SPACED, False),
}
"""How it counts 5 a second, and whether it counts refused requests too."""


def make_service(
    limiter: str, latency: str, *, seed: int, keep_requests: bool = True
) -> Emulator:
    """Make a service with this limiter, so far away.

    Args:
        limiter: A name in `LIMITERS`.
        latency: A name in `LATENCIES`.
        seed: Of the network.
        keep_requests: Record each request; a long run has no room for them.
    """
    shape, count_rejected = LIMITERS[limiter]
    emulator = Emulator(
        rate_limit=shape,
        count_rejected=count_rejected,
        balance=Decimal(10**9),
        everyone_is_open=True,
        record_requests=keep_requests,
        record_accepted=False,
    )
    before, after = LATENCIES[latency]
    emulator.before_counting = _seeded(before, Random(2 * seed))
    emulator.after_counting = _seeded(after, Random(2 * seed + 1))
    return emulator


def _seeded(draw: Draw, rng: Random) -> Callable[[Endpoint], float]:
    return lambda _: draw(rng)
