"""A connection that breaks after any byte: what is reported is what happened."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

import aiohttp
import pytest

from autocalls_async import (
    Accepted,
    AutocallsClient,
    Event,
    Outcome,
    SendLimit,
    Settled,
    TemplateMessage,
    Unknown,
)
from autocalls_async.emulator import Emulator, RecordedRequest
from tests.needs import some_at_once
from tests.promises.simulation.history import mark_of, mark_of_accepted, mark_of_body
from tests.promises.simulation.invariants import lie_of
from tests.promises.simulation.network import (
    FAIR,
    Cut,
    Ending,
    MemoryConnector,
    Network,
    Plan,
)

# No request and no answer of this test is longer.
BYTES = 600

rows = some_at_once(Ending, {Ending.EOF}.__contains__)
endings = pytest.mark.parametrize("ending", rows, ids=lambda ending: ending.name)


def message(number: int) -> TemplateMessage:
    return TemplateMessage(
        recipient_phone=f"+4930{1_000_000 + number}",
        template_id=46,
        variables={"1": f"msg-{number}-0"},
    )


async def outcomes_of(
    plans: Iterator[Plan],
) -> list[tuple[Outcome, str | None, list[RecordedRequest]]]:
    """Send a message on each of so many connections, one with each plan.

    Returns:
        For each its outcome, how that differs from the truth, and what arrived.
    """
    events: list[Event] = []
    async with Emulator(port=None, rate_limit=None, balance=Decimal(1000)) as emulator:
        network = Network(
            accept=emulator.protocol,
            delay=lambda: 0.001,
            weather=lambda: next(plans, FAIR),
        )
        connector = MemoryConnector(network, is_pooling=False)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            AutocallsClient(
                "1|key",
                base_url=emulator.base_url,
                sender_id=12,
                session=session,
                send_limit=SendLimit(10_000),
                timeout=600,
                observer=events.append,
            ) as client,
        ):
            calls = [client.send(message(number)) for number in range(BYTES)]
            await asyncio.gather(*calls, return_exceptions=True)
    outcomes = [event.outcome for event in events if isinstance(event, Settled)]
    accepted = {mark_of_accepted(one): one for one in emulator.accepted}
    requests = defaultdict(list)
    for request in emulator.requests:
        requests[mark_of_body(request.body)].append(request)
    seen = []
    for outcome in outcomes:
        mark = mark_of(outcome.message)
        arrived = requests[mark]
        lie = lie_of(outcome, arrived, accepted.get(mark))
        seen.append((outcome, lie, arrived))
    return seen


@endings
async def test_a_request_that_breaks_off_is_unknown_and_not_repeated(
    ending: Ending,
) -> None:
    plans = iter([Plan(up=Cut(count, ending)) for count in range(BYTES)])

    seen = await outcomes_of(plans)

    assert len(seen) == BYTES
    assert [lie for _, lie, _ in seen if lie] == []
    assert max(len(arrived) for *_, arrived in seen) == 1
    assert min(len(arrived) for *_, arrived in seen) == 0
    assert {type(outcome) for outcome, *_ in seen} == {Unknown, Accepted}


@endings
async def test_an_answer_that_breaks_off_is_never_taken_for_another(
    ending: Ending,
) -> None:
    plans = iter([Plan(down=Cut(count, ending)) for count in range(BYTES)])

    seen = await outcomes_of(plans)

    assert len(seen) == BYTES
    assert [lie for _, lie, _ in seen if lie] == []
    assert {len(arrived) for *_, arrived in seen} == {1}
    assert {type(outcome) for outcome, *_ in seen} == {Unknown, Accepted}
