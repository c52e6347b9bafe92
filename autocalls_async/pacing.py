"""When the next send may leave: the pace of one account.

Pure: no I/O, no clock, no asyncio. Instants are seconds on the loop's clock.

A limit of 5 a second is kept with 5 slots. Each send takes one, and the slot is
free again `per` seconds after the service surely counted the send: at the
latest when the answer is back. So two sends that share a slot lie `per` apart
*at the service*, whatever the network did in between. Waiting for whole round
trips costs goodput (6 % at 5 to 60 ms each way, 41 % behind a service that works
for 0.3 to 0.9 s after counting), so ordinary answers hold a slot for no longer
than a learnt cap. That part is statistics; a 429 takes it back.
"""

import math
from collections import OrderedDict, deque
from enum import IntEnum
from heapq import heappop, heappush

from attrs import Attribute, define, field, frozen

from autocalls_async.naming import show_in

# Two directions that each spread evenly make no round trip longer than twice the
# mean; one that was longer tells of a heavy tail. Then only answers count.
_ODD_FACTOR = 2.0
_ODD_SINCE = 5
# Answers until a tail would have shown itself: of paths with a lognormal or
# exponential tail up to 1 in 10 is taken for an even one, and costs one 429.
_TRUSTED_SINCE = 25
# Sooner where all answers came this quickly: there the cap is at its least.
_QUICK_SINCE = 15
_QUICK_SECONDS = 0.13
# Answers that the mean looks back on; the slowest is that of 250 to 500.
_MEMORY = 100
_SLOWEST_MEMORY = 250
# No uplink is slower than 0.9 mean round trips if both directions spread alike
# between a and b: 0.9 (a + b) covers b - a, the spread, as long as a > b / 19.
# The mean of few answers is unsure: 3 / n more of it.
_CAP_SHARE = 0.9
_CAP_DOUBT = 3.0
# 5 to 60 ms each way spread by 55 ms.
_CAP_LEAST = 0.06
# No path takes 0.3 s for four answers in five, but a busy service does, and its
# work after counting says nothing about the uplink. 0.08 covers 5 to 60 ms.
_BUSY_SECONDS = 0.3
_BUSY_SHARE = 0.8
_BUSY_SINCE = 4
_BUSY_MEMORY = 32
_BUSY_CAP = 0.08
# HAProxy weighs two periods and wants even spacing as well: at 20 to 200 ms each
# way it refused 4 in 10,000 until the gap grew with what the round trip takes
# beyond 0.1 s (up to 0.25 s; at 5 to 60 ms it refused none).
_GAP_FREE = 0.1
_GAP_MOST = 0.25
# Two 429s within this many sends are no accident: one step more careful, and
# past one at a time each step widens the gap, up to 1.25 ** 7 = 4.8 gaps.
_CLOSE_SENDS = 20
_WIDEN = 1.25
_CARE_MOST = 9
# Without a 429 for this long, one step less is tried; each trial that fails
# doubles it. Behind a spacing proxy a trial costs two 429s: 0.2 % in the long run.
_QUIET_SECONDS = 40.0
_QUIET_MOST = 160.0
# A narrower gap costs one, and is tried this much more often: beside a second
# process 1.5 % 429s buy 45 % of the limit, where 0.8 % bought 38 %.
_GAP_TRIALS = 4
# A 429 that names no time: `per`, doubled each time in a row, up to this.
_HOLD_MOST = 60.0
# Longer than an hour is a quota or a mistake, and worth asking again.
_RETRY_AFTER_MOST = 3600.0


def _check_rate(_owner: object, _field: "Attribute[int]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        msg = f"rate must be a whole number of at least 1; got {value!r}"
        raise ValueError(msg)


def _check_per(_owner: object, _field: "Attribute[float]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"per must be a number of seconds; got {value!r}"
        raise ValueError(msg)
    if not 0 < value < math.inf:
        msg = f"per must be a finite number of seconds above 0; got {value!r}"
        raise ValueError(msg)


@frozen
class SendLimit:
    """At most `rate` sends in any `per` seconds, as the service counts them.

    Guaranteed, whatever the network does: no more than `rate` sends leave in any
    `per` seconds, evenly spaced. The service sees no more of them either for as
    long as a slot waits for its answer: at first, where answers have a heavy tail,
    and after a 429.

    Learnt elsewhere, and as good as what it was learnt from: how much sooner than
    its answer a send was surely counted. A path that delays one direction only, or
    suddenly gets quicker, can cost a few 429s. Each makes the pace more careful,
    down to one send at a time, and a refused send was not processed.

    Args:
        rate: Sends, a whole number of at least 1.
        per: Seconds, above 0.
    """

    rate: int = field(validator=_check_rate)
    per: float = field(default=1.0, validator=_check_per)

    @property
    def gap(self) -> float:
        """Least seconds between the starts of two sends."""
        return self.per / self.rate


@define(eq=False)
class Ticket:
    """One send that has left; hand it back once, when its end is known."""

    started: float
    is_settled: bool = False


class Care(IntEnum):
    """How careful the 429s have made us; from `ONE_AT_A_TIME` up, gaps widen."""

    LEARNT = 0
    AFTER_ANSWERS = 1
    ONE_AT_A_TIME = 2


_LEARNT = int(Care.LEARNT)
_ONE_AT_A_TIME = int(Care.ONE_AT_A_TIME)


class RoundTrips:
    """What the answers so far say about the path and the service."""

    def __init__(self) -> None:
        self.mean: float = 0.0
        self.is_busy: bool = False
        """Whether answers take so long that it is the service that works."""
        self.odd: float = math.inf
        """Round trips over this many seconds are out of the ordinary."""
        self.cap: float = math.inf
        """Seconds after which a send with an ordinary answer was surely counted.

        `math.inf` where too little is known, or the tail is heavy.
        """
        self._count = 0
        self._slowest = 0.0
        self._slowest_before = 0.0
        self._busy_share = 0.0

    def learn(self, seconds: float) -> None:
        """Take in the round trip of one answered send."""
        # Clipped: one answer of 10 s must not pass for a slower path.
        ordinary = min(seconds, self.odd)
        self._count += 1
        self.mean += (ordinary - self.mean) / min(self._count, _MEMORY)
        is_busy = float(seconds > _BUSY_SECONDS)
        self._busy_share += (is_busy - self._busy_share) / min(
            self._count, _BUSY_MEMORY
        )
        if self._count % _SLOWEST_MEMORY == 0:
            self._slowest_before, self._slowest = self._slowest, 0.0
        self._slowest = max(self._slowest, seconds)
        self.is_busy = self._count >= _BUSY_SINCE and self._busy_share > _BUSY_SHARE
        self.odd = math.inf if self._count < _ODD_SINCE else _ODD_FACTOR * self.mean
        self.cap = self._find_cap()

    def _find_cap(self) -> float:
        if self.is_busy:
            return _BUSY_CAP
        slowest = max(self._slowest, self._slowest_before)
        since = _QUICK_SINCE if slowest <= _QUICK_SECONDS else _TRUSTED_SINCE
        if self._count < since or slowest > self.odd:
            return math.inf
        doubt = _CAP_DOUBT / min(self._count, _MEMORY)
        return max(_CAP_LEAST, self.mean * (_CAP_SHARE + doubt))


class Pace:
    """Says when the next send may leave, and learns from how sends end.

    Each `start` is followed by exactly one of `answered`, `refused` or `gave_up`
    with its ticket; a second one is ignored.
    """

    def __init__(self, limit: SendLimit) -> None:
        self.limit = limit
        self.round_trips: RoundTrips = RoundTrips()
        # Slots: taken by an open send, by one open for oddly long, or by a settled
        # one until the instant in the heap.
        self._open: OrderedDict[Ticket, None] = OrderedDict()
        self._late: OrderedDict[Ticket, None] = OrderedDict()
        self._taken_until: list[float] = []
        self._starts: deque[float] = deque()
        self._last_start = -math.inf
        self._last_end = -math.inf
        self._not_before = -math.inf
        self._young = min(limit.per, 2 * limit.gap)  # seconds until one may be late
        self._care = _LEARNT
        self._quiet = _QUIET_SECONDS
        self._quiet_since = -math.inf
        self._is_trial = False
        self._refused_at = -math.inf
        self._refused_in_row = 0
        self._sends = 0
        # The send after which the last 429 came, or a trial began.
        self._marked_send = -_CLOSE_SENDS

    @property
    def care(self) -> Care:
        """How careful the 429s have made us."""
        return Care(min(self._care, _ONE_AT_A_TIME))

    @property
    def is_one_at_a_time(self) -> bool:
        """Whether each send waits for the end of the one before, and then a gap."""
        return self._care >= _ONE_AT_A_TIME

    @property
    def cap(self) -> float:
        """Seconds over `per` that an ordinary answer holds a slot at most."""
        return self.round_trips.cap if self._care == _LEARNT else math.inf

    @property
    def gap(self) -> float:
        """Seconds between two starts; one at a time: from an end to the next start."""
        if self.is_one_at_a_time:
            return self.limit.gap * _WIDEN ** (self._care - _ONE_AT_A_TIME)
        if self._counts_early:
            return self.limit.gap
        beyond = max(0.0, min(self.round_trips.mean, _GAP_MOST) - _GAP_FREE)
        # One that is late may arrive beside any other, and leaves its turn empty:
        # the rest share the whole time.
        sharing = max(1, self.limit.rate - len(self._late))
        return (self.limit.per + beyond) / sharing

    @property
    def seconds_per_send(self) -> float:
        """What one more send in the queue adds to the wait of those behind it."""
        if self.is_one_at_a_time:
            return self.gap + self.round_trips.mean
        held = self.limit.per + min(self.round_trips.mean, self.cap)
        return max(self.gap, held / self.limit.rate)

    @property
    def not_before(self) -> float:
        """Nobody sends before this instant; it only moves forward."""
        return self._not_before

    @property
    def in_flight_count(self) -> int:
        """Sends whose end is not known, as far as they hold a slot."""
        return len(self._open) + len(self._late)

    def sends_in_last_second(self, now: float) -> int:
        """How many sends left in the second up to `now`."""
        while self._starts and self._starts[0] <= now - 1:
            self._starts.popleft()
        return len(self._starts)

    def earliest(self, now: float) -> float:
        """Instant at which the next send may leave, never before `now`.

        Ask again at that instant, and whenever a send has ended: what is learnt in
        between may move it either way. `math.inf` means: not before a send ends.
        """
        self._let_go(now)
        if self._care >= _ONE_AT_A_TIME:
            ready = math.inf if self.in_flight_count else self._last_end + self.gap
        else:
            ready = max(self._last_start + self.gap, self._slot_free(now))
        return max(now, self._not_before, ready)

    def start(self, now: float) -> Ticket:
        """Note that a send leaves: its first byte goes out right after this."""
        ticket = Ticket(now)
        self.sends_in_last_second(now)  # which forgets the older ones
        self._starts.append(now)
        self._open[ticket] = None
        self._last_start = now
        self._sends += 1
        return ticket

    def answered(self, ticket: Ticket, now: float) -> None:
        """Note that an answer other than 429 is back."""
        if ticket.is_settled:
            return
        seconds = now - ticket.started
        is_odd = seconds > self.round_trips.odd
        self.round_trips.learn(seconds)
        self._refused_in_row = 0
        self._calm_down(now)
        held = seconds if is_odd and not self._counts_early else min(seconds, self.cap)
        self._settle(ticket, now, free_at=ticket.started + held + self.limit.per)

    def refused(self, ticket: Ticket, now: float, retry_after: float | None) -> None:
        """Note a 429: nobody sends until it is over, and then more carefully.

        Args:
            ticket: The send that was refused; it was counted, but not processed.
            now: The instant of the answer.
            retry_after: Seconds that the answer named, if it did. Up to an hour is
                honoured; without it, `per` is doubled with each 429 in a row, up to
                a minute.
        """
        if ticket.is_settled:
            return
        self._settle(ticket, now, free_at=now + self.limit.per)
        # One that left before the last 429 was known says nothing new.
        if ticket.started > self._refused_at:
            self._refused_in_row += 1
            self._take_care(now)
        doublings = min(max(self._refused_in_row - 1, 0), 10)
        hold = min(self.limit.per * 2**doublings, _HOLD_MOST)
        if retry_after is not None and retry_after >= 0:
            hold = min(retry_after, _RETRY_AFTER_MOST)
        self._not_before = max(self._not_before, now + hold)

    def gave_up(self, ticket: Ticket, now: float) -> None:
        """Note that no answer will come: it may arrive yet, so its slot starts anew."""
        if not ticket.is_settled:
            self._settle(ticket, now, free_at=now + self.limit.per)

    @property
    def _counts_early(self) -> bool:
        """Whether a slot is free again although its answer is still out."""
        return self._care == _LEARNT and self.round_trips.is_busy

    def _let_go(self, now: float) -> None:
        """Free the slots whose time is over, and set the late ones apart."""
        taken = self._taken_until
        while taken and taken[0] <= now:
            heappop(taken)
        if not self._open or next(iter(self._open)).started + self._young > now:
            return
        early = self._counts_early
        # Late: odd, and its own turn at the service is over.
        late = max(self.round_trips.odd, 2 * self.limit.gap)
        held = self.limit.per + self.cap if early else late
        while self._open and next(iter(self._open)).started + held <= now:
            ticket, _ = self._open.popitem(last=False)
            if not early:
                self._late[ticket] = None

    def _slot_free(self, now: float) -> float:
        open_count = len(self._open) + len(self._late)
        if open_count + len(self._taken_until) < self.limit.rate:
            return now
        instants = self._taken_until[:1]
        if self._counts_early and self._open:
            first = next(iter(self._open))
            instants = [*instants, first.started + self.limit.per + self.cap]
        return min(instants, default=math.inf)

    def _settle(self, ticket: Ticket, now: float, *, free_at: float) -> None:
        ticket.is_settled = True
        self._open.pop(ticket, None)
        self._late.pop(ticket, None)
        self._last_end = now
        if free_at > now:
            heappush(self._taken_until, free_at)

    def _take_care(self, now: float) -> None:
        """Become one step more careful, unless a 429 is as rare as an accident."""
        is_close = self._sends - self._marked_send <= _CLOSE_SENDS
        if self._care == _LEARNT or is_close:
            self._care = min(self._care + 1, _CARE_MOST)
        if self._is_trial:
            self._quiet = min(2 * self._quiet, _QUIET_MOST)
        self._is_trial = False
        self._refused_at = now
        self._quiet_since = now
        self._marked_send = self._sends

    def _calm_down(self, now: float) -> None:
        """After a quiet time, try with one step less of care."""
        is_widened = self._care > _ONE_AT_A_TIME
        quiet = self._quiet / _GAP_TRIALS if is_widened else self._quiet
        if now - self._quiet_since < quiet:
            return
        if self._care == _LEARNT:
            self._quiet = _QUIET_SECONDS
            self._is_trial = False
            return
        self._care -= 1
        self._is_trial = True
        self._quiet_since = now
        self._marked_send = self._sends


show_in("autocalls_async", "SendLimit", of=globals())
