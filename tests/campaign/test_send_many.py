"""Many messages: each has one outcome, and the end is never silent."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from autocalls_async import (
    Accepted,
    AuthenticationError,
    AutocallsClient,
    FreeformMessage,
    InsufficientBalanceError,
    Outcome,
    Rejected,
    Run,
    RunStoppedError,
    Unknown,
    Unsent,
)
from autocalls_async.campaign.source import Source
from autocalls_async.emulator import Delay, Emulator, Endpoint, HangUpAfter, Refuse
from autocalls_async.journal import MemoryJournal
from tests.people import ANA, STRANGER, hello, hellos, open_windows, people


async def collect(run: Run, into: list[Outcome]) -> None:
    """Take every outcome, also where the run ends by raising."""
    async for outcome in run:
        into.append(outcome)  # noqa: PERF401  # a comprehension would lose them


async def test_each_message_has_its_outcome_as_it_settles(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(30)
    open_windows(emulator, recipients[:20])

    outcomes = [outcome async for outcome in client.send_many(hellos(recipients))]

    assert len(outcomes) == 30
    assert {o.message.recipient_phone for o in outcomes} == set(recipients)
    accepted = {o.message.recipient_phone for o in outcomes if isinstance(o, Accepted)}
    rejected = {o.message.recipient_phone for o in outcomes if isinstance(o, Rejected)}
    assert accepted == {a.recipient_phone for a in emulator.accepted}
    assert rejected == set(recipients[20:])


async def test_no_failure_of_one_message_ends_the_run(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(10)
    open_windows(emulator, recipients)
    emulator.fail_next(1, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM)
    emulator.fail_next(1, Refuse(422, {}), endpoint=Endpoint.SEND_FREEFORM)

    outcomes = [outcome async for outcome in client.send_many(hellos(recipients))]

    kinds = [type(outcome) for outcome in outcomes]
    assert (kinds.count(Unknown), kinds.count(Rejected)) == (1, 1)
    assert kinds.count(Accepted) == 8


@pytest.mark.parametrize("kind", ["list", "iterator", "async iterator"])
async def test_any_kind_of_source_will_do(
    client: AutocallsClient, emulator: Emulator, kind: str
) -> None:
    def plain() -> Iterator[FreeformMessage]:
        yield from (hello(ANA, f"number {n}") for n in range(5))

    async def slow() -> AsyncIterator[FreeformMessage]:
        for message in plain():
            await asyncio.sleep(3)
            yield message

    sources: dict[str, Source] = {
        "list": list(plain()),
        "iterator": plain(),
        "async iterator": slow(),
    }
    run = client.send_many(sources[kind])
    outcomes = [outcome async for outcome in run]

    assert len(outcomes) == len(emulator.accepted) == 5


async def test_an_empty_source_ends_at_once(client: AutocallsClient) -> None:
    outcomes = [outcome async for outcome in client.send_many([])]

    assert outcomes == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(Refuse(401, {}), AuthenticationError, id="401"),
        pytest.param(Refuse(402, {}), InsufficientBalanceError, id="402"),
    ],
)
async def test_what_meets_every_message_stops_the_run_and_says_so(
    client: AutocallsClient,
    emulator: Emulator,
    fault: Refuse,
    error: type[Exception],
) -> None:
    taken = 0

    def source() -> Iterator[FreeformMessage]:
        nonlocal taken
        for recipient in recipients:
            taken += 1
            yield hello(recipient)

    recipients = people(1000)
    open_windows(emulator, recipients)
    outcomes: list[Outcome] = []
    run = client.send_many(source(), window_check="never")

    async def stop_after_ten() -> None:
        await asyncio.sleep(1.9)
        emulator.fail_next(9999, fault, endpoint=Endpoint.SEND_FREEFORM)

    stopper = asyncio.create_task(stop_after_ten())
    with pytest.raises(RunStoppedError, match="stopped after") as caught:
        await collect(run, outcomes)
    await stopper

    assert isinstance(caught.value.cause, error)
    assert caught.value.taken_count == taken == len(outcomes) < 200
    unsent = [outcome for outcome in outcomes if isinstance(outcome, Unsent)]
    assert len(unsent) > 10
    assert all(outcome.error.__cause__ is caught.value.cause for outcome in unsent)
    accepted = sum(isinstance(outcome, Accepted) for outcome in outcomes)
    assert accepted == len(emulator.accepted) > 0


async def test_each_outcome_tells_the_place_of_its_message_in_the_source(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(40)
    open_windows(emulator, recipients[::2])
    emulator.fail_next(1, Delay(3.0), endpoint=Endpoint.SEND_FREEFORM)

    outcomes = [o async for o in client.send_many(hellos(recipients))]

    places = {outcome.message.recipient_phone: outcome.index for outcome in outcomes}
    rows = [json.loads(json.dumps(outcome.to_dict())) for outcome in outcomes]
    assert places == {recipient: n for n, recipient in enumerate(recipients)}
    assert [row["index"] for row in rows] != list(range(40))  # as they settle
    assert {row["index"] for row in rows} == set(range(40))


async def test_a_place_counts_what_a_journal_skips(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(6)
    open_windows(emulator, recipients)

    async with MemoryJournal() as journal:
        first = client.send_many(hellos(recipients[:3]), journal=journal)
        _ = [outcome async for outcome in first]
        second = client.send_many(hellos(recipients), journal=journal)
        places = {outcome.index async for outcome in second}

    assert places == {3, 4, 5}


async def test_a_source_that_breaks_ends_the_run_after_the_last_outcome(
    client: AutocallsClient,
) -> None:
    def source() -> Iterator[FreeformMessage]:
        yield hello(ANA, "one")
        yield hello(ANA, "two")
        msg = "the file is torn"
        raise OSError(msg)

    outcomes: list[Outcome] = []
    with pytest.raises(OSError, match="torn"):
        await collect(client.send_many(source()), outcomes)

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]


async def test_what_is_no_message_ends_the_run_with_a_value_error(
    client: AutocallsClient,
) -> None:
    outcomes: list[Outcome] = []
    source = [hello(), {"recipient_phone": ANA}]

    with pytest.raises(ValueError, match="FreeformMessage or a TemplateMessage"):
        await collect(client.send_many(source), outcomes)  # type: ignore[arg-type]  # on purpose

    assert [type(outcome) for outcome in outcomes] == [Accepted]


async def test_a_run_that_is_told_to_stop_settles_what_it_took_in(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(500)
    open_windows(emulator, recipients)
    run = client.send_many(hellos(recipients))
    outcomes: list[Outcome] = []
    asyncio.get_running_loop().call_later(5.0, run.stop)

    with pytest.raises(RunStoppedError, match="it was asked to"):
        await collect(run, outcomes)

    assert run.progress.taken == len(outcomes)
    assert run.progress.unsent > 0
    assert run.progress.accepted == len(emulator.accepted) >= 20
    assert run.progress.unknown == 0


async def test_leaving_the_loop_withdraws_what_did_not_leave(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(500)
    open_windows(emulator, recipients)

    async for outcome in client.send_many(hellos(recipients)):
        assert isinstance(outcome, Accepted)
        break
    await asyncio.sleep(60)

    assert len(emulator.accepted) <= 3
    await client.send_freeform(ANA, "the next one works")


async def test_the_source_is_read_only_as_fast_as_it_is_served(
    client: AutocallsClient, emulator: Emulator
) -> None:
    taken = 0
    most_ahead = 0
    recipients = people(150)
    open_windows(emulator, recipients)

    def source() -> Iterator[FreeformMessage]:
        nonlocal taken
        for recipient in recipients:
            taken += 1
            yield hello(recipient)

    done = 0
    async for _ in client.send_many(source()):
        done += 1
        most_ahead = max(most_ahead, taken - done)

    assert done == 150
    assert most_ahead <= 64


async def test_a_consumer_that_stops_taking_stops_the_sending(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(300)
    open_windows(emulator, recipients)
    outcomes = aiter(client.send_many(hellos(recipients)))

    await anext(outcomes)
    await asyncio.sleep(3600)
    sent_meanwhile = len(emulator.accepted)
    await outcomes.aclose()

    assert sent_meanwhile <= 65


async def test_progress_tells_what_a_bar_needs(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(50)
    open_windows(emulator, recipients)
    run = client.send_many([*hellos(recipients), hello(STRANGER)])
    assert run.progress.done == 0
    assert run.progress.total == 51
    assert run.progress.eta == pytest.approx(51 * 0.2)

    seen = [run.progress async for _ in run]

    dones = [progress.done for progress in seen]
    assert dones == sorted(dones)
    assert dones[0] == 1
    assert dones[-1] == len(dones) == 51
    middle = seen[25]
    assert middle.eta == pytest.approx(5.0, abs=0.5)
    assert middle.rate == pytest.approx(5.0, rel=0.1)
    end = run.progress
    assert (end.accepted, end.rejected, end.eta) == (50, 1, 0.0)
    await asyncio.sleep(100)
    assert run.progress.elapsed == end.elapsed


async def test_a_run_is_iterated_over_once(client: AutocallsClient) -> None:
    run = client.send_many([hello()])
    outcomes = [outcome async for outcome in run]

    with pytest.raises(RuntimeError, match="once"):
        aiter(run)

    assert len(outcomes) == 1
