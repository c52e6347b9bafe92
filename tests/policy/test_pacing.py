"""The pace: slots, the gap, what answers teach, and what a 429 does."""

import heapq
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.policy.pace import Care, Pace, SendLimit
from autocalls_async.policy.roundtrips import RoundTrips
from autocalls_async.policy.slots import Departure, SendState


@frozen
class Trip:
    """How long one send takes there and back; `back=None`: no answer comes."""

    there: float
    back: float | None


QUIET_TRIP = Trip(0.03, 0.03)


def drive(
    pace: Pace, trips: Iterable[Trip], *, now: float = 0.0, patience: float = 45.0
) -> tuple[list[float], list[float]]:
    """Send all as early as the pace allows; return the starts and the arrivals."""
    starts: list[float] = []
    arrivals: list[float] = []
    ends: list[tuple[float, int, Departure, bool]] = []
    for number, trip in enumerate(trips):
        while (leaves_at := pace.earliest(now)) > now:
            if ends and ends[0][0] <= leaves_at:
                now, _, send, is_answered = heapq.heappop(ends)
                (pace.answered if is_answered else pace.gave_up)(send, now)
            else:
                now = leaves_at
        starts.append(now)
        arrivals.append(now + trip.there)
        send = pace.start(now)
        took = patience if trip.back is None else trip.there + trip.back
        heapq.heappush(ends, (now + took, number, send, trip.back is not None))
    while ends:
        now, _, send, is_answered = heapq.heappop(ends)
        (pace.answered if is_answered else pace.gave_up)(send, now)
    return starts, arrivals


def spans(instants: Sequence[float], count: int) -> list[float]:
    """Time that each run of so many instants, in order, takes."""
    ordered = sorted(instants)
    return [
        last - first for first, last in zip(ordered, ordered[count - 1 :], strict=False)
    ]


def after_a_refusal(limit: SendLimit) -> tuple[Pace, float]:
    """Make a pace that counts nothing but answers, and say when it may send."""
    pace = Pace(limit)
    pace.rate_limited(pace.start(0.0), 0.1, None)
    return pace, 0.1 + limit.per


def stall(pace: Pace, now: float, seconds: float) -> list[Departure]:
    """Send as early as the pace allows while nothing is answered."""
    left: list[Departure] = []
    until = now + seconds
    while (now := pace.ask_again(now)) < until:
        if pace.earliest(now) <= now:
            left.append(pace.start(now))
    return left


def refuse_next(pace: Pace, now: float) -> float:
    """Send as soon as allowed, get a 429 without a time, say when that was."""
    leaves_at = pace.earliest(now)
    pace.rate_limited(pace.start(leaves_at), leaves_at + 0.05, None)
    return leaves_at + 0.05


def held(pace: Pace) -> int:
    """Count what is kept of settled sends."""
    return len(pace._slots._taken_until)  # noqa: SLF001  # its memory


LIMITS = st.builds(SendLimit, st.integers(1, 20), st.floats(0.1, 60.0, allow_nan=False))
DELAYS = st.floats(0.0, 3.0, allow_nan=False)
# Below what a busy service takes, so that nothing but the answers counts.
SHORT_DELAYS = st.floats(0.0, 0.149, allow_nan=False)
TRIPS = st.builds(Trip, DELAYS, DELAYS | st.none())


@pytest.mark.parametrize(
    ("rate", "per", "rule"),
    [
        pytest.param(0, 1.0, "rate must be a whole number .* got 0", id="no sends"),
        pytest.param(2.5, 1.0, "rate must be a whole number .* got 2.5", id="half"),
        pytest.param(True, 1.0, "rate must be .* got True", id="a flag for a rate"),
        pytest.param(5, 0.0, "per must be seconds, more.* got 0.0", id="no time"),
        pytest.param(5, -1, "per must be seconds, more.* got -1", id="before"),
        pytest.param(5, math.nan, "per must be seconds.* got nan", id="no number"),
        pytest.param(5, math.inf, "per must be .* finite; got inf", id="for ever"),
        pytest.param(5, "1", "per must be seconds.* type str", id="text"),
        pytest.param(5, True, "per must be seconds.* got True", id="a flag for per"),
    ],
)
def test_an_unusable_limit_is_refused_with_its_rule(
    rate: int, per: float, rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        SendLimit(rate, per=per)


def test_a_limit_says_how_far_apart_its_sends_lie() -> None:
    limit = SendLimit(5, per=1.0)

    gap = limit.gap

    assert gap == pytest.approx(0.2)
    assert SendLimit(5) == limit


def test_the_first_send_may_leave_at_once() -> None:
    pace = Pace(SendLimit(5))

    earliest = pace.earliest(100.0)

    assert earliest == 100.0


def test_the_next_send_waits_for_the_gap() -> None:
    pace = Pace(SendLimit(5))

    pace.start(100.0)

    assert pace.earliest(100.01) == pytest.approx(100.2)
    assert pace.earliest(100.3) == 100.3


def test_with_every_slot_unanswered_nobody_knows_when() -> None:
    pace = Pace(SendLimit(5))

    for number in range(5):
        pace.start(number * 0.2)

    assert pace.earliest(1.5) == math.inf
    assert pace.in_flight_count == 5


def test_a_slot_is_free_again_a_period_after_its_answer() -> None:
    pace = Pace(SendLimit(1))

    pace.answered(pace.start(10.0), 10.4)

    assert pace.earliest(10.5) == pytest.approx(11.4)


def test_a_send_given_up_holds_its_slot_from_then_on() -> None:
    pace = Pace(SendLimit(1))

    pace.gave_up(pace.start(10.0), 55.0)

    assert pace.earliest(55.0) == pytest.approx(56.0)


@pytest.mark.parametrize("end", ["answered", "gave up", "refused"])
def test_an_end_counts_once(end: str) -> None:
    pace = Pace(SendLimit(1))
    send = pace.start(0.0)
    pace.answered(send, 0.1)
    before = pace.earliest(0.2)

    match end:
        case "answered":
            pace.answered(send, 0.2)
        case "gave up":
            pace.gave_up(send, 0.2)
        case _:
            pace.rate_limited(send, 0.2, 60.0)

    assert pace.earliest(0.2) == before
    assert pace.care is Care.LEARNT


@given(limit=LIMITS, trips=st.lists(TRIPS, max_size=80))
def test_no_more_sends_than_the_limit_leave_in_any_period(
    limit: SendLimit, trips: list[Trip]
) -> None:
    pace = Pace(limit)

    starts, _ = drive(pace, trips)

    assert all(span >= limit.per - 1e-9 for span in spans(starts, limit.rate + 1))
    assert all(later - one >= limit.gap - 1e-9 for one, later in pairwise(starts))


@given(limit=LIMITS, trips=st.lists(st.builds(Trip, DELAYS, DELAYS), max_size=80))
def test_counting_answers_only_the_service_never_sees_more_than_the_limit(
    limit: SendLimit, trips: list[Trip]
) -> None:
    pace, now = after_a_refusal(limit)

    _, arrivals = drive(pace, trips, now=now)

    is_held = pace.care is not Care.LEARNT
    kept = [span >= limit.per - 1e-9 for span in spans(arrivals, limit.rate + 1)]
    assert all(kept) or not is_held


@given(trips=st.lists(st.builds(Trip, SHORT_DELAYS, SHORT_DELAYS), max_size=15))
def test_before_anything_is_learnt_the_service_never_sees_more_than_the_limit(
    trips: list[Trip],
) -> None:
    pace = Pace(SendLimit(2))

    _, arrivals = drive(pace, trips)

    assert all(span >= 1.0 - 1e-9 for span in spans(arrivals, 3))


@given(
    limit=LIMITS,
    steps=st.lists(st.tuples(st.sampled_from("arg"), DELAYS, DELAYS), max_size=60),
)
def test_whatever_happens_the_pace_stays_a_number_small_and_moves_forward(
    limit: SendLimit, steps: list[tuple[str, float, float]]
) -> None:
    pace, now, not_before = Pace(limit), 0.0, -math.inf

    for end, wait, took in steps:
        now = max(now, min(pace.earliest(now), now + 100)) + wait
        send = pace.start(now)
        now += took
        match end:
            case "a":
                pace.answered(send, now)
            case "r":
                pace.rate_limited(send, now, None)
            case _:
                pace.gave_up(send, now)

        assert now <= pace.earliest(now) < math.inf
        assert pace.earliest(now) <= pace.earliest(now + 1) <= pace.earliest(now) + 1
        again = pace.ask_again(now)
        assert pace.opens_by(again, now)
        assert again == now or not pace.opens_by(math.nextafter(again, now), now)
        assert pace.not_before >= not_before
        assert 0 < pace.gap <= pace.seconds_per_send < math.inf
        assert pace.gap >= limit.gap - 1e-9
        assert held(pace) <= limit.rate + 1
        not_before = pace.not_before


def test_memory_does_not_grow_with_the_sends() -> None:
    pace = Pace(SendLimit(5))

    drive(pace, [QUIET_TRIP] * 5_000)

    assert held(pace) + pace.in_flight_count <= 10
    assert pace.sends_in_last_second(pace.earliest(0.0)) <= 5


def test_quick_even_answers_free_a_slot_before_their_round_trip_is_over() -> None:
    pace = Pace(SendLimit(5))

    drive(pace, [Trip(0.01, 0.01), Trip(0.045, 0.045)] * 10)

    assert pace.cap == pytest.approx(0.06)
    assert pace.seconds_per_send == pytest.approx((1 + 0.055) / 5)


def test_long_even_round_trips_are_trusted_later_and_covered_by_their_mean() -> None:
    pace = Pace(SendLimit(5))
    even = [Trip(0.05, 0.05), Trip(0.1, 0.1), Trip(0.15, 0.15)]

    drive(pace, even * 8)
    early = pace.cap
    drive(pace, even * 100, now=100.0)

    assert early == math.inf
    assert pace.cap == pytest.approx(0.93 * 0.2, rel=0.02)
    assert pace.gap == pytest.approx((1 + 0.1) / 5, rel=0.02)


def test_one_answer_out_of_the_ordinary_ends_the_trust_for_hundreds_of_sends() -> None:
    pace = Pace(SendLimit(5))
    drive(pace, [QUIET_TRIP] * 20)

    drive(pace, [Trip(0.9, 0.03)], now=100.0)
    at_once = pace.cap
    drive(pace, [QUIET_TRIP] * 200, now=200.0)
    later = pace.cap
    drive(pace, [QUIET_TRIP] * 300, now=300.0)

    assert (at_once, later) == (math.inf, math.inf)
    assert pace.cap == pytest.approx(0.06)


def test_an_odd_answer_itself_holds_its_slot_for_all_of_its_round_trip() -> None:
    pace = Pace(SendLimit(1))
    drive(pace, [QUIET_TRIP] * 20)

    send = pace.start(100.0)
    waiting = pace.earliest(101.5)
    pace.answered(send, 102.0)

    assert waiting == math.inf
    assert pace.earliest(102.0) == pytest.approx(103.0)


@pytest.mark.parametrize(
    ("seconds", "held"),
    [
        pytest.param(0.25, 0.9 * 0.125 * 1.3, id="twice the mean"),
        pytest.param(0.251, 0.251, id="more"),
    ],
)
def test_an_answer_is_odd_by_what_was_known_before_it(
    seconds: float, held: float
) -> None:
    pace = Pace(SendLimit(1))
    for number in range(49):
        began = 2.0 * number
        pace.answered(pace.start(began), began + 0.125)

    pace.answered(pace.start(100.0), 100.0 + seconds)

    assert pace.cap < math.inf  # by what is known with it
    assert pace.earliest(100.5) == pytest.approx(101.0 + held, abs=0.03)


def test_behind_a_busy_service_a_slot_is_free_before_its_answer() -> None:
    pace = Pace(SendLimit(5))
    drive(pace, [Trip(0.03, 0.6)] * 8)

    for number in range(5):
        pace.start(100 + number * 0.2)

    assert pace.cap == pytest.approx(0.08)
    assert pace.gap == pytest.approx(0.2)
    assert pace.earliest(100.9) == pytest.approx(101.08)
    assert pace.earliest(101.08) == 101.08


def test_a_busy_service_makes_none_late_whose_slot_is_soon_free() -> None:
    pace = Pace(SendLimit(5))
    drive(pace, [Trip(0.03, 0.35)] * 8)

    send = pace.start(100.0)
    pace.answered(pace.start(100.2), 100.58)
    states = [pace.earliest(at) and send.state for at in (100.9, 101.1)]

    assert states == [SendState.ORDINARY, SendState.EARLY]


def test_one_that_hung_at_a_busy_service_takes_a_slot_when_it_is_answered() -> None:
    pace = Pace(SendLimit(1))
    drive(pace, [Trip(0.03, 0.6)] * 20)
    hangs = pace.start(100.0)
    later = pace.start(pace.earliest(101.1))
    pace.answered(later, 101.7)
    pace.earliest(120.0)

    pace.answered(hangs, 120.0)

    assert pace.earliest(120.0) == pytest.approx(121.0)


def test_the_first_answer_after_a_silence_tells_that_a_busy_service_works_again() -> (
    None
):
    pace = Pace(SendLimit(5))
    drive(pace, [Trip(0.03, 0.6)] * 20)
    sends = [pace.start(100 + number * 0.2) for number in range(5)]
    pace.earliest(103.0)
    spread = pace.gap

    pace.gave_up(sends.pop(), 103.0)
    given_up = pace.gap
    for send in sends:
        pace.answered(send, 103.0)

    assert min(spread, given_up) > 0.22
    assert pace.gap == pytest.approx(0.2)


def test_an_answer_after_its_slot_was_freed_takes_no_slot() -> None:
    pace = Pace(SendLimit(1))
    drive(pace, [Trip(0.03, 0.6)] * 8)
    send = pace.start(100.0)
    freed = pace.earliest(101.1)

    pace.answered(send, 103.0)

    assert freed == 101.1
    assert pace.earliest(103.0) == 103.0


def test_a_busy_service_that_falls_silent_frees_no_slot_before_an_answer() -> None:
    pace = Pace(SendLimit(5))
    drive(pace, [Trip(0.03, 0.6)] * 20)

    left = stall(pace, 100.0, 60.0)
    pace.answered(left[-1], 160.0)

    assert len(left) == 10
    assert pace.earliest(160.0) < math.inf


@pytest.mark.parametrize(
    ("now", "earliest"),
    [
        pytest.param(101.0, 101.08, id="a period"),
        pytest.param(101.01, math.inf, id="longer"),
    ],
)
def test_a_busy_service_that_is_silent_for_more_than_a_period_frees_no_slot(
    now: float, earliest: float
) -> None:
    pace = Pace(SendLimit(1))
    drive(pace, [Trip(0.03, 0.35)] * 8)

    pace.start(100.0)

    assert pace.earliest(now) == pytest.approx(earliest)


def test_a_late_send_spreads_the_others_over_its_turn() -> None:
    pace = Pace(SendLimit(5))
    drive(pace, [QUIET_TRIP] * 20)

    late = pace.start(100.0)
    pace.answered(pace.start(100.45), 100.5)
    spread = pace.earliest(100.5)
    pace.answered(late, 100.6)

    assert spread == pytest.approx(100.45 + 1 / 4)
    assert pace.earliest(100.6) == pytest.approx(100.65)


@pytest.mark.parametrize("rate", [1, 5])
def test_however_many_are_late_one_may_leave_each_period(rate: int) -> None:
    pace = Pace(SendLimit(rate))
    drive(pace, [QUIET_TRIP] * 20)

    late = [pace.start(100 + number * 0.2) for number in range(max(1, rate - 1))]
    pace.earliest(102.0)

    assert all(send.state is not SendState.ORDINARY for send in late)
    assert pace.gap == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("retry_after", "hold"),
    [
        pytest.param(7.0, 7.0, id="as told"),
        pytest.param(0.0, 0.0, id="at once"),
        pytest.param(60, 60.0, id="whole seconds"),
        pytest.param(86_400.0, 3_600.0, id="a day is a mistake"),
        pytest.param(math.inf, 3_600.0, id="for ever is a mistake"),
        pytest.param(-5.0, 1.0, id="in the past"),
        pytest.param(math.nan, 1.0, id="not a number"),
        pytest.param(None, 1.0, id="not told"),
    ],
)
def test_a_429_holds_everybody(retry_after: float | None, hold: float) -> None:
    pace = Pace(SendLimit(5))

    pace.rate_limited(pace.start(10.0), 10.05, retry_after)

    assert pace.not_before == pytest.approx(10.05 + hold)
    assert pace.earliest(10.2) == pytest.approx(max(10.2, 10.05 + hold))


def test_where_others_have_sent_just_now_nobody_sends_before_that_is_over() -> None:
    pace = Pace(SendLimit(5))

    pace.rest_until(11.1)
    pace.rest_until(10.5)  # which takes nothing back

    assert pace.not_before == pace.earliest(10.0) == 11.1
    assert pace.earliest(11.5) == 11.5


def test_what_others_sent_counts_as_if_it_were_our_own() -> None:
    pace = Pace(SendLimit(2))

    for ended_at in (10.3, 9.2, 10.7):  # more than there are slots: an odd limit before
        pace.follow(ended_at)

    assert pace.earliest(10.8) == pytest.approx(11.3)
    pace.answered(pace.start(11.3), 11.3)
    assert pace.earliest(11.4) == pytest.approx(11.8)  # the gap: a slot is free at 11.7
    pace.start(11.8)
    assert pace.earliest(11.9) == pytest.approx(12.3)


def test_after_the_send_of_another_comes_the_gap() -> None:
    pace = Pace(SendLimit(5))

    pace.follow(10.0)
    pace.follow(9.5)

    assert pace.earliest(10.1) == pytest.approx(10.2)


def test_a_shorter_hold_does_not_take_back_a_longer_one() -> None:
    pace = Pace(SendLimit(5))
    one, other = pace.start(10.0), pace.start(10.2)
    pace.rate_limited(one, 10.3, 60.0)

    pace.rate_limited(other, 10.4, 1.0)

    assert pace.not_before == pytest.approx(70.3)


def test_after_a_hold_the_sends_leave_evenly_and_not_at_once() -> None:
    pace = Pace(SendLimit(5))
    pace.rate_limited(pace.start(0.0), 0.1, 10.0)

    starts, _ = drive(pace, [QUIET_TRIP] * 20, now=0.1)

    assert starts[0] == pytest.approx(10.1)
    assert min(later - one for one, later in pairwise(starts)) >= 0.2 - 1e-9


def test_429s_in_a_row_that_name_no_time_hold_twice_as_long_each() -> None:
    pace, now, holds = Pace(SendLimit(5)), 0.0, []

    for _ in range(9):
        now = refuse_next(pace, now)
        holds.append(round(pace.not_before - now, 6))

    assert holds == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_pauses_of_a_short_period_grow_to_a_minute_as_well() -> None:
    pace, now = Pace(SendLimit(5, per=0.01)), 0.0

    for _ in range(14):
        now = refuse_next(pace, now)

    assert pace.not_before - now == pytest.approx(60.0)


def test_a_refused_send_was_counted_and_holds_its_slot() -> None:
    pace = Pace(SendLimit(1))

    pace.rate_limited(pace.start(10.0), 10.4, 0.0)

    assert pace.earliest(10.4) == pytest.approx(11.4)


def test_an_answer_ends_the_row_of_429s() -> None:
    pace = Pace(SendLimit(5))
    now = refuse_next(pace, refuse_next(pace, 0.0))
    now = pace.earliest(now)
    pace.answered(pace.start(now), now + 0.05)

    now = refuse_next(pace, now + 0.05)

    assert pace.not_before == pytest.approx(now + 1)


def test_429s_for_sends_that_left_before_the_first_was_known_count_as_one() -> None:
    pace = Pace(SendLimit(5))
    sends = [pace.start(number * 0.2) for number in range(5)]

    for send in sends:
        pace.rate_limited(send, 1.0, None)

    assert pace.care is Care.AFTER_ANSWERS
    assert pace.not_before == pytest.approx(2.0)


def test_one_that_left_as_the_429_came_says_nothing_new_either() -> None:
    pace = Pace(SendLimit(5))
    first = pace.start(0.0)
    pace.rate_limited(first, 1.0, None)

    pace.rate_limited(pace.start(1.0), 1.1, None)

    assert pace.care is Care.AFTER_ANSWERS


@pytest.mark.parametrize(
    ("now", "care"), [(40.0, Care.AFTER_ANSWERS), (40.125, Care.LEARNT)]
)
def test_a_quiet_time_is_over_after_forty_seconds(now: float, care: Care) -> None:
    pace = Pace(SendLimit(5))
    pace.rate_limited(pace.start(0.0), 0.125, None)

    pace.answered(pace.start(now - 0.125), now)

    assert pace.care is care


def test_a_429_makes_slots_wait_for_their_answers() -> None:
    pace = Pace(SendLimit(5))
    drive(pace, [QUIET_TRIP] * 20)
    trusted = pace.cap

    refuse_next(pace, 100.0)

    assert trusted < math.inf
    assert pace.cap == math.inf
    assert not pace.is_one_at_a_time


def test_a_second_429_soon_after_lets_one_send_out_at_a_time() -> None:
    pace = Pace(SendLimit(5))
    now = refuse_next(pace, refuse_next(pace, 0.0))

    leaves_at = pace.earliest(now)
    send = pace.start(leaves_at)
    meanwhile = pace.earliest(leaves_at + 0.5)
    pace.answered(send, leaves_at + 0.6)

    assert pace.is_one_at_a_time
    assert meanwhile == math.inf
    assert pace.earliest(leaves_at + 0.6) == pytest.approx(leaves_at + 0.8)
    assert pace.earliest(leaves_at + 9.0) == leaves_at + 9.0
    assert pace.seconds_per_send == pytest.approx(0.2 + 0.6)


def test_rare_429s_do_not_lead_to_one_at_a_time() -> None:
    pace = Pace(SendLimit(5))
    now = refuse_next(pace, 0.0)

    for _ in range(3):
        starts, _ = drive(pace, [QUIET_TRIP] * 25, now=now)
        now = refuse_next(pace, starts[-1] + 0.1)

    assert pace.care is Care.AFTER_ANSWERS


@pytest.mark.parametrize(
    ("between", "care"), [(19, Care.ONE_AT_A_TIME), (20, Care.AFTER_ANSWERS)]
)
def test_two_429s_within_twenty_sends_are_no_accident(between: int, care: Care) -> None:
    pace = Pace(SendLimit(5))
    now = refuse_next(pace, 0.0)
    starts, _ = drive(pace, [QUIET_TRIP] * between, now=now)

    refuse_next(pace, starts[-1] + 0.1)

    assert pace.care is care


def test_further_429s_widen_the_gap_up_to_a_bound() -> None:
    pace, now, gaps = Pace(SendLimit(5)), 0.0, []

    for _ in range(15):
        now = refuse_next(pace, now)
        gaps.append(pace.gap)

    assert gaps[1:4] == pytest.approx([0.2, 0.25, 0.3125])
    assert gaps[-1] == gaps[-2] == pytest.approx(0.2 * 1.25**7)


def quiet_until(pace: Pace, now: float, care: Care) -> float:
    """Send without a 429 until care is at most this; return how long that took."""
    began = now
    while pace.care > care:
        starts, _ = drive(pace, [QUIET_TRIP], now=now)
        now = starts[-1] + 0.1
    return now - began


def test_when_it_stays_quiet_care_is_given_up_step_by_step() -> None:
    pace = Pace(SendLimit(5))
    now = refuse_next(pace, refuse_next(pace, 0.0))

    took = [
        quiet_until(pace, now, Care.AFTER_ANSWERS),
        quiet_until(pace, now + 50, Care.LEARNT),
    ]

    assert took == pytest.approx([40, 30], abs=2)
    assert pace.cap < math.inf


def test_a_widened_gap_is_narrowed_sooner() -> None:
    pace, now = Pace(SendLimit(5)), 0.0
    for _ in range(3):
        now = refuse_next(pace, now)

    drive(pace, [QUIET_TRIP] * 60, now=now)

    assert pace.is_one_at_a_time
    assert pace.gap == pytest.approx(0.2)


def test_each_trial_that_fails_makes_the_next_one_wait_twice_as_long() -> None:
    pace, waits = Pace(SendLimit(5)), []
    now = refuse_next(pace, refuse_next(pace, 0.0))

    for _ in range(4):
        waits.append(quiet_until(pace, now, Care.AFTER_ANSWERS))
        now = refuse_next(pace, now + waits[-1])

    assert pace.is_one_at_a_time
    assert waits == pytest.approx([40, 80, 160, 160], abs=2.5)


@pytest.mark.parametrize(
    ("between", "care"), [(19, Care.ONE_AT_A_TIME), (20, Care.AFTER_ANSWERS)]
)
def test_a_trial_has_failed_if_a_429_comes_within_twenty_sends(
    between: int, care: Care
) -> None:
    pace = Pace(SendLimit(5))
    now = refuse_next(pace, refuse_next(pace, 0.0))
    now += quiet_until(pace, now, Care.AFTER_ANSWERS)
    starts, _ = drive(pace, [QUIET_TRIP] * between, now=now)

    refuse_next(pace, starts[-1] + 0.1)

    assert pace.care is care


def test_a_long_quiet_time_forgets_the_trials_that_failed() -> None:
    pace = Pace(SendLimit(5))
    now = refuse_next(pace, refuse_next(pace, 0.0))
    now += quiet_until(pace, now, Care.AFTER_ANSWERS)
    now = refuse_next(pace, now)
    now += quiet_until(pace, now, Care.LEARNT)
    starts, _ = drive(pace, [QUIET_TRIP] * 500, now=now)

    now = refuse_next(pace, refuse_next(pace, starts[-1] + 1))

    assert quiet_until(pace, now, Care.AFTER_ANSWERS) == pytest.approx(40, abs=2)


def test_the_sends_of_the_last_second_are_counted() -> None:
    pace = Pace(SendLimit(5))

    for instant in (0.0, 0.2, 0.4):
        pace.start(instant)

    counts = [pace.sends_in_last_second(now) for now in (0.4, 1.0, 1.1, 1.3, 9.0)]
    assert counts == [3, 2, 2, 1, 0]


@given(seconds=st.lists(st.floats(0.0, 3600.0, allow_nan=False), max_size=300))
def test_what_is_learnt_stays_within_what_was_seen(seconds: list[float]) -> None:
    round_trips = RoundTrips()

    for each in seconds:
        round_trips.learn(each)

    assert 0 <= round_trips.mean <= max(seconds, default=0.0) + 1e-9
    assert round_trips.cap >= 0.06
    assert not math.isnan(round_trips.cap)


def hang_one(pace: Pace, now: float) -> tuple[Departure, float]:
    """Let one send hang while later ones are answered; return it and the time."""
    hangs = pace.start(pace.earliest(now))
    drive(pace, [QUIET_TRIP], now=hangs.started + 0.2)
    return hangs, pace.earliest(hangs.started + 0.2)


@pytest.mark.parametrize(
    ("trips", "seconds"),
    [
        pytest.param([QUIET_TRIP] * 30, 1.5, id="even and quick"),
        pytest.param([Trip(0.1, 0.1)] * 30, 1.8, id="four times the slowest"),
        pytest.param([QUIET_TRIP] * 5, 6.0, id="too little is known"),
        pytest.param([QUIET_TRIP] * 30 + [Trip(0.9, 0.1)], 6.0, id="with a tail"),
        pytest.param([QUIET_TRIP] * 30 + [Trip(1.9, 0.1)], 9.0, id="with a long one"),
        pytest.param([QUIET_TRIP] * 30 + [Trip(9.0, 9.0)], 11.0, id="ten at the most"),
    ],
)
def test_a_send_that_hangs_gives_its_slot_back_once_a_later_one_was_answered(
    trips: list[Trip], seconds: float
) -> None:
    pace = Pace(SendLimit(2))
    drive(pace, trips)

    hangs, _ = hang_one(pace, 100.0)
    pace.earliest(hangs.started + seconds - 0.01)
    before = hangs.state
    pace.earliest(hangs.started + seconds + 0.01)

    assert (before, hangs.state) == (SendState.LATE, SendState.HUNG)
    assert pace.in_flight_count == 1


def test_the_gate_is_told_when_the_slot_of_one_that_hangs_is_free() -> None:
    pace = Pace(SendLimit(2))
    drive(pace, [QUIET_TRIP] * 30)

    hang_one(pace, 100.0)

    assert pace.ask_again(100.6) == pace.earliest(100.6) == 101.5


def test_after_a_429_a_send_that_hangs_is_waited_for_longer() -> None:
    pace = Pace(SendLimit(2))
    drive(pace, [QUIET_TRIP] * 30)
    now = refuse_next(pace, 100.0)

    hangs, _ = hang_one(pace, now)
    pace.earliest(hangs.started + 5.9)
    before = hangs.state
    pace.earliest(hangs.started + 6.1)

    assert (before, hangs.state) == (SendState.LATE, SendState.HUNG)


def test_one_that_hung_takes_a_slot_again_when_it_is_answered_after_all() -> None:
    pace = Pace(SendLimit(1))
    hangs = pace.start(0.0)
    pace.answered(pace.start(pace.ask_again(0.0)), 6.1)
    pace.earliest(20.0)

    pace.answered(hangs, 20.0)

    assert pace.earliest(20.0) == pytest.approx(21.0)


def test_one_that_hung_takes_no_slot_when_it_is_given_up() -> None:
    pace = Pace(SendLimit(1))
    hangs = pace.start(0.0)
    pace.answered(pace.start(pace.ask_again(0.0)), 6.1)
    pace.earliest(20.0)

    pace.gave_up(hangs, 60.0)

    assert pace.earliest(60.0) == 60.0
    assert pace.in_flight_count == 0


@pytest.mark.parametrize("rate", [1, 5])
def test_while_nothing_is_answered_a_probe_leaves_each_period_and_five_seconds(
    rate: int,
) -> None:
    pace = Pace(SendLimit(rate))

    starts = [send.started for send in stall(pace, 0.0, 25.0)]

    probes = [later - one for one, later in pairwise(starts[rate - 1 :])]
    assert probes == pytest.approx([6.0] * len(probes))
    assert len(probes) == 4


def test_the_probes_end_when_half_of_the_last_sends_seem_lost() -> None:
    pace = Pace(SendLimit(5))

    left = stall(pace, 0.0, 3600.0)

    assert len(left) == 10
    assert pace.is_braked
    assert pace.ask_again(3600.0) == math.inf


def test_given_up_ones_count_for_the_brake_until_others_were_answered() -> None:
    pace = Pace(SendLimit(5))
    for send in stall(pace, 0.0, 60.0):
        pace.gave_up(send, 60.0 + send.started)
    was_braked = pace.is_braked

    drive(pace, [QUIET_TRIP] * 11, now=200.0)

    assert was_braked
    assert not pace.is_braked


def test_while_the_brake_is_on_one_that_hangs_keeps_its_slot() -> None:
    pace, now = Pace(SendLimit(5)), 0.0
    for _ in range(10):
        now = pace.earliest(now)
        pace.gave_up(pace.start(now), now)

    hangs, now = hang_one(pace, now)
    pace.earliest(now + 30)

    assert hangs.state is SendState.SILENT


def test_the_first_answer_after_a_stall_frees_the_slots_of_all_that_hang() -> None:
    pace = Pace(SendLimit(5))
    left = stall(pace, 0.0, 20.0)

    pace.answered(left[-1], 25.0)

    assert pace.earliest(25.0) == 25.0
    assert pace.in_flight_count == len(left) - 1


def test_one_at_a_time_a_probe_goes_out_beside_one_that_hangs() -> None:
    pace = Pace(SendLimit(5))
    now = refuse_next(pace, refuse_next(pace, 0.0))

    hangs = pace.start(pace.earliest(now))
    probe_at = pace.ask_again(hangs.started)
    pace.answered(pace.start(probe_at), probe_at + 0.1)

    assert probe_at == pytest.approx(hangs.started + 6.0)
    assert pace.earliest(probe_at + 0.1) == pytest.approx(probe_at + 0.3)


def test_no_probe_leaves_in_a_pause_that_a_429_asked_for() -> None:
    pace = Pace(SendLimit(5))
    sends = [pace.start(number * 0.2) for number in range(5)]
    pace.rate_limited(sends[0], 1.0, 60.0)
    for number in range(5):
        pace.start(2.0 + number)

    asked = pace.ask_again(10.0)

    assert asked == pace.not_before == 61.0


@given(limit=LIMITS, seconds=st.floats(1.0, 500.0))
def test_a_stall_of_any_length_lets_few_out(limit: SendLimit, seconds: float) -> None:
    pace = Pace(limit)

    left = stall(pace, 0.0, seconds)

    assert len(left) <= limit.rate + 10


@pytest.mark.parametrize(
    ("left_count", "opens"),
    [pytest.param(0, True, id="a slot is free"), pytest.param(2, False, id="none is")],
)
def test_the_pace_tells_whether_it_opens_soon(left_count: int, opens: bool) -> None:
    pace = Pace(SendLimit(2))
    for number in range(left_count):
        pace.start(float(number))

    now = float(left_count)

    assert pace.opens_by(now + 0.1, now) is opens
    assert opens is (pace.earliest(now) <= now + 0.1)


def test_the_pace_that_waits_for_a_pause_opens_after_it() -> None:
    pace = Pace(SendLimit(2))
    pace.rest_until(3.0)

    assert not pace.opens_by(2.9, 1.0)
    assert pace.opens_by(3.0, 1.0)


def test_a_careful_pace_opens_when_its_one_send_has_ended() -> None:
    pace, now = after_a_refusal(SendLimit(5))
    while pace.care < Care.ONE_AT_A_TIME:
        now = refuse_next(pace, now)

    send = pace.start(now := pace.ask_again(now))

    assert not pace.opens_by(now + 1.0, now)
    pace.answered(send, now + 0.1)
    assert pace.opens_by(now + 1.0, now + 0.1)
