"""A message's stages: which moves there are, and what is counted by them."""

import asyncio
from itertools import product

import pytest

from autocalls_async import Unsent
from autocalls_async.engine.endings import unsent
from autocalls_async.engine.shipment import OnSettled, Shipment, Stage
from autocalls_async.engine.shipments import Shipments
from autocalls_async.engine.telemetry.observers import Telling
from autocalls_async.model.errors import UnsentError
from autocalls_async.model.outcomes import Outcome
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.windows import WindowCheck
from tests.people import ANA, SENDER, hello

INTERACTIVE, BULK = Lane.INTERACTIVE, Lane.BULK

MOVES = {
    (Stage.MADE, Stage.QUEUED),
    (Stage.MADE, Stage.HELD),  # who need not wait
    (Stage.MADE, Stage.SETTLED),
    (Stage.QUEUED, Stage.HELD),
    (Stage.QUEUED, Stage.SETTLED),
    (Stage.HELD, Stage.LEFT),
    (Stage.HELD, Stage.SETTLED),
    (Stage.LEFT, Stage.HELD),
    (Stage.LEFT, Stage.SETTLED),
}

WAYS = {
    Stage.MADE: (),
    Stage.QUEUED: (Stage.QUEUED,),
    Stage.HELD: (Stage.QUEUED, Stage.HELD),
    Stage.LEFT: (Stage.QUEUED, Stage.HELD, Stage.LEFT),
    Stage.SETTLED: (Stage.QUEUED, Stage.SETTLED),
}
"""How a message comes to each stage."""


def shipment(
    on_settled: OnSettled = lambda _: None,
    *,
    lane: Lane = INTERACTIVE,
    is_single: bool = True,
) -> Shipment:
    """Make a message that was taken in."""
    made = Shipment(
        message=hello(),
        sender_id=SENDER,
        lane=lane,
        window_check=WindowCheck.NEVER,
        on_settled=on_settled,
        is_single=is_single,
    )
    made.submit(at=0.0, call_id=1, host=None, is_watched=False)
    return made


@pytest.mark.parametrize(("at", "to"), [*product(Stage, Stage)])
async def test_only_the_moves_of_the_table_can_be_made(at: Stage, to: Stage) -> None:
    shipments, one = Shipments(Telling(None)), shipment()
    for stage in WAYS[at]:
        shipments.move(one, stage)

    if (at, to) in MOVES:
        shipments.move(one, to)
        assert one.stage is to
    else:
        with pytest.raises(RuntimeError, match=f"from {at.name} to {to.name}"):
            shipments.move(one, to)
        assert one.stage is at


@pytest.mark.parametrize("is_single", [True, False])
async def test_each_move_is_counted(*, is_single: bool) -> None:
    shipments = Shipments(Telling(None))
    one = shipment(lane=BULK, is_single=is_single)
    counts: list[tuple[int, int, int, int]] = []

    def count() -> None:
        held, begun = shipments.count_held(BULK), shipments.bulk_begun_count
        single = shipments.waiting_single_count
        counts.append((len(shipments), held, begun, single))

    shipments.push(one)
    place = shipments.pop(BULK)
    count()
    assert place is not None
    shipments.hold(place, lane=BULK)
    count()
    for stage in (Stage.LEFT, Stage.HELD, Stage.LEFT):
        shipments.move(one, stage)
        count()
    shipments.settle(one, unsent(one, "it is over"))
    count()
    await asyncio.wait_for(shipments.until_empty(), 1)

    waits = int(is_single)
    assert counts == [
        (1, 0, 0, waits),
        (1, 1, 1, waits),
        (1, 0, 1, 0),
        (1, 1, 1, waits),
        (1, 0, 1, 0),
        (0, 0, 0, 0),
    ]


@pytest.mark.parametrize("stage", Stage)
async def test_what_may_have_left_or_was_never_taken_in_cannot_be_withdrawn(
    stage: Stage,
) -> None:
    outcomes: list[Outcome] = []
    shipments, one = Shipments(Telling(None)), shipment(outcomes.append)
    if stage is Stage.QUEUED:
        shipments.push(one)
    else:
        for at in WAYS[stage]:
            shipments.move(one, at)

    was_withdrawn = shipments.withdraw(one, UnsentError(detail="no more"))

    assert was_withdrawn is (stage in {Stage.QUEUED, Stage.HELD})
    assert [type(outcome) for outcome in outcomes] == [Unsent] * (stage is Stage.QUEUED)
    assert one.recipient_phone == ANA
