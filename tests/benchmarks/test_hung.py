"""What answers that hang may cost, with the real client, in virtual time."""

import pytest

from benchmarks.hung import Tally, measure
from tests.needs import MINUTES

MESSAGES = 300

pytestmark = MINUTES  # `campaign/test_stall.py` has the same promises in small


@pytest.fixture(scope="module")
def easy() -> Tally:
    """Measure a campaign in which nothing hangs."""
    return measure("nothing hangs", messages=MESSAGES)


def test_every_tenth_answer_that_hangs_takes_a_sixth_of_the_pace_at_most(
    easy: Tally,
) -> None:
    tally = measure("every tenth answer", messages=MESSAGES)

    assert tally.sends_a_second >= easy.sends_a_second * 5 / 6
    assert tally.waits[-1] < 1.0
    assert (tally.refused, tally.twice, tally.stopped) == (0, 0, None)


def test_five_hanging_answers_in_a_row_hold_all_up_for_six_seconds_at_most(
    easy: Tally,
) -> None:
    tally = measure("five in a row, once", messages=MESSAGES)

    assert tally.waits[-1] <= 6.5
    assert tally.unknown + tally.replies["UnknownOutcomeError"] == 5
    assert tally.replies["UnsentError"] == 0
    assert MESSAGES / tally.sends_a_second < MESSAGES / easy.sends_a_second + 10
    assert (tally.refused, tally.twice, tally.stopped) == (0, 0, None)


@pytest.mark.parametrize(
    "case", ["stall: answers", "stall: requests", "stall: busy service"]
)
def test_a_minute_without_answers_makes_few_unknowns_and_no_flood(case: str) -> None:
    tally = measure(case, messages=MESSAGES)

    assert tally.accepted + tally.unknown == MESSAGES
    assert tally.unknown + tally.replies["UnknownOutcomeError"] <= 15
    assert tally.at_the_end is not None
    assert tally.at_the_end <= 11
    assert tally.refused <= 6
    assert (tally.twice, tally.stopped) == (0, None)
