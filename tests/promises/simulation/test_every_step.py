"""A call that is interrupted at any step: what is reported is what happened."""

import pytest

from autocalls_async import Accepted, Unsent
from autocalls_async.emulator import Fault, HangUpAfter, Refuse
from autocalls_async.testing import run
from tests.promises.simulation.invariants import lie_of
from tests.promises.simulation.steps import (
    Interruption,
    Sight,
    cancel,
    close,
    interrupt,
    leave,
    run_out_of_time,
    stop,
)

PAUSE = Refuse(429, {"message": "Too Many Attempts."}, {"Retry-After": "0"})

ways = pytest.mark.parametrize(
    "way",
    [cancel, run_out_of_time, stop, leave, close],
    ids=["cancelled", "out-of-time", "stopped", "left", "closed"],
)
courses = pytest.mark.parametrize(
    ("check", "fault"),
    [(True, None), (False, None), (False, PAUSE), (False, HangUpAfter())],
    ids=["with-a-check", "without-one", "refused-at-first", "answer-lost"],
)


def sights(way: Interruption, *, check: bool, fault: Fault | None) -> list[Sight]:
    """Interrupt the call after 0, 1, 2, ... steps, until it is done before that."""
    seen: list[Sight] = []
    for step in range(1000):
        seen.append(run(interrupt(way, step, check=check, fault=fault)))
        if seen[-1].was_done:
            break
    return seen


@ways
@courses
def test_the_outcome_agrees_with_what_the_service_saw(
    way: Interruption, check: bool, fault: Fault | None
) -> None:
    seen = sights(way, check=check, fault=fault)

    assert all(len(sight.settled) == sight.queued_count <= 1 for sight in seen)
    lies = [
        lie_of(outcome, sight.requests, sight.accepted)
        for sight in seen
        for outcome in sight.settled
    ]
    assert set(lies) == {None}
    assert all(sight.has_recovered for sight in seen)
    assert {len(sight.requests) > 0 for sight in seen} == {False, True}
    assert len(seen) >= 8  # a send without a check takes no more steps of the loop


@pytest.mark.parametrize("check", [True, False], ids=["with-a-check", "without-one"])
@pytest.mark.parametrize(
    "way",
    [cancel, run_out_of_time, stop, leave],
    ids=["cancelled", "out-of-time", "stopped", "left"],
)
def test_nobody_who_goes_away_makes_an_unknown(way: Interruption, check: bool) -> None:
    seen = sights(way, check=check, fault=None)

    kinds = {type(outcome) for sight in seen for outcome in sight.settled}
    assert kinds == {Unsent, Accepted}
