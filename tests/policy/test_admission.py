"""Whether a single message may wait, or is told at once that it waits in vain."""

import math

import pytest

from autocalls_async.policy.admission import (
    estimated_wait,
    full,
    hopeless,
    paused_beyond,
)
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.pace import Pace, SendLimit


def waiting(interactive: int, bulk: int) -> dict[Lane, int]:
    return {Lane.INTERACTIVE: interactive, Lane.BULK: bulk}


@pytest.mark.parametrize(
    ("interactive", "bulk", "turns"),
    [
        pytest.param(0, 0, 0, id="nobody"),
        pytest.param(8, 0, 8, id="interactive ones"),
        pytest.param(0, 100, 0, id="bulk alone holds up no reply"),
        pytest.param(3, 1, 3, id="too few for a bulk one between them"),
        pytest.param(8, 1, 10, id="after each fourth a bulk one"),
    ],
)
def test_a_wait_is_estimated_by_what_stands_before(
    interactive: int, bulk: int, turns: int
) -> None:
    pace = Pace(SendLimit(5))

    wait = estimated_wait(waiting(interactive, bulk), pace, now=100.0)

    assert wait == pytest.approx(turns * pace.seconds_per_send)


def test_a_wait_begins_when_the_pace_lets_one_leave() -> None:
    pace = Pace(SendLimit(5))
    pace.rate_limited(pace.start(100.0), 100.1, 30.0)

    wait = estimated_wait(waiting(1, 0), pace, now=110.1)

    assert wait == pytest.approx(20.0 + pace.seconds_per_send)


def test_a_wait_for_an_answer_is_that_of_an_answer() -> None:
    pace = Pace(SendLimit(1))
    pace.answered(pace.start(100.0), 100.4)
    pace.start(110.0)
    assert pace.earliest(110.2) == math.inf

    assert estimated_wait(waiting(0, 0), pace, now=110.2) == pace.round_trips.mean


@pytest.mark.parametrize(
    ("deadline", "is_told"),
    [
        pytest.param(None, False, id="no deadline"),
        pytest.param(129.0, True, id="within the pause"),
        pytest.param(130.0, False, id="with its end"),
        pytest.param(140.0, False, id="after it"),
    ],
)
def test_a_pause_that_outlasts_a_message_is_told_at_once(
    deadline: float | None, *, is_told: bool
) -> None:
    pace = Pace(SendLimit(5))
    pace.rate_limited(pace.start(99.0), 100.0, 30.0)

    error = paused_beyond(deadline, pace, now=110.0)

    assert (error is not None) is is_told
    if error is not None:
        assert (error.status, error.retry_after) == (429, 20.0)


def test_a_pause_that_is_over_holds_nobody_up() -> None:
    pace = Pace(SendLimit(5))
    pace.rate_limited(pace.start(99.0), 100.0, 30.0)

    assert paused_beyond(0.0, pace, now=130.0) is None
    assert paused_beyond(0.0, pace, now=129.9) is not None


@pytest.mark.parametrize(
    ("deadline", "ahead", "is_told"),
    [
        pytest.param(None, 10**6, False, id="no deadline"),
        pytest.param(120.0, 49, False, id="its turn comes"),
        pytest.param(120.0, 50, True, id="its turn comes with its end"),
        pytest.param(120.0, 51, True, id="its turn comes too late"),
    ],
)
def test_a_message_that_surely_gets_no_turn_is_told_at_once(
    deadline: float | None, ahead: int, *, is_told: bool
) -> None:
    error = hopeless(deadline, ahead, Pace(SendLimit(5)), now=110.0)

    assert (error is not None) is is_told
    if error is not None:
        assert error.wait_seconds == pytest.approx(ahead * 0.2)
        assert error.detail == (
            f"{ahead} messages wait before it, so it would wait some 10 s for its"
            " turn, and its timeout is 10 s; give it a longer timeout, or send many"
            " messages with send_many()"
        )


def test_a_full_queue_says_how_long_it_would_have_taken() -> None:
    error = full(7, wait_seconds=1.26)

    assert error.wait_seconds == 1.26
    assert error.detail == "7 messages wait already, so it would have waited 1.3 s"
