"""When the next send may leave: the pace of one account.

Pure: no I/O, no clock, no asyncio. Instants are seconds on the loop's clock.

A limit of 5 a second is kept with 5 slots. Each send takes one, and the slot is
free again `per` seconds after the service surely counted the send: at the
latest when the answer is back. So two sends that share a slot lie `per` apart
*at the service*, whatever the network did in between. Waiting for whole round
trips costs goodput (6 % at 5 to 60 ms each way, 41 % behind a service that works
for 0.3 to 0.9 s after counting), so ordinary answers hold a slot for no longer
than a learnt cap. That part is statistics; a 429 takes it back.

An answer may also hang, for as long as a minute. A send that is open for much
longer than its path's answers take gives its slot back once a later one was
answered: only it hangs. While nothing at all is answered, a probe leaves now and
then. Where that was wrong, one 429 tells.
"""

import math
from collections import deque
from enum import IntEnum

from attrs import field, frozen

from autocalls_async.model.checks import check_count, check_period
from autocalls_async.model.values.naming import show_in
from autocalls_async.policy.pauses import MAX_PAUSE_SECONDS
from autocalls_async.policy.roundtrips import RoundTrips
from autocalls_async.policy.slots import Departure, SendState, Slots

# HAProxy weighs two periods and wants even spacing as well: at 20 to 200 ms each
# way it refused 4 in 10,000 until the gap grew with what the round trip takes
# beyond 0.1 s (up to 0.25 s; at 5 to 60 ms it refused none).
_GAP_FREE = 0.1
_GAP_MOST = 0.25
# At a high rate a turn is short, and an answer within this is never late.
_TURN_LEAST = 0.05
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


@frozen
class SendLimit:
    """At most `rate` sends in any `per` seconds, as the service counts them.

    Guaranteed, whatever the network does: no more than `rate` sends leave in any
    `per` seconds, evenly spaced. The service sees no more of them either for as
    long as a slot waits for its answer: at first, where answers have a heavy tail,
    and after a 429.

    Learnt elsewhere, and as good as what it was learnt from: how much sooner than
    its answer a send was surely counted. A path that delays one direction only, or
    suddenly gets quicker, can cost a few 429s, and so can a request that is held up
    for much longer than others. Each makes the pace more careful, down to one send
    at a time, and a refused send was not processed.

    Args:
        rate: Sends, a whole number of at least 1.
        per: Seconds, above 0.
    """

    rate: int = field(validator=check_count.on_field)
    per: float = field(default=1.0, validator=check_period.on_field)

    @property
    def gap(self) -> float:
        """Least seconds between the starts of two sends."""
        return self.per / self.rate


class Care(IntEnum):
    """How careful the 429s have made us; from `ONE_AT_A_TIME` up, gaps widen."""

    LEARNT = 0
    AFTER_ANSWERS = 1
    ONE_AT_A_TIME = 2


# Looked up once: before CPython 3.12 a member costs ten times a global name.
_ANSWERED = SendState.ANSWERED
_LEARNT = int(Care.LEARNT)
_ONE_AT_A_TIME = int(Care.ONE_AT_A_TIME)


class Pace:
    """When the next send may leave, learnt from how sends end.

    Each `start` is followed by one of `answered`, `rate_limited` or `gave_up`, called
    with the send that it returned; a second one is ignored.
    """

    def __init__(self, limit: SendLimit) -> None:
        self.limit = limit
        self.round_trips: RoundTrips = RoundTrips()
        self._slots = Slots(limit.rate)
        self._is_stalled = False
        self._starts: deque[float] = deque()
        self._last_start = -math.inf
        self._last_end = -math.inf
        self._not_before = -math.inf
        # Seconds until its turn at the service is over, and it may be late.
        self._turn = max(2 * limit.gap, _TURN_LEAST)
        self._young = min(limit.per, self._turn)
        self._care = _LEARNT
        self._gap: float | None = None  # where what it follows from has changed
        self._quiet = _QUIET_SECONDS
        self._quiet_since = -math.inf
        self._is_trial = False
        self._refused_at = -math.inf
        self._refused_in_row = 0
        self._sends_since = 0  # the last 429, or the last trial's begin

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
        if self._gap is None:
            self._gap = self._find_gap()
        return self._gap

    def _find_gap(self) -> float:
        if self.is_one_at_a_time:
            return self.limit.gap * _WIDEN ** (self._care - _ONE_AT_A_TIME)
        if self._counts_early:
            return self.limit.gap
        mean = self.round_trips.mean
        beyond = min(mean, _GAP_MOST) - _GAP_FREE if mean > _GAP_FREE else 0.0
        # One that is late may arrive beside any other, and leaves its turn empty:
        # the rest share the whole time.
        sharing = max(1, self.limit.rate - self._slots.late_count)
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
        """Sends whose end is not known."""
        return self._slots.open_count

    @property
    def is_braked(self) -> bool:
        """Whether half of the last sends seem lost: no slot is given back early."""
        return self._slots.is_braked

    def sends_in_last_second(self, now: float) -> int:
        """Return how many sends left in the second up to `now`."""
        while self._starts and self._starts[0] <= now - 1:
            self._starts.popleft()
        return len(self._starts)

    def earliest(self, now: float) -> float:
        """Return when the next send may leave, never before `now`.

        Ask again at that instant, and whenever a send has ended: what is learnt in
        between may move it either way. `math.inf` means: not before a send ends, or
        a probe is due; `ask_again` tells when.
        """
        self._let_go(now)
        if self._care >= _ONE_AT_A_TIME:
            is_open = self._slots.held_count
            ready = math.inf if is_open else self._last_end + self.gap
        else:
            ready = max(self._last_start + self.gap, self._slot_free(now))
        if ready == math.inf and self._probe_at() <= now:
            ready = now
        return max(now, self._not_before, ready)

    def ask_again(self, now: float) -> float:
        """Return when to ask again at the latest, if no send ends before.

        `math.inf` means: there is nothing but to wait for an end.
        """
        earliest = self.earliest(now)
        if earliest < math.inf:
            return earliest
        return max(self._not_before, self._probe_at())

    def opens_by(self, at: float, now: float) -> bool:
        """Return whether the next send may leave by an instant, as far as is known."""
        if self._slots.has_room and self._care < _ONE_AT_A_TIME:  # it is most times
            return self._not_before <= at and self._last_start + self.gap <= at
        return self.ask_again(now) <= at

    def rest_until(self, at: float) -> None:
        """Have nobody send before this: what others sent may come until then."""
        self._not_before = max(self._not_before, at)

    def follow(self, ended_at: float) -> None:
        """Note that others made a send, whose end was known at this instant.

        It counts as one of ours would that was answered then.
        """
        self._slots.take_until(ended_at + self.limit.per)
        self._last_start = max(self._last_start, ended_at)

    def start(self, now: float) -> Departure:
        """Note that a send leaves: its first byte goes out right after this."""
        self.sends_in_last_second(now)  # which forgets the older ones
        self._starts.append(now)
        self._last_start = now
        self._sends_since += 1
        return self._slots.take(now)

    def answered(self, send: Departure, now: float) -> None:
        """Note that an answer other than 429 is back."""
        if send.is_settled:
            return
        seconds = now - send.started
        is_odd = seconds > self.round_trips.odd
        self.round_trips.learn(seconds)
        self._refused_in_row = 0
        self._calm_down(now)
        is_odd = send.seems_lost or (is_odd and not self._counts_early)
        held = seconds if is_odd else min(seconds, self.cap)
        free_at = send.started + held + self.limit.per
        self._settle(send, _ANSWERED, now=now, free_at=free_at)

    def rate_limited(
        self, send: Departure, now: float, retry_after: float | None
    ) -> None:
        """Note a 429: nobody sends until it is over, and then more carefully.

        Args:
            send: The send that was refused; it was counted, but not processed.
            now: The instant of the answer.
            retry_after: Seconds that the answer named, if it did. Up to an hour is
                honoured; without it, `per` is doubled with each 429 in a row, up to
                a minute.
        """
        if send.is_settled:
            return
        self._settle(send, _ANSWERED, now=now, free_at=now + self.limit.per)
        # One that left before the last 429 was known says nothing new.
        if send.started > self._refused_at:
            self._refused_in_row += 1
            self._take_care(now)
        doublings = min(max(self._refused_in_row - 1, 0), 63)  # a float holds no more
        hold = min(self.limit.per * 2**doublings, _HOLD_MOST)
        if retry_after is not None and retry_after >= 0:
            hold = min(retry_after, MAX_PAUSE_SECONDS)
        self._not_before = max(self._not_before, now + hold)

    def gave_up(self, send: Departure, now: float) -> None:
        """Note that no answer will come: it may arrive yet, so its slot starts anew.

        One that gave its slot back before takes none again.
        """
        if not send.is_settled:
            held = 0.0 if send.state is SendState.HUNG else self.limit.per
            self._settle(send, SendState.GIVEN_UP, now=now, free_at=now + held)

    @property
    def _counts_early(self) -> bool:
        """Whether a slot is free again although its answer is still out."""
        is_busy = self._care == _LEARNT and self.round_trips.is_busy
        return is_busy and not self._is_stalled

    @property
    def _early_age(self) -> float:
        return self.limit.per + self.cap if self._counts_early else math.inf

    @property
    def _silent_age(self) -> float:
        """Age at which a send is open for much longer than answers take."""
        trips = self.round_trips
        is_learnt = self._care == _LEARNT
        seconds = trips.patience if is_learnt else max(trips.patience, trips.silence)
        return self.limit.per + seconds

    @property
    def _least_age(self) -> float:
        """Age before which no open send moves."""
        if self.round_trips.is_busy:
            return self._young
        return min(self.limit.per, max(self.round_trips.odd, self._turn))

    def _probe_at(self) -> float:
        """Return when one may leave although none of the open was answered."""
        if self._slots.is_braked:
            return math.inf
        wait = max(self.gap, self.limit.per + self.round_trips.silence)
        return self._last_start + wait

    def _let_go(self, now: float) -> None:
        """Free the slots whose time is over, and set the late ones apart."""
        slots, odd = self._slots, self.round_trips.odd
        slots.let_go(now)
        if slots.are_young(now, age=self._young):  # it costs less than the next
            return
        if slots.are_young(now, age=self._least_age):
            return
        if self.round_trips.is_busy:
            # One that falls silent counts nothing: each slot waits again.
            unheard = slots.unheard_seconds(now)
            self._is_stalled = unheard > max(odd, self.limit.per) or slots.is_braked
        # Late: odd, and its own turn at the service is over.
        early_age, silent_age = self._early_age, self._silent_age
        late_age = min(max(odd, self._turn), silent_age)
        slots.grow_older(
            now,
            early_age=early_age,
            late_age=late_age if early_age == math.inf else math.inf,
            silent_age=silent_age,
        )
        self._gap = None

    def _slot_free(self, now: float) -> float:
        if self._slots.has_room:
            return now
        return self._slots.free_at(
            early_age=self._early_age, silent_age=self._silent_age
        )

    def _settle(
        self, send: Departure, state: SendState, *, now: float, free_at: float
    ) -> None:
        if state is _ANSWERED:
            self._is_stalled = False
        self._slots.settle(send, state, now=now, free_at=free_at)
        self._last_end = now
        self._gap = None

    def _take_care(self, now: float) -> None:
        """Become one step more careful, unless a 429 is as rare as an accident."""
        is_close = self._sends_since <= _CLOSE_SENDS
        if self._care == _LEARNT or is_close:
            self._care = min(self._care + 1, _CARE_MOST)
            self._gap = None
        if self._is_trial:
            self._quiet = min(2 * self._quiet, _QUIET_MOST)
        self._is_trial = False
        self._refused_at = now
        self._quiet_since = now
        self._sends_since = 0

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
        self._sends_since = 0


show_in("autocalls_async", "SendLimit", of=globals())
