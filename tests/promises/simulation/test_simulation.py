"""Nothing that goes wrong breaks a promise, and every wrong rule is caught."""

import re
from collections import Counter
from functools import cache

import pytest

from tests.needs import MINUTES, some_at_once
from tests.promises.simulation.__main__ import main
from tests.promises.simulation.figures import Figures, hunt, run_seeds
from tests.promises.simulation.mutants import MUTANTS
from tests.promises.simulation.user import Habits
from tests.promises.simulation.weather import Climate
from tests.promises.simulation.world import Setting, draw_setting, simulate

BATCHES = range(0, 60, 20)  # `.ci/run` goes on to 200


# One process has what the batches found; another would run them all again.
ONE_PROCESS = pytest.mark.xdist_group("batches")


@cache
def batch(first: int) -> Figures:
    return run_seeds(range(first, first + 20))


@ONE_PROCESS
@MINUTES
@pytest.mark.parametrize("first", BATCHES, ids=lambda first: f"from-{first}")
def test_whatever_goes_wrong_no_promise_is_broken(first: int) -> None:
    figures = batch(first)

    assert figures.finds == []


def test_nor_at_once() -> None:
    figures = run_seeds(range(6))

    assert figures.finds == []
    assert len(figures.faults) > 10


@ONE_PROCESS
@MINUTES
def test_everything_that_can_go_wrong_does() -> None:
    struck = sum((batch(first).faults for first in BATCHES), Counter[str]())
    outcomes = sum((batch(first).outcomes for first in BATCHES), Counter[str]())

    rare = {kind: count for kind, count in struck.items() if count < 3}

    assert len(struck) == 22
    assert rare == {}
    assert outcomes.keys() == {"Accepted", "Rejected", "Unsent", "Unknown"}


@pytest.mark.parametrize("seed", some_at_once([1, 9, 21], {9}.__contains__))
def test_the_same_seed_takes_the_same_steps(seed: int) -> None:
    setting = draw_setting(seed)

    _, once = simulate(setting)
    moved = [object() for _ in range(12_345)]  # nothing hangs on where objects lie
    _, again = simulate(setting)

    assert moved
    assert once == again
    assert len(once) > 100


# One for each of the two ways to lie about a message, and one for the pace.
CAUGHT_SOON = {"resend-after-silence", "believe-a-stray-answer", "bucket-of-five"}


@pytest.mark.parametrize("name", some_at_once(MUTANTS, CAUGHT_SOON.__contains__))
def test_a_wrong_rule_is_caught(name: str) -> None:
    find = hunt(MUTANTS[name], most=60)

    assert find is not None


@MINUTES
def test_two_thousand_messages_at_a_high_rate_have_two_thousand_true_outcomes() -> None:
    figures = Figures()
    setting = Setting(
        seed=1,
        message_count=2000,
        recipient_count=200,
        send_rate=1000,
        is_limited=False,
        climate=Climate(plan_share=0.3, fault_share=0.15, has_429s=False),
        habits=Habits(longest_run=2000),
    )

    figures.add(setting)

    assert figures.finds == []
    assert figures.given_count == 2000 + setting.recipient_count
    assert figures.outcomes.total() == figures.given_count
    assert figures.faults.total() > 500


def test_the_runner_prints_figures(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--seeds", "2", "--messages", "10", "--trace"])

    assert code == 0
    printed = capsys.readouterr().out
    assert "violations           0\n" in printed
    assert "    1 0.000" in printed


def test_the_runner_names_the_seed_and_the_steps_of_a_violation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["--seeds", "4", "--mutant", "resend-after-silence"])

    assert code == 1
    printed = capsys.readouterr().out
    assert re.search(
        r"^seed \d: message \d+ arrived .*\(steps \d", printed, re.MULTILINE
    )
