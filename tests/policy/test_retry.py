"""How long a call waits before another attempt."""

import sys
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import assume, given
from hypothesis import strategies as st

from autocalls_async.policy.retry import RetryPolicy, RetryQuota

draws = st.floats(0.0, 1.0)
seconds = st.floats(0.0, 1e6)
attempts = st.integers(1, 100) | st.integers(1, 10**30)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 100),
    base_seconds=seconds,
    max_pause_seconds=seconds,
)


@pytest.mark.parametrize("name", ["base_seconds", "max_pause_seconds"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(-0.001, id="negative"),
        pytest.param(float("nan"), id="nan"),
        pytest.param(float("inf"), id="infinite"),
        pytest.param(10**400, id="too large for a float"),
        pytest.param(True, id="bool"),
        pytest.param("1", id="text"),
        pytest.param(None, id="none"),
    ],
)
def test_what_is_no_duration_is_refused(name: str, value: Any) -> None:  # noqa: ANN401  # a caller's mistake
    with pytest.raises(ValueError, match=f"{name} must be seconds, 0 or more"):
        RetryPolicy(**{name: value})


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(0, id="zero"),
        pytest.param(-1, id="negative"),
        pytest.param(1.0, id="float"),
        pytest.param(True, id="bool"),
        pytest.param("3", id="text"),
        pytest.param(None, id="none"),
    ],
)
def test_what_is_no_count_of_attempts_is_refused(value: Any) -> None:  # noqa: ANN401  # a caller's mistake
    with pytest.raises(ValueError, match="max_attempts must be a whole number above 0"):
        RetryPolicy(max_attempts=value)


@pytest.mark.parametrize("value", [0, 0.0, 1, 2.5, sys.float_info.max])
def test_any_duration_from_0_on_is_taken(value: float) -> None:
    policy = RetryPolicy(base_seconds=value, max_pause_seconds=value)

    assert policy.base_seconds == policy.max_pause_seconds == value


def test_a_policy_is_a_value() -> None:
    policy = RetryPolicy(max_attempts=3)

    assert policy == RetryPolicy(max_attempts=3)
    assert hash(policy) == hash(RetryPolicy(max_attempts=3))
    with pytest.raises(FrozenInstanceError):
        policy.max_attempts = 4  # type: ignore[misc]  # that is the test


@pytest.mark.parametrize(
    ("attempt", "ceiling"),
    [
        pytest.param(1, 0.5, id="first"),
        pytest.param(2, 1.0, id="doubled"),
        pytest.param(6, 16.0, id="doubled again"),
        pytest.param(7, 30.0, id="at most"),
        pytest.param(10**30, 30.0, id="very many"),
    ],
)
def test_the_longest_pause_doubles_up_to_a_bound(attempt: int, ceiling: float) -> None:
    policy = RetryPolicy()

    assert policy.pause_seconds(attempt=attempt, draw=1.0) == ceiling
    assert policy.pause_seconds(attempt=attempt, draw=0.5) == ceiling / 2
    assert policy.pause_seconds(attempt=attempt, draw=0.0) == 0.0


@given(policies, attempts, draws)
def test_a_pause_is_drawn_from_0_to_its_ceiling(
    policy: RetryPolicy, attempt: int, draw: float
) -> None:
    ceiling = policy.pause_seconds(attempt=attempt, draw=1.0)

    pause = policy.pause_seconds(attempt=attempt, draw=draw)

    assert 0.0 <= pause <= ceiling <= policy.max_pause_seconds
    assert pause == draw * ceiling


@given(policies, attempts, attempts)
def test_a_later_attempt_has_no_lower_ceiling(
    policy: RetryPolicy, one: int, other: int
) -> None:
    assume(one <= other)

    earlier = policy.pause_seconds(attempt=one, draw=1.0)

    assert earlier <= policy.pause_seconds(attempt=other, draw=1.0)


@given(policies, attempts, draws, st.floats(0.0, 1e9))
def test_what_the_service_asks_for_is_waited_in_full_and_the_jitter_on_top(
    policy: RetryPolicy, attempt: int, draw: float, asked: float
) -> None:
    jitter = policy.pause_seconds(attempt=attempt, draw=draw)

    pause = policy.pause_seconds(attempt=attempt, draw=draw, retry_after=asked)

    assert pause >= asked
    assert pause == asked + jitter


def test_the_largest_base_still_gives_a_bounded_pause() -> None:
    policy = RetryPolicy(base_seconds=sys.float_info.max, max_pause_seconds=30.0)

    assert policy.pause_seconds(attempt=10**30, draw=1.0) == 30.0


def test_a_quota_ends_and_each_success_gives_a_part_back() -> None:
    quota = RetryQuota(most=2, back_each=0.5)

    assert [quota.take() for _ in range(3)] == [True, True, False]
    quota.give_back()
    assert not quota.take()
    quota.give_back()
    assert [quota.take() for _ in range(2)] == [True, False]


def test_a_quota_grows_no_larger_than_it_was() -> None:
    quota = RetryQuota(most=2, back_each=1.5)

    for _ in range(10):
        quota.give_back()

    assert [quota.take() for _ in range(3)] == [True, True, False]


def test_a_client_may_repeat_50_calls_and_one_more_for_two_that_succeed() -> None:
    quota = RetryQuota()

    assert sum(quota.take() for _ in range(100)) == 50
    quota.give_back()
    quota.give_back()
    assert [quota.take(), quota.take()] == [True, False]
