"""The models of rate limiters, with plain numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.emulator import BusiestSecond, RateLimit, make_limit

Arrivals = list[float]

BURST = [0.0] * 7

# Milliseconds between one send and the next.
gaps = st.lists(st.integers(min_value=0, max_value=1500), max_size=60)
shapes = st.sampled_from(RateLimit)


def arrivals_of(gaps_ms: list[int], *, start_ms: int = 0) -> Arrivals:
    instants, now = [], start_ms
    for gap in gaps_ms:
        now += gap
        instants.append(now / 1000)
    return instants


def admitted_of(shape: RateLimit, arrivals: Arrivals, *, rate: int = 5) -> Arrivals:
    limit = make_limit(shape, rate=rate, per=1.0)
    return [now for now in arrivals if limit.admit(now).admitted]


@pytest.mark.parametrize(
    ("shape", "arrivals", "admitted"),
    [
        pytest.param(
            RateLimit.SLIDING_LOG,
            [*BURST, 0.999, 1.0, 1.0],
            [0.0] * 5 + [1.0, 1.0],
            id="a sliding log forgets a send after exactly a second",
        ),
        pytest.param(
            RateLimit.SLIDING_LOG,
            [0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.1, 1.2, 1.3],
            [0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3],
            id="a sliding log admits as the oldest falls out",
        ),
        pytest.param(
            RateLimit.FIXED_WINDOW,
            [0.7, *[0.9] * 5, 1.6, 1.7, *[1.7] * 5],
            [0.7, 0.9, 0.9, 0.9, 0.9, 1.7, 1.7, 1.7, 1.7, 1.7],
            id="a fixed window opens at the first hit",
        ),
        pytest.param(
            RateLimit.CALENDAR_SECOND,
            [*[0.9] * 6, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            [0.9] * 5 + [1.0] * 5,
            id="a calendar second ends whoever calls",
        ),
        pytest.param(
            RateLimit.LEAKY_BUCKET,
            [*BURST, 0.1, 0.2, 0.2, 0.4, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0],
            [0.0] * 5 + [0.2, 0.4] + [3.0] * 5,
            id="a leaky bucket takes a burst, then one each 0.2 s",
        ),
        pytest.param(
            RateLimit.SPACED,
            [0.0, 0.1, 0.19, 0.2, 0.3, 0.5, 0.69, 0.7],
            [0.0, 0.2, 0.5, 0.7],
            id="spacing wants 0.2 s between any two",
        ),
        pytest.param(
            RateLimit.STICK_TABLE,
            [0.0, 0.1, 0.2, 0.3, 0.4, 1.1, 1.2, 1.4, 1.7, 1.9],
            [0.0, 0.1, 0.2, 0.3, 0.4, 1.1, 1.7, 1.9],
            id="a stick table weighs the last second and counts what it rejects",
        ),
        pytest.param(
            RateLimit.STICK_TABLE,
            [*BURST, 5.0, 5.0],
            [0.0] * 5 + [5.0, 5.0],
            id="a stick table forgets a second that is long past",
        ),
    ],
)
def test_each_shape_admits_what_its_window_has_room_for(
    shape: RateLimit, arrivals: Arrivals, admitted: Arrivals
) -> None:
    assert admitted_of(shape, arrivals) == admitted


def test_a_sliding_log_that_counts_rejected_sends_stays_shut_under_fire() -> None:
    limit = make_limit(RateLimit.SLIDING_LOG, rate=5, per=1.0, count_rejected=True)

    verdicts = [limit.admit(number / 10) for number in range(30)]

    assert [verdict.admitted for verdict in verdicts] == [True] * 5 + [False] * 25


@pytest.mark.parametrize(
    ("shape", "retry_after"),
    [
        pytest.param(RateLimit.SLIDING_LOG, 0.8, id="sliding log"),
        pytest.param(RateLimit.FIXED_WINDOW, 0.8, id="fixed window"),
        pytest.param(RateLimit.CALENDAR_SECOND, 0.3, id="calendar second"),
        pytest.param(RateLimit.LEAKY_BUCKET, 0.3, id="leaky bucket"),
        pytest.param(RateLimit.SPACED, 0.4, id="spaced"),
        pytest.param(RateLimit.STICK_TABLE, 1.0, id="stick table"),
    ],
)
def test_a_rejected_send_is_told_how_long_to_wait(
    shape: RateLimit, retry_after: float
) -> None:
    limit = make_limit(shape, rate=2, per=1.0)
    for now in (0.5, 0.6, 0.6):
        limit.admit(now)

    verdict = limit.admit(0.7 if shape is not RateLimit.SPACED else 0.6)

    assert not verdict.admitted
    assert verdict.retry_after == pytest.approx(retry_after)


@pytest.mark.parametrize("shape", [pytest.param(s, id=s.value) for s in RateLimit])
def test_a_verdict_counts_down_what_is_left(shape: RateLimit) -> None:
    rate = 1 if shape is RateLimit.SPACED else 3
    limit = make_limit(shape, rate=rate, per=1.0)

    left = [limit.admit(10.0).remaining for _ in range(rate + 1)]

    assert left == [*range(rate - 1, -1, -1), 0]


@given(gaps=gaps, rate=st.integers(min_value=1, max_value=8))
def test_a_sliding_log_never_admits_more_than_its_rate_in_any_second(
    gaps: list[int], rate: int
) -> None:
    admitted = admitted_of(RateLimit.SLIDING_LOG, arrivals_of(gaps), rate=rate)

    assert all(
        sum(first <= now < first + 0.9999 for now in admitted) <= rate
        for first in admitted
    )


@given(gaps=gaps, rate=st.integers(min_value=1, max_value=8))
def test_a_leaky_bucket_admits_no_more_than_a_burst_and_its_leak(
    gaps: list[int], rate: int
) -> None:
    admitted = admitted_of(RateLimit.LEAKY_BUCKET, arrivals_of(gaps), rate=rate)

    assert all(
        len(admitted[i : j + 1]) <= rate + (admitted[j] - admitted[i]) * rate + 1e-6
        for i in range(len(admitted))
        for j in range(i, len(admitted))
    )


@given(gaps=gaps, shape=shapes)
def test_nobody_who_keeps_under_the_rate_is_rejected(
    gaps: list[int], shape: RateLimit
) -> None:
    # At 2 s apart not even the weighted past second of a stick table is left.
    arrivals = arrivals_of([gap + 2000 for gap in gaps])

    assert admitted_of(shape, arrivals, rate=1) == arrivals


@given(gaps=gaps, shape=shapes, count_rejected=st.booleans())
def test_waiting_as_long_as_told_helps(
    gaps: list[int], shape: RateLimit, count_rejected: bool
) -> None:
    counts = count_rejected and shape is RateLimit.SLIDING_LOG
    limit = make_limit(shape, rate=5, per=1.0, count_rejected=counts)
    now = 0.0
    for now in arrivals_of(gaps):
        limit.admit(now)

    verdict = limit.admit(now)
    # A stick table can only say "a second", and weighs the last one even then.
    patience = 2 if shape is RateLimit.STICK_TABLE else 1
    again = limit.admit(now + verdict.retry_after * patience)

    assert verdict.admitted or again.admitted


@pytest.mark.parametrize(
    ("shape", "rate", "per", "count_rejected"),
    [
        pytest.param(RateLimit.SLIDING_LOG, 0, 1.0, False, id="no rate"),
        pytest.param(RateLimit.SLIDING_LOG, 5, 0.0, False, id="no window"),
        pytest.param(RateLimit.SLIDING_LOG, 5, float("nan"), False, id="not a number"),
        pytest.param(RateLimit.SPACED, 5, 1.0, True, id="rejected ones elsewhere"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(
    shape: RateLimit, rate: int, per: float, count_rejected: bool
) -> None:
    with pytest.raises(ValueError, match="got"):
        make_limit(shape, rate=rate, per=per, count_rejected=count_rejected)


def test_no_shape_is_no_limit() -> None:
    limit = make_limit(None, rate=1, per=1.0)

    assert all(limit.admit(0.0).admitted for _ in range(100))


@pytest.mark.parametrize(
    ("arrivals", "most"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([0.0, 1.0, 2.0], 1, id="a second apart"),
        pytest.param([0.0, 0.5, 0.999], 3, id="within a second"),
        pytest.param([0.0, 0.4, 0.8, 1.2, 5.0], 3, id="the busiest is remembered"),
    ],
)
def test_the_busiest_second_is_found(arrivals: Arrivals, most: int) -> None:
    busiest = BusiestSecond()

    for now in arrivals:
        busiest.count(now)

    assert busiest.most == most


@given(gaps=gaps)
def test_the_busiest_second_is_the_one_that_counting_finds(gaps: list[int]) -> None:
    busiest = BusiestSecond()
    arrivals = arrivals_of(gaps)

    for now in arrivals:
        busiest.count(now)

    counted = [sum(0 <= now - first < 0.9999 for now in arrivals) for first in arrivals]
    assert busiest.most == max(counted, default=0)
