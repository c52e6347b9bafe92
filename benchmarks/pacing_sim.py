"""Pacing policies against limiters, simulated: no network, no waiting.

    python -m benchmarks.pacing_sim [--runs 20] [--long 100000]

Prints the share of sends refused and goodput as a share of 5.0/s: of each recipe
from a cold start, of our `Pace` in long runs, and where 429s cannot be avoided.
"""

import argparse
import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any, Protocol

from attrs import define, field, frozen

from autocalls_async.policy.pace import Pace, SendLimit
from benchmarks.limiter_models import COUNTING, SETTLING, Limiter

LIMIT = SendLimit(5)
_Ticket = Any  # each policy has its own


class Policy(Protocol):
    """What the simulation asks; `Pace` is one."""

    def earliest(self, now: float) -> float:
        """Instant at which the next send may leave."""

    def start(self, now: float) -> _Ticket:
        """Note that a send leaves."""

    def answered(self, ticket: _Ticket, now: float) -> None:
        """Note an answer."""

    def rate_limited(
        self, ticket: _Ticket, now: float, retry_after: float | None
    ) -> None:
        """Note a 429."""


class Deaf:
    """Open-loop recipes: how a send ends teaches them nothing."""

    def answered(self, ticket: None, now: float) -> None:
        """Learn nothing."""

    def rate_limited(self, ticket: None, now: float, retry_after: float | None) -> None:
        """Learn nothing."""


@define
class Bucket(Deaf):
    """AsyncLimiter: a leaky bucket that holds `size`."""

    size: float
    per_second: float
    _level: float = field(default=0.0, init=False)
    _at: float = field(default=0.0, init=False)

    def earliest(self, now: float) -> float:
        """Instant at which the bucket has room."""
        return max(now, self._at + (self._level + 1 - self.size) / self.per_second)

    def start(self, now: float) -> None:
        """Fill one in."""
        leaked = (now - self._at) * self.per_second
        self._level = max(0.0, self._level - leaked) + 1
        self._at = now


@define
class OwnLog(Deaf):
    """pyrate-limiter: five of our own starts in any second."""

    _starts: deque[float] = field(factory=partial(deque, maxlen=5), init=False)

    def earliest(self, now: float) -> float:
        """Instant at which the fifth-last start is a second old."""
        full = len(self._starts) == 5
        return max(now, self._starts[0] + 1) if full else now

    def start(self, now: float) -> None:
        """Note the start."""
        self._starts.append(now)


@define
class Slots:
    """Recipes A to D: five slots, each free 1 s after its answer or a cap.

    Args:
        gap: Seconds between starts.
        cap: Seconds after a start at which it is taken for counted.
        learns: Whether a 429 holds all for a second and widens the gap (D).
    """

    gap: float = 0.0
    cap: float = math.inf
    learns: bool = False
    _open: list[float] = field(factory=list, init=False)
    _taken_until: list[float] = field(factory=list, init=False)
    _not_before: float = field(default=0.0, init=False)

    def _prune(self, now: float) -> None:
        while self._taken_until and self._taken_until[0] <= now:
            heapq.heappop(self._taken_until)
        while self._open and self._open[0] + 1 + self.cap <= now:
            self._open.pop(0)

    def earliest(self, now: float) -> float:
        """Instant at which a slot is free and the gap is over."""
        self._prune(now)
        ready = max(now, self._not_before)
        if len(self._open) + len(self._taken_until) < 5:
            return ready
        frees = [*self._taken_until[:1], *(t + 1 + self.cap for t in self._open[:1])]
        return max(ready, min(frees))

    def start(self, now: float) -> float:
        """Take a slot."""
        self._open.append(now)
        self._not_before = max(self._not_before, now + self.gap)
        return now

    def answered(self, ticket: float, now: float) -> None:
        """Free the slot a second after it was surely counted."""
        if ticket in self._open:
            self._open.remove(ticket)
            heapq.heappush(self._taken_until, ticket + 1 + min(now - ticket, self.cap))

    def rate_limited(
        self, ticket: float, now: float, retry_after: float | None
    ) -> None:
        """Free the slot; D also waits and widens the gap, up to 0.3 s."""
        self.answered(ticket, now)
        if self.learns:
            self._not_before = max(self._not_before, now + (retry_after or 1.0))
            self.gap = min(0.3, self.gap * 1.1)


class Route(Protocol):
    """Draws how long one send takes: uplink, work after counting, downlink."""

    def __call__(self, rng: random.Random, now: float) -> tuple[float, float, float]:
        """Draw for a send that leaves now."""


def _even(low: float, high: float) -> Route:
    return lambda rng, _now: (rng.uniform(low, high), 0.0, rng.uniform(low, high))


def _lognormal(median: float, p99: float) -> Route:
    sigma = math.log(p99 / median) / 2.326
    draw = partial(random.Random.lognormvariate, mu=math.log(median), sigma=sigma)
    return lambda rng, _now: (draw(rng), 0.0, draw(rng))


def _spiky(share: float, low: float, high: float) -> Route:
    def one_way(rng: random.Random) -> float:
        spike = rng.uniform(low, high) if rng.random() < share else 0.0
        return rng.uniform(0.005, 0.06) + spike

    return lambda rng, _now: (one_way(rng), 0.0, one_way(rng))


def _busy(low: float, high: float) -> Route:
    return lambda rng, _now: (
        rng.uniform(0.005, 0.06),
        rng.uniform(low, high),
        rng.uniform(0.005, 0.06),
    )


def _sides(up: tuple[float, float], down: tuple[float, float]) -> Route:
    return lambda rng, _now: (rng.uniform(*up), 0.0, rng.uniform(*down))


def _switching(one: Route, other: Route) -> Route:
    return lambda rng, now: (one if now % 60 < 30 else other)(rng, now)


ROUTES: dict[str, Route] = {
    "5-60 ms": _even(0.005, 0.06),
    "20-200 ms": _even(0.02, 0.2),
    "spikes 1 %": _spiky(0.01, 0.2, 1.0),
    "spikes 2 %": _spiky(0.02, 0.5, 1.5),
    "lognormal": _lognormal(0.03, 0.5),
    "works 0.3-0.9": _busy(0.3, 0.9),
}
HARD_ROUTES: dict[str, Route] = {
    "works 0.1-0.3": _busy(0.1, 0.3),
    "exponential": lambda rng, _now: (
        0.005 + rng.expovariate(1 / 0.03),
        0.0,
        0.005 + rng.expovariate(1 / 0.03),
    ),
    "uplink jitter": _sides((0.005, 0.12), (0.005, 0.015)),
    "200 <-> 20 ms": _switching(_even(0.18, 0.22), _even(0.015, 0.025)),
    "up <-> down": _switching(
        _sides((0.18, 0.2), (0.02, 0.04)), _sides((0.02, 0.04), (0.18, 0.2))
    ),
}
POLICIES: dict[str, Callable[[], Policy]] = {
    "AsyncLimiter(5, 1)": partial(Bucket, 5, 5),
    "AsyncLimiter(1, 0.2)": partial(Bucket, 1, 5),
    "pyrate-limiter": OwnLog,
    "every 0.211 s": partial(Bucket, 1, 1 / 0.211),
    "A: after answers": Slots,
    "B: A, gap 0.2": partial(Slots, 0.2),
    "C: B, cap 0.06": partial(Slots, 0.2, 0.06),
    "C: B, cap 0.1": partial(Slots, 0.2, 0.1),
    "D: C, learns": partial(Slots, 0.2, 0.06, learns=True),
    "Pace": partial(Pace, LIMIT),
}


_Event = tuple[float, int, Callable[[float], None]]


@frozen
class Tally:
    """What came of one run; the settled part begins 5 s after the first send."""

    sends: int
    refused: int
    settled: int
    settled_refused: int
    goodput: float


@define
class Simulation:
    """One run: a policy with always something to send, a route, and a limiter."""

    policy: Policy
    limiter: Limiter
    route: Route
    rng: random.Random
    late: float = 0.0
    verdicts: list[tuple[float, bool]] = field(factory=list, init=False)
    _events: list[_Event] = field(factory=list, init=False)
    _order: "count[int]" = field(factory=count, init=False)

    def run(self, sends: int) -> Tally:
        """Send so many, and wait for the last answer."""
        now = self.rng.uniform(0, 3)
        left = sends
        while left or self._events:
            leaves_at = self.policy.earliest(now) if left else math.inf
            if leaves_at <= now:
                now += self.rng.uniform(0, self.late)
                self._send(now)
                left -= 1
            elif self._events and self._events[0][0] <= leaves_at:
                at, _, happen = heapq.heappop(self._events)
                now = max(now, at)
                happen(now)
            else:
                now = leaves_at
        return self._tally()

    def _send(self, now: float) -> None:
        ticket = self.policy.start(now)
        uplink, work, downlink = self.route(self.rng, now)

        def arrive(at: float) -> None:
            admitted = self.limiter.admits(at)
            self.verdicts.append((now, admitted))
            back = at + downlink + (work if admitted else 0.0)
            self._plan(back, partial(self._answer, ticket, admitted=admitted))

        self._plan(now + uplink, arrive)

    def _answer(self, ticket: object, at: float, *, admitted: bool) -> None:
        if admitted:
            self.policy.answered(ticket, at)
        else:
            self.policy.rate_limited(ticket, at, self.limiter.retry_after)

    def _plan(self, at: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at, next(self._order), happen))

    def _tally(self) -> Tally:
        starts = [started for started, _ in self.verdicts]
        first, last = min(starts), max(starts)
        accepted = sum(admitted for _, admitted in self.verdicts)
        settled = [ok for started, ok in self.verdicts if started - first >= 5]
        return Tally(
            sends=len(starts),
            refused=len(starts) - accepted,
            settled=len(settled),
            settled_refused=settled.count(False),
            goodput=(accepted - 1) / (last - first) / 5,
        )


def simulate(
    policy: Callable[[], Policy],
    limiter: Callable[[], Limiter],
    route: Route,
    *,
    sends: int = 125,
    seed: int = 1,
    late: float = 0.0,
) -> Tally:
    """Run one policy against one limiter over one route.

    Args:
        policy: Makes the policy.
        limiter: Makes the limiter.
        route: How long each way takes.
        sends: How many, refused ones included.
        seed: Of the route.
        late: Most seconds by which a send leaves late; event loops and timers make
            up to a millisecond of it, which costs 0.2 % of goodput.
    """
    rng = random.Random(seed)
    return Simulation(policy(), limiter(), route, rng, late).run(sends)


def _compare_recipes(runs: int) -> None:
    print(f"\nShort runs: {runs} of 125 sends each, over six counting limiters:")
    print("most 429s with one limiter, the lowest and highest goodput\n")
    print(" " * 21, *(f"{route:>18}" for route in ROUTES))
    for name, policy in POLICIES.items():
        cells = [_worst(policy, route, runs) for route in ROUTES.values()]
        print(f"{name:21}", *(f"{cell:>18}" for cell in cells), flush=True)


def _worst(policy: Callable[[], Policy], route: Route, runs: int) -> str:
    shares, goodputs = [], []
    for limiter in COUNTING.values():
        tallies = [simulate(policy, limiter, route, seed=seed) for seed in range(runs)]
        shares.append(sum(tally.refused for tally in tallies) / runs / 125)
        goodputs.append(sum(tally.goodput for tally in tallies) / runs)
    low, high = min(goodputs), max(goodputs)
    return f"{max(shares):.2%} {low:.1%}-{high:.1%}".replace("%-", "-")


def _show_long_runs(sends: int) -> None:
    print(f"\nPace, one run of {sends:,} sends: 429s and goodput\n")
    _show_grid({**ROUTES, **HARD_ROUTES}, COUNTING, sends)
    print(f"\nPace where 429s cannot be avoided, {sends // 10:,} sends:")
    print("429s after the first 5 s, and goodput\n")
    _show_grid(ROUTES, SETTLING, sends // 10)


def _show_grid(
    routes: Mapping[str, Route],
    limiters: Mapping[str, Callable[[], Limiter]],
    sends: int,
) -> None:
    print(" " * 15, *(f"{name:>19}" for name in limiters))
    for name, route in routes.items():
        print(f"{name:15}", end="")
        for limiter in limiters.values():
            tally = simulate(POLICIES["Pace"], limiter, route, sends=sends)
            share = tally.settled_refused / max(1, tally.settled)
            cell = f"{tally.refused} ({share:.2%}) {tally.goodput:.1%}"
            print(f" {cell:>19}", end="", flush=True)
        print()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Compare pacing policies.")
    parser.add_argument("--runs", type=int, default=20, help="short runs of each")
    parser.add_argument("--long", type=int, default=100_000, help="sends of a long run")
    arguments = parser.parse_args()
    _compare_recipes(arguments.runs)
    _show_long_runs(arguments.long)


if __name__ == "__main__":
    main()
