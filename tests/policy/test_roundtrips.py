"""What round trips say of the path and of the service, and from which one on."""

import math

from autocalls_async.policy.roundtrips import (
    _ODD_SINCE,
    _QUICK_SECONDS,
    _QUICK_SINCE,
    _TRUSTED_SINCE,
    RoundTrips,
)


def _after(*seconds: float) -> RoundTrips:
    trips = RoundTrips()
    for each in seconds:
        trips.learn(each)
    return trips


def _first_at(seconds: float, *, is_told: str) -> int:
    """Return after how many equal round trips something is told first."""
    trips = RoundTrips()
    for count in range(1, 1000):
        trips.learn(seconds)
        if getattr(trips, is_told) < math.inf:
            return count
    raise AssertionError


def test_nothing_is_said_before_the_first() -> None:
    trips = RoundTrips()

    assert not trips.is_busy
    assert (trips.odd, trips.cap) == (math.inf, math.inf)


def test_what_is_odd_is_told_from_the_same_one_on() -> None:
    assert _first_at(0.1, is_told="odd") == _ODD_SINCE


def test_a_quick_path_is_trusted_sooner_than_another() -> None:
    quick, slow = _QUICK_SECONDS, _QUICK_SECONDS + 0.01

    assert _first_at(quick, is_told="cap") == _QUICK_SINCE
    assert _first_at(slow, is_told="cap") == _TRUSTED_SINCE


def test_a_service_is_busy_once_four_answers_took_long() -> None:
    assert not _after(1.0, 1.0, 1.0).is_busy
    assert _after(1.0, 1.0, 1.0, 1.0).is_busy


def test_answers_of_exactly_the_bound_are_not_long() -> None:
    assert not _after(*[0.3] * 8).is_busy
    assert _after(*[0.31] * 8).is_busy


def test_a_first_quick_answer_counts_among_the_busy_ones() -> None:
    assert not _after(0.1, 1.0, 1.0, 1.0).is_busy


def test_the_service_falls_silent_after_five_seconds_at_least() -> None:
    assert RoundTrips().silence == 5.0
    assert _after(*[0.1] * 100).silence == 5.0
    slow = _after(*[4.0] * 100)
    assert slow.silence == slow.odd > 5.0


def test_a_service_is_busy_where_more_than_four_answers_in_five_take_long() -> None:
    assert RoundTrips().is_busy is False
    assert _after(*[0.6] * 4).is_busy
    assert not _after(*[0.6] * 4, 0.1).is_busy
    assert _after(*[0.6] * 5, 0.1).is_busy


def test_an_answer_of_twice_the_mean_is_no_tail_yet() -> None:
    even = [0.125] * 30

    assert _after(0.25, 0.0, *even).cap < math.inf
    assert _after(0.2501, 0.0, *even).cap == math.inf


def test_the_slowest_of_long_ago_is_forgotten() -> None:
    trips = _after(*[0.05] * 248, 1.0, *[0.05] * 250)
    before = trips.patience

    trips.learn(0.05)  # the five hundredth

    assert (before, trips.patience) == (5.0, 0.5)
