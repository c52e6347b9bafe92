"""Campaigns that survive: what a run with a journal sends, skips and keeps."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from random import Random

import pytest

from autocalls_async import (
    Accepted,
    AutocallsClient,
    FreeformMessage,
    Outcome,
    RunStoppedError,
    Unknown,
    Unsent,
)
from autocalls_async.campaign.run import Run
from autocalls_async.emulator import (
    Emulator,
    Endpoint,
    HangUpAfter,
    Refuse,
    Stall,
    refuse_with_code,
)
from autocalls_async.journal import (
    Entry,
    Journal,
    JournalConflictError,
    JournalError,
    JournalLockedError,
    MemoryJournal,
    SqliteJournal,
    State,
)
from autocalls_async.journal.keys import derive_key, to_content
from tests.people import ANA, SENDER, hello, hellos, open_windows, people

POST = Endpoint.SEND_FREEFORM


@asynccontextmanager
async def client_of(emulator: Emulator) -> AsyncIterator[AutocallsClient]:
    """Open a client that checks no windows."""
    async with AutocallsClient(
        "key", base_url=emulator.base_url, sender_id=SENDER, window_check="never"
    ) as client:
        yield client


async def collect(run: Run) -> list[Outcome]:
    """Take every outcome."""
    return [outcome async for outcome in run]


async def take(run: Run, into: list[Outcome]) -> None:
    """Take every outcome, also where the run ends by raising."""
    async for outcome in run:
        into.append(outcome)  # noqa: PERF401  # a comprehension would lose them


async def entries(path: Path) -> list[Entry]:
    """Read a journal."""
    async with SqliteJournal(path) as journal:
        return [entry async for entry in journal.entries()]


def states(found: list[Entry]) -> dict[State, int]:
    """Count them."""
    every = [entry.state for entry in found]
    return {state: every.count(state) for state in set(every)}


async def test_a_second_run_sends_nothing_again(
    emulator: Emulator, tmp_path: Path
) -> None:
    recipients = people(20)
    open_windows(emulator, recipients)
    path = tmp_path / "run.db"

    async with client_of(emulator) as client:
        first = client.send_many(hellos(recipients), journal=path)
        outcomes = await collect(first)
        second = client.send_many(hellos(recipients), journal=path)
        again = await collect(second)

    assert len(outcomes) == len(emulator.accepted) == 20
    assert again == []
    assert (second.progress.taken, second.progress.skipped) == (20, 20)
    found = await entries(path)
    assert states(found) == {State.ACCEPTED: 20}
    ids = {accepted.whatsapp_message_id for accepted in emulator.accepted}
    assert {entry.whatsapp_message_id for entry in found} == ids


async def test_the_intent_is_kept_before_the_first_byte(
    emulator: Emulator,
) -> None:
    seen: list[str] = []

    class Watching(MemoryJournal):
        async def intend(self, key: str, **facts: bool) -> None:
            posts = emulator.requests_by_endpoint().get(POST, 0)
            assert posts == len(seen)
            await asyncio.sleep(0.05)  # a slow disk
            await super().intend(key, **facts)
            assert (await self.counts())[State.IN_FLIGHT] == 1
            seen.append(key)

    open_windows(emulator, people(5))
    journal = Watching()
    await journal.open()

    async with client_of(emulator) as client:
        await collect(client.send_many(hellos(people(5)), journal=journal))
        counts = await journal.counts()

    assert len(set(seen)) == 5
    assert counts[State.ACCEPTED] == 5


async def test_what_the_journal_lets_go_of_at_the_last_look_does_not_leave(
    emulator: Emulator,
) -> None:
    class Losing(MemoryJournal):
        def may_leave(self, key: str) -> bool:
            return key != "lost"

    ana = people(2)
    open_windows(emulator, ana)
    journal = Losing()
    await journal.open()
    messages = [
        FreeformMessage(recipient_phone=phone, message="hello", key=key)
        for phone, key in zip(ana, ("kept", "lost"), strict=True)
    ]

    async with client_of(emulator) as client:
        outcomes = await collect(client.send_many(messages, journal=journal))
        states = {e.key: e.state async for e in journal.entries()}

    assert {o.message.key: type(o) for o in outcomes} == {
        "kept": Accepted,
        "lost": Unsent,
    }
    assert states == {"kept": State.ACCEPTED, "lost": State.UNSENT}
    assert len(emulator.accepted) == 1


async def test_what_was_taken_out_of_the_journal_is_unsent_and_not_settled(
    emulator: Emulator,
) -> None:
    class Emptied(MemoryJournal):
        async def intend(self, key: str, **facts: bool) -> None:
            self._entries.pop(key)
            await super().intend(key, **facts)

    open_windows(emulator, people(1))
    journal = Emptied()
    await journal.open()

    async with client_of(emulator) as client:
        outcomes = await collect(client.send_many(hellos(people(1)), journal=journal))

    assert [type(outcome) for outcome in outcomes] == [Unsent]
    assert not emulator.accepted


async def test_unknown_ones_are_left_to_the_user_and_unsent_ones_sent(
    emulator: Emulator, tmp_path: Path
) -> None:
    recipients = people(12)
    open_windows(emulator, recipients)
    path = tmp_path / "run.db"
    emulator.fail_next(2, HangUpAfter(), endpoint=POST)
    emulator.fail_next(1, Refuse(422, {}), endpoint=POST)

    async with client_of(emulator) as client:
        run = client.send_many(hellos(recipients), journal=path)
        outcomes: list[Outcome] = []
        asyncio.get_running_loop().call_later(1.1, run.stop)
        with pytest.raises(RunStoppedError):
            await take(run, outcomes)
        after_first = states(await entries(path))
        await collect(client.send_many(hellos(recipients), journal=path))

    unsent = sum(isinstance(outcome, Unsent) for outcome in outcomes)
    assert after_first[State.UNKNOWN] == 2
    assert after_first[State.REJECTED] == 1
    assert after_first[State.NEW] == unsent > 0  # withdrawn before it was tried
    assert states(await entries(path)) == {
        State.ACCEPTED: 9,
        State.UNKNOWN: 2,
        State.REJECTED: 1,
    }
    numbers = [accepted.recipient_phone for accepted in emulator.accepted]
    assert len(set(numbers)) == len(numbers) == 11  # two of them unknown to us


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(402, "INSUFFICIENT_BALANCE", id="balance"),
        pytest.param(401, "", id="key"),
        pytest.param(503, "SENDER_OFFLINE", id="sender"),
    ],
)
async def test_what_is_no_messages_fault_stops_the_run_and_can_be_resumed(
    emulator: Emulator, tmp_path: Path, status: int, code: str
) -> None:
    recipients = people(20)
    open_windows(emulator, recipients)
    path = tmp_path / "run.db"
    fault = refuse_with_code(status, code) if code else Refuse(status)

    async with client_of(emulator) as client:
        run = client.send_many(hellos(recipients), journal=path)
        loop = asyncio.get_running_loop()
        loop.call_later(1.5, emulator.fail_next, 999, fault)
        with pytest.raises(RunStoppedError, match="stopped after"):
            await take(run, [])
        emulator.stop_failing()
        await collect(client.send_many(hellos(recipients), journal=path))

    assert states(await entries(path)) == {State.ACCEPTED: 20}
    assert len(emulator.accepted) == 20
    assert emulator.duplicates() == []


async def test_many_unknowns_in_a_row_stop_the_run(emulator: Emulator) -> None:
    recipients = people(60)
    open_windows(emulator, recipients)
    outcomes: list[Outcome] = []
    journal = MemoryJournal()
    await journal.open()

    async with client_of(emulator) as client:
        run = client.send_many(hellos(recipients), journal=journal)
        loop = asyncio.get_running_loop()
        loop.call_later(4.0, emulator.fail_next, 999, Refuse(502, "<html>"))
        with pytest.raises(RunStoppedError, match="10 of the last 20 messages"):
            await take(run, outcomes)

    unknown = sum(isinstance(outcome, Unknown) for outcome in outcomes)
    assert 10 <= unknown <= 15  # those in flight too
    assert sum(isinstance(outcome, Unsent) for outcome in outcomes) >= 20


async def test_equal_messages_are_one_and_keys_tell_them_apart(
    emulator: Emulator, tmp_path: Path
) -> None:
    emulator.customer_writes(ANA)
    same = [hello(ANA, "hi") for _ in range(3)]
    keyed = [
        FreeformMessage(recipient_phone=ANA, message="hi", key=f"row {n}")
        for n in range(3)
    ]

    async with client_of(emulator) as client:
        run = client.send_many([*same, *keyed], journal=tmp_path / "run.db")
        outcomes = await collect(run)

    assert len(outcomes) == len(emulator.accepted) == 4
    assert run.progress.skipped == 2


async def test_a_key_that_stands_for_another_message_ends_the_run_and_is_named(
    emulator: Emulator, tmp_path: Path
) -> None:
    emulator.customer_writes(ANA)
    one = FreeformMessage(recipient_phone=ANA, message="hi", key="row-1")
    other = FreeformMessage(recipient_phone=ANA, message="other text", key="row-1")
    outcomes: list[Outcome] = []

    async with client_of(emulator) as client:
        await collect(client.send_many([one], journal=tmp_path / "run.db"))
        with pytest.raises(JournalConflictError, match="row-1") as caught:
            await take(
                client.send_many([hello(), other], journal=tmp_path / "run.db"),
                outcomes,
            )
        meanwhile = len(emulator.accepted)
        mended = await collect(
            client.send_many([hello(), one], journal=tmp_path / "run.db")
        )

    assert outcomes == []
    assert meanwhile == 1
    assert [type(outcome) for outcome in mended] == [Accepted]
    assert "other text" not in str(caught.value)


async def test_a_journal_in_use_is_refused_before_anything_is_sent(
    emulator: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "run.db"
    async with SqliteJournal(path), client_of(emulator) as client:
        with pytest.raises(JournalLockedError, match="in use"):
            await collect(client.send_many([hello()], journal=path))

    assert emulator.requests == []


async def test_an_intent_that_cannot_be_kept_sends_nothing(
    emulator: Emulator,
) -> None:
    class Full(MemoryJournal):
        async def intend(self, key: str, **facts: bool) -> None:
            if (await self.counts())[State.ACCEPTED] >= 3:
                raise JournalError(path=Path("run.db"), detail="the disk is full")
            await super().intend(key, **facts)

    recipients = people(10)
    open_windows(emulator, recipients)
    journal = Full()
    await journal.open()

    async with client_of(emulator) as client:
        outcomes = await collect(client.send_many(hellos(recipients), journal=journal))
        counts = await journal.counts()

    unsent = [outcome for outcome in outcomes if isinstance(outcome, Unsent)]
    assert len(emulator.accepted) == 3
    assert len(unsent) == 7
    assert "the disk is full" in str(unsent[0].error)
    assert counts[State.ACCEPTED] == 3
    assert counts[State.IN_FLIGHT] == 0


async def test_a_refused_attempt_is_noted_before_the_next(
    emulator: Emulator, tmp_path: Path
) -> None:
    recipients = people(5)
    open_windows(emulator, recipients)
    emulator.fail_next(3, Refuse(429, {}), endpoint=POST)
    path = tmp_path / "run.db"

    async with client_of(emulator) as client:
        outcomes = await collect(client.send_many(hellos(recipients), journal=path))

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    found = await entries(path)
    assert sum(entry.attempt_count for entry in found) == 8


@pytest.mark.parametrize("journal_of", [SqliteJournal, lambda _: MemoryJournal()])
@pytest.mark.parametrize("was", [State.NEW, State.UNSENT])
async def test_one_that_noted_its_intent_and_is_stopped_stays_what_it_was(
    emulator: Emulator,
    tmp_path: Path,
    journal_of: Callable[[Path], SqliteJournal | MemoryJournal],
    was: State,
) -> None:
    open_windows(emulator, people(8))
    async with client_of(emulator) as client, journal_of(tmp_path / "a.db") as journal:
        if was is State.UNSENT:  # by a run before
            await leave_unsent(journal, hellos(people(8)))
        run = client.send_many(hellos(people(8)), journal=journal)
        taking = asyncio.create_task(take(run, []))
        noted = 0
        while noted <= client.queue.in_flight:
            await asyncio.sleep(0.001)
            noted = (await journal.counts())[State.IN_FLIGHT]
        run.stop()
        with pytest.raises(RunStoppedError):
            await taking
        found = [entry async for entry in journal.entries()]

    assert emulator.accepted_count < 8
    assert states(found).keys() - {State.ACCEPTED} == {was}
    is_settled = {entry.settled_at is not None for entry in found if entry.state is was}
    assert is_settled == {was is State.UNSENT}


async def leave_unsent(journal: Journal, messages: list[FreeformMessage]) -> None:
    """Leave them as a run does whose service cannot be reached."""
    for draft in messages:
        content = to_content(draft, SENDER)
        key = derive_key(content)
        await journal.admit(key, content=content, recipient_phone=draft.recipient_phone)
        await journal.intend(key)
        journal.settle(key, state=State.UNSENT)


async def test_a_run_that_is_cancelled_twice_lets_go_of_its_journal_when_all_has_ended(
    emulator: Emulator, tmp_path: Path
) -> None:
    open_windows(emulator, people(3))
    emulator.fail_next(3, Stall(after_acting=True), endpoint=POST)
    path = tmp_path / "run.db"

    async with client_of(emulator) as client:
        run = client.send_many(hellos(people(3)), journal=path)
        taker = asyncio.create_task(take(run, []))
        await asyncio.sleep(5)
        for _ in range(2):  # the first waits for what has left
            taker.cancel()
            await asyncio.sleep(1)
        was_done = taker.done()
        with pytest.raises(JournalLockedError):  # it still is to be told of that
            await entries(path)
        await asyncio.sleep(60)
        found = await entries(path)

    assert was_done
    assert states(found) == {State.UNKNOWN: 3}
    assert {entry.error for entry in found} == {"UnknownOutcomeError"}


@pytest.mark.parametrize("seed", range(3))
async def test_a_run_left_at_any_moment_resumes_without_a_double(
    emulator: Emulator, tmp_path: Path, seed: int
) -> None:
    rng = Random(seed)
    recipients = people(25)
    open_windows(emulator, recipients)
    emulator.after_counting = lambda _: rng.uniform(0.0, 0.5)
    path = tmp_path / "run.db"
    runs = 0

    async with client_of(emulator) as client:
        while runs < 40:
            runs += 1
            run = client.send_many(hellos(recipients), journal=path)
            taker = asyncio.create_task(take(run, []))
            await asyncio.wait([taker], timeout=rng.uniform(0.0, 4.0))
            if taker.done():
                taker.result()
                break
            taker.cancel()
            await asyncio.wait([taker])

    assert 1 < runs < 40
    assert states(await entries(path)) == {State.ACCEPTED: 25}
    assert len(emulator.accepted) == 25
    assert emulator.duplicates() == []


@asynccontextmanager
async def open_journal(kind: str, folder: Path) -> AsyncIterator[Journal]:
    """Open a journal of either kind, to be lent."""
    journal = SqliteJournal(folder / "run.db") if kind == "file" else MemoryJournal()
    async with journal:
        yield journal


@pytest.mark.parametrize("kind", ["file", "memory"])
@pytest.mark.parametrize("client_count", [1, 2])
async def test_two_runs_over_one_journal_send_each_message_once(
    emulator: Emulator, tmp_path: Path, kind: str, client_count: int
) -> None:
    recipients = people(6)
    open_windows(emulator, recipients)
    emulator.after_counting = lambda _: 0.3

    async with (
        open_journal(kind, tmp_path) as journal,
        client_of(emulator) as one,
        client_of(emulator) as other,
    ):
        runs = [
            client.send_many(hellos(recipients), journal=journal)
            for client in ((one, one), (one, other))[client_count - 1]
        ]
        outcomes = list(chain(*await asyncio.gather(*map(collect, runs))))
        counts = await journal.counts()

    assert len(emulator.accepted) == len(outcomes) == 6
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert sum(run.progress.taken for run in runs) == 12
    assert sum(run.progress.skipped for run in runs) == 6
    assert counts[State.ACCEPTED] == 6


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_two_runs_over_one_journal_share_what_both_are_given(
    emulator: Emulator, tmp_path: Path, kind: str
) -> None:
    recipients = people(20)
    open_windows(emulator, recipients)

    async with open_journal(kind, tmp_path) as journal, client_of(emulator) as client:
        runs = [
            client.send_many(hellos(some), journal=journal)
            for some in (recipients[:12], recipients[8:])
        ]
        outcomes = await asyncio.gather(*map(collect, runs))

    assert len(emulator.accepted) == 20
    assert emulator.duplicates() == []
    assert sum(map(len, outcomes)) == 20
    assert sum(run.progress.skipped for run in runs) == 4


@pytest.mark.parametrize("kind", ["file", "memory"])
@pytest.mark.parametrize("seed", range(3))
async def test_a_run_that_is_left_lets_the_next_over_its_open_journal_have_the_rest(
    emulator: Emulator, tmp_path: Path, kind: str, seed: int
) -> None:
    rng = Random(seed)
    recipients = people(25)
    open_windows(emulator, recipients)
    emulator.after_counting = lambda _: rng.uniform(0.0, 0.5)
    run_count = 0

    async with open_journal(kind, tmp_path) as journal, client_of(emulator) as client:
        while (await journal.counts())[State.ACCEPTED] < 25 and run_count < 40:
            run_count += 1
            both = [
                asyncio.create_task(
                    take(client.send_many(hellos(recipients), journal=journal), [])
                )
                for _ in range(2)
            ]
            await asyncio.wait(both, timeout=rng.uniform(0.0, 4.0))
            for taker in both:
                taker.cancel()
            await asyncio.wait(both)

    assert 1 < run_count < 40
    assert len(emulator.accepted) == 25
    assert emulator.duplicates() == []


async def test_a_key_that_stands_for_another_message_lets_go_of_what_came_with_it(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    one = FreeformMessage(recipient_phone=ANA, message="hi", key="row-1")
    other = FreeformMessage(recipient_phone=ANA, message="other text", key="row-1")

    async with MemoryJournal() as journal, client_of(emulator) as client:
        with pytest.raises(JournalConflictError):
            await collect(client.send_many([one, hello(), other], journal=journal))
        outcomes = await collect(client.send_many([one, hello()], journal=journal))

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]


async def test_what_somebody_else_handed_over_is_unknown_and_left_as_it_is(
    emulator: Emulator,
) -> None:
    class Meddled(MemoryJournal):
        async def intend(self, key: str, **facts: bool) -> None:
            await super().intend(key, **facts)  # somebody's, without us
            await super().intend(key, **facts)

    emulator.customer_writes(ANA)

    async with Meddled() as journal, client_of(emulator) as client:
        (outcome,) = await collect(client.send_many([hello(ANA)], journal=journal))
        counts = await journal.counts()

    assert isinstance(outcome, Unknown)
    assert "is in flight; it cannot be handed over" in str(outcome.error)
    assert "safe to send it again" not in str(outcome.error)
    assert emulator.accepted == []
    assert counts[State.IN_FLIGHT] == 1


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_each_message_has_an_outcome_though_the_lent_journal_is_closed_midway(
    emulator: Emulator, tmp_path: Path, kind: str
) -> None:
    recipients = people(8)
    open_windows(emulator, recipients)
    emulator.after_counting = lambda _: 0.5
    outcomes: list[Outcome] = []

    async with client_of(emulator) as client:
        async with open_journal(kind, tmp_path) as journal:
            run = client.send_many(hellos(recipients), journal=journal)
            taking = asyncio.create_task(take(run, outcomes))
            await asyncio.sleep(0.6)  # some were answered, some are in flight
        await asyncio.wait([taking])

    assert len(outcomes) == run.progress.taken
    sent = {message.recipient_phone for message in emulator.accepted}
    told = {
        outcome.message.recipient_phone
        for outcome in outcomes
        if isinstance(outcome, Accepted | Unknown)
    }
    assert sent <= told
