"""What every journal does, whatever it is made of."""

import asyncio
import copy
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve

from autocalls_async.journal import (
    Draft,
    Entry,
    JournalConflictError,
    JournalStateError,
    MemoryJournal,
    Resolved,
    SettledState,
    SqliteJournal,
    State,
)
from tests.journal.support import (
    CONTENT,
    PHONE,
    LetPass,
    MakeJournal,
    add,
    bring,
    look,
    opened,
    shows_a_secret,
    states,
)

Now = Callable[[], datetime]


async def test_a_message_is_added_once_and_found_again(
    make_journal: MakeJournal, now: Now
) -> None:
    began_at = now()

    async with opened(make_journal()) as journal:
        first = await journal.admit("a", content=CONTENT, recipient_phone=PHONE)
        again = await journal.admit("a", content=CONTENT, recipient_phone=PHONE)
        entries = [entry async for entry in journal.entries()]

    assert (first, again) == (State.NEW, State.NEW)
    assert len(entries) == 1
    assert entries[0].added_at - began_at < timedelta(seconds=1)
    assert entries == [
        Entry(
            key="a",
            content=CONTENT,
            recipient_phone=PHONE,
            added_at=entries[0].added_at,
        )
    ]


async def test_many_are_added_at_once_and_each_tells_the_state_it_has(
    make_journal: MakeJournal,
) -> None:
    drafts = [Draft(key=k, content=CONTENT, recipient_phone=PHONE) for k in "abc"]

    async with opened(make_journal()) as journal:
        await bring(journal, "b", State.ACCEPTED)
        found = await journal.admit_many(drafts)
        none = await journal.admit_many([])

    assert found == [State.NEW, State.ACCEPTED, State.NEW]
    assert none == []


async def test_another_content_under_the_same_key_is_refused_by_name(
    make_journal: MakeJournal,
) -> None:
    async with opened(make_journal()) as journal:
        await bring(journal, "row 7", State.UNKNOWN)
        with pytest.raises(JournalConflictError, match="'row 7' is in the journal"):
            await journal.admit("row 7", content="{}", recipient_phone=PHONE)

        entry = await look(journal, "row 7")

    assert entry.content == CONTENT


async def test_what_was_handed_over_and_answered_is_told_with_all_its_facts(
    make_journal: MakeJournal, let_pass: LetPass
) -> None:
    async with opened(make_journal()) as journal:
        await add(journal, "a")
        await let_pass(60)
        await journal.intend("a")
        await let_pass(1)
        journal.settle(
            "a",
            state=State.REJECTED,
            whatsapp_message_id=2**70,
            error="InvalidPhoneError",
            error_code="INVALID_\ud800",
            detail="it said no",
        )
        entry = await look(journal, "a")

    assert entry.state is State.REJECTED
    assert entry.attempt_count == 1
    assert entry.handed_over_at is not None
    assert entry.settled_at is not None
    assert 60 <= (entry.handed_over_at - entry.added_at).total_seconds() < 61
    assert 1 <= (entry.settled_at - entry.handed_over_at).total_seconds() < 2
    assert entry.whatsapp_message_id == 2**70
    assert (entry.error, entry.detail) == ("InvalidPhoneError", "it said no")
    assert entry.error_code == r"INVALID_\ud800"


@pytest.mark.parametrize(
    "state", [State.IN_FLIGHT, State.ACCEPTED, State.REJECTED, State.UNKNOWN]
)
async def test_what_may_have_left_never_leaves_again(
    make_journal: MakeJournal, state: State
) -> None:
    async with opened(make_journal()) as journal:
        await bring(journal, "a", state)

        with pytest.raises(JournalStateError, match=f"'a' is {state}; it cannot be"):
            await journal.intend("a")

        entry = await look(journal, "a")

    assert entry.state is state
    assert entry.attempt_count == 1


async def test_what_surely_never_left_may_leave_later(
    make_journal: MakeJournal,
) -> None:
    async with opened(make_journal()) as journal:
        await bring(journal, "a", State.IN_FLIGHT)
        journal.settle("a", state=State.UNSENT, error="UnsentError", detail="no way")
        unsent = await look(journal, "a")
        await journal.intend("a")
        leaving = await look(journal, "a")

    assert unsent.state is State.UNSENT
    assert unsent.handed_over_at is None
    assert leaving.state is State.IN_FLIGHT
    assert leaving.attempt_count == 2
    assert leaving.handed_over_at is not None
    assert (leaving.settled_at, leaving.error, leaving.detail) == (None, None, None)


@pytest.mark.parametrize("state", [State.REJECTED, State.UNSENT])
async def test_a_message_may_end_before_it_leaves(
    make_journal: MakeJournal, state: SettledState
) -> None:
    async with opened(make_journal()) as journal:
        await add(journal, "a")
        journal.settle("a", state=state, error="TemplateRequiredError")
        entry = await look(journal, "a")

    assert entry.state is state
    assert entry.attempt_count == 0
    assert entry.handed_over_at is None


@pytest.mark.parametrize("state", [State.ACCEPTED, State.UNKNOWN])
async def test_what_never_left_is_neither_accepted_nor_unknown(
    make_journal: MakeJournal, state: SettledState
) -> None:
    async with opened(make_journal()) as journal:
        await add(journal, "a", "b")
        await journal.intend("b")
        journal.settle("a", state=state)
        journal.settle("b", state=State.ACCEPTED)

        with pytest.raises(JournalStateError, match="'a' is new; it cannot be settled"):
            await journal.flush()
        await journal.flush()

        assert await states(journal) == {"a": State.NEW, "b": State.ACCEPTED}


async def test_closing_tells_what_could_not_be_settled(
    make_journal: MakeJournal,
) -> None:
    journal = make_journal()
    await journal.open()
    journal.settle("a", state=State.UNSENT)

    with pytest.raises(JournalStateError, match="'a' is not in the journal"):
        await journal.aclose()

    again = make_journal()
    assert await again.open() == 0
    await again.aclose()


async def test_what_was_in_flight_when_a_run_ended_is_unknown_to_the_next(
    make_journal: MakeJournal,
) -> None:
    async with opened(make_journal()) as journal:
        for state in State:
            await bring(journal, state.value, state)

    journal = make_journal()
    lost_count = await journal.open()
    found = await states(journal)
    entry = await look(journal, State.IN_FLIGHT.value)
    await journal.aclose()

    assert lost_count == 1
    assert found == {
        state.value: State.UNKNOWN if state is State.IN_FLIGHT else state
        for state in State
    }
    assert entry.error == "UnknownOutcomeError"
    assert entry.detail == "the run ended before an answer came"
    assert entry.handed_over_at is not None
    assert entry.settled_at is not None
    assert entry.settled_at >= entry.handed_over_at


async def test_messages_in_each_state_are_counted_and_given_in_order(
    make_journal: MakeJournal,
) -> None:
    keys = [f"k{n}" for n in range(600)]
    drafts = [Draft(key=key, content=CONTENT, recipient_phone=PHONE) for key in keys]

    async with opened(make_journal()) as journal:
        empty = dict(await journal.counts())
        await journal.admit_many(drafts)
        for key in ("k599", "k3", "k300"):
            await bring(journal, key, State.UNKNOWN)
        counts = await journal.counts()
        everything = [entry.key async for entry in journal.entries()]
        unknown = [entry.key async for entry in journal.entries(State.UNKNOWN)]
        two = [e.key async for e in journal.entries(State.UNKNOWN, State.NEW)]
        fallbacks = [e.key async for e in journal.entries(fell_back=True)]

    assert empty == dict.fromkeys(State, 0)
    assert counts == empty | {State.NEW: 597, State.UNKNOWN: 3}
    assert everything == two == keys
    assert unknown == ["k3", "k300", "k599"]
    assert fallbacks == []


async def test_what_the_user_knows_was_delivered_is_accepted(
    make_journal: MakeJournal,
) -> None:
    async with opened(make_journal()) as journal:
        for key in "abc":
            await bring(journal, key, State.UNKNOWN)
        count = await journal.resolve(["a", "b", "a"], state=State.ACCEPTED)
        found = await states(journal)
        entry = await look(journal, "a")

    assert count == 2
    assert found == {"a": State.ACCEPTED, "b": State.ACCEPTED, "c": State.UNKNOWN}
    assert entry.detail == "resolved by the user"
    assert entry.handed_over_at is not None
    assert entry.settled_at is not None


async def test_what_the_user_wants_sent_again_is_as_new(
    make_journal: MakeJournal,
) -> None:
    async with opened(make_journal()) as journal:
        await bring(journal, "a", State.UNKNOWN)
        await journal.resolve(iter(["a"]), state=State.NEW)
        resolved = await look(journal, "a")
        await journal.intend("a")
        leaving = await look(journal, "a")

    assert resolved.state is State.NEW
    assert resolved.attempt_count == 1
    assert (resolved.handed_over_at, resolved.settled_at) == (None, None)
    assert (resolved.error, resolved.detail) == (None, None)
    assert leaving.attempt_count == 2


@pytest.mark.parametrize("state", [State.ACCEPTED, State.NEW])
@pytest.mark.parametrize("found", [*(s for s in State if s != "unknown"), None])
async def test_only_unknown_ones_are_resolved_all_or_none(
    make_journal: MakeJournal, state: Resolved, found: State | None
) -> None:
    async with opened(make_journal()) as journal:
        await bring(journal, "good", State.UNKNOWN)
        if found is not None:
            await bring(journal, "bad", found)

        named = "not in the journal" if found is None else found.value
        with pytest.raises(JournalStateError, match=f"'bad' is {named}; it cannot"):
            await journal.resolve(["good", "bad"], state=state)

        assert (await look(journal, "good")).state is State.UNKNOWN


async def test_an_intent_that_was_cancelled_can_be_settled_as_unsent(
    make_journal: MakeJournal,
) -> None:
    async with opened(make_journal()) as journal:
        await add(journal, "a")
        intending = asyncio.create_task(journal.intend("a"))
        await asyncio.sleep(0)
        intending.cancel()
        journal.settle("a", state=State.UNSENT, error="UnsentError")
        await asyncio.wait([intending])
        await journal.flush()
        settled = await look(journal, "a")
        await journal.intend("a")
        journal.settle("a", state=State.ACCEPTED)
        sent = await look(journal, "a")

    assert settled.state is State.UNSENT
    assert sent.state is State.ACCEPTED


async def test_a_journal_is_open_once_and_closed_as_often_as_you_like(
    make_journal: MakeJournal,
) -> None:
    journal = make_journal()

    with pytest.raises(RuntimeError, match="is not open"):
        await journal.counts()
    await journal.open()
    with pytest.raises(RuntimeError, match="is open already"):
        await journal.open()
    await journal.aclose()
    await journal.aclose()

    with pytest.raises(RuntimeError, match="is not open"):
        await journal.intend("a")
    with pytest.raises(RuntimeError, match="is not open"):
        journal.settle("a", state=State.UNSENT)


async def test_a_journal_can_be_opened_and_closed_by_a_with_block(file: Path) -> None:
    for journal in (MemoryJournal(), SqliteJournal(file)):
        async with journal as entered:
            await add(entered, "a")

        with pytest.raises(RuntimeError, match="is not open"):
            await journal.counts()


@pytest.mark.parametrize("key", ["", "k" * 256, "\ud800"])
async def test_what_cannot_be_a_key_is_refused(
    make_journal: MakeJournal, key: str
) -> None:
    async with opened(make_journal()) as journal:
        with pytest.raises(ValueError, match="key must"):
            await journal.admit(key, content=CONTENT, recipient_phone=PHONE)

        assert await states(journal) == {}


async def test_neither_entries_nor_errors_show_a_text_or_a_whole_number(
    make_journal: MakeJournal,
) -> None:
    draft = Draft(key=PHONE, content=CONTENT, recipient_phone=PHONE)

    async with opened(make_journal()) as journal:
        await journal.admit_many([draft])
        other = evolve(draft, content="{}", is_claimed=False)
        with pytest.raises(JournalConflictError) as conflict:
            await journal.admit_many([other])
        with pytest.raises(JournalStateError) as refusal:
            await journal.resolve([PHONE], state=State.NEW)
        journal.settle(PHONE, state=State.REJECTED, error_code=PHONE, detail=TEXT_IN)
        entry = await look(journal, PHONE)

    for shown in (draft, entry, conflict.value, refusal.value):
        assert not shows_a_secret(f"{shown} {shown!r}")
        assert "+1415•••0123" in repr(shown)
    assert conflict.value.key == refusal.value.key == PHONE


TEXT_IN = f"a code from the service may hold anything, such as {PHONE}"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(JournalConflictError("row 7"), id="conflict"),
        pytest.param(JournalStateError("row 7", State.UNKNOWN, "sent"), id="state"),
    ],
)
def test_errors_about_a_message_survive_pickling(
    error: JournalConflictError | JournalStateError,
) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301  # our own bytes
        assert type(again) is type(error)
        assert again.key == "row 7"
        assert str(again) == str(error)
