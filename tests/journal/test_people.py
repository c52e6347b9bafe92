"""What every journal knows of people: who had a message, and who was reached."""

import asyncio
import copy
import pickle
from datetime import datetime, timedelta

import pytest

from autocalls_async import FreeformMessage
from autocalls_async.journal import (
    Doubted,
    Draft,
    Journal,
    JournalConflictError,
    JournalRepeatError,
    JournalStateError,
    SettledState,
    State,
)
from autocalls_async.journal.keys import to_content
from tests.journal.support import (
    MakeJournal,
    bring,
    look,
    opened,
    shows_a_secret,
    states,
)

ANA, BEN = "+14155550123", "+14155550124"
MEXICO, OLD_MEXICO = "+525512345678", "+5215512345678"


def draft(
    key: str,
    phone: str = ANA,
    text: str = "hi",
    *,
    once: bool = False,
    sender: int = 12,
) -> Draft:
    """Return a message to be added."""
    message = FreeformMessage(recipient_phone=phone, message=text)
    content = to_content(message, sender)
    return Draft(key=key, content=content, recipient_phone=phone, once=once)


async def send(
    journal: Journal, one: Draft, state: SettledState | None = State.ACCEPTED
) -> None:
    """Add a message, hand it over outside a window, and settle it if it ends."""
    await journal.admit_many([one])
    await asyncio.sleep(0.001)
    await journal.intend(one.key, outside_window=True)
    if state is not None:
        journal.settle(one.key, state=state)


@pytest.mark.parametrize("ended", [None, State.ACCEPTED, State.UNKNOWN])
async def test_who_may_have_had_one_is_given_no_other(
    make_journal: MakeJournal, ended: SettledState | None
) -> None:
    async with opened(make_journal()) as journal:
        await send(journal, draft("first", OLD_MEXICO), ended)
        found = await journal.admit_many(
            [draft("other", MEXICO, once=True), draft("ben", BEN, once=True)]
        )
        kept = await states(journal)

    assert found == [ended or State.IN_FLIGHT, State.NEW]
    assert set(kept) == {"first", "ben"}


@pytest.mark.parametrize("ended", [None, State.UNSENT, State.REJECTED])
async def test_who_surely_had_none_may_get_another(
    make_journal: MakeJournal, ended: SettledState | None
) -> None:
    async with opened(make_journal()) as journal:
        await journal.admit_many([draft("first")])
        if ended is not None:
            journal.settle("first", state=ended)
        found = await journal.admit_many([draft("other", once=True)])
        await journal.intend("other", once=True)

    assert found == [State.NEW]


async def test_at_the_last_moment_nobody_gets_a_second_one(
    make_journal: MakeJournal,
) -> None:
    async with opened(make_journal()) as journal:
        await journal.admit_many([draft("a", once=True), draft("b", once=True)])
        results = await asyncio.gather(
            journal.intend("a", once=True),
            journal.intend("b", once=True),
            return_exceptions=True,
        )
        with pytest.raises(JournalStateError, match="not in the journal"):
            await journal.intend("nobody", once=True)
        found = await states(journal)
        await journal.intend("b")

    assert results[0] is None
    assert isinstance(results[1], JournalRepeatError)
    assert "'b' is for a recipient who has, or may have, had another" in str(results[1])
    assert found == {"a": State.IN_FLIGHT, "b": State.NEW}


async def test_a_person_is_claimed_with_a_message_or_neither_is(
    make_journal: MakeJournal,
) -> None:
    async with opened(make_journal()) as journal:
        claims = [
            journal.claim("a", owner="one", person=ANA),
            journal.claim("b", owner="two", person=ANA),
            journal.claim("b", owner="two"),
            journal.claim("c", owner="two", person=BEN),
        ]
        journal.release("a", owner="two")
        held = journal.claim("d", owner="two", person=ANA)
        journal.release("a", owner="one")
        freed = journal.claim("d", owner="two", person=ANA)

    assert claims == [True, False, True, True]
    assert (held, freed) == (False, True)


@pytest.mark.parametrize("ended", [None, State.UNSENT, State.REJECTED])
async def test_a_content_that_nobody_had_makes_way_for_another(
    make_journal: MakeJournal, ended: SettledState | None
) -> None:
    changed = draft("a", BEN, "changed")

    async with opened(make_journal()) as journal:
        await journal.admit_many([draft("a")])
        if ended is not None:
            journal.settle("a", state=ended, error="RejectedError", detail="no")
        found = await journal.admit_many([changed])
        entry = await look(journal, "a")
        await journal.intend("a", once=True)

    assert found == [State.NEW]
    assert (entry.content, entry.person) == (changed.content, BEN)
    assert (entry.state, entry.error, entry.detail) == (State.NEW, None, None)


@pytest.mark.parametrize("is_claimed", [True, False])
async def test_another_spelling_or_fallback_makes_no_other_message(
    make_journal: MakeJournal, is_claimed: bool
) -> None:
    respelt = draft("a", MEXICO)
    respelt = Draft(
        key="a",
        content=respelt.content,
        recipient_phone=MEXICO,
        is_claimed=is_claimed,
    )

    async with opened(make_journal()) as journal:
        await send(journal, draft("a", OLD_MEXICO), State.UNSENT)
        unsent = await journal.admit_many([respelt])
        kept = await look(journal, "a")
        await send(journal, draft("a", OLD_MEXICO), State.ACCEPTED)
        accepted = await journal.admit_many([respelt])

    assert (unsent, accepted) == ([State.UNSENT], [State.ACCEPTED])
    assert kept.recipient_phone == (MEXICO if is_claimed else OLD_MEXICO)


async def test_what_somebody_else_has_claimed_is_held_against_and_never_added(
    make_journal: MakeJournal,
) -> None:
    def theirs(key: str, text: str) -> Draft:
        own = draft(key, text=text)
        return Draft(
            key=key, content=own.content, recipient_phone=ANA, is_claimed=False
        )

    async with opened(make_journal()) as journal:
        await journal.admit_many([draft("a")])
        same = await journal.admit_many([theirs("a", "hi"), theirs("b", "hi")])
        with pytest.raises(JournalConflictError, match="'a' is in the journal"):
            await journal.admit_many([theirs("a", "other")])
        found = await states(journal)

    assert same == [State.NEW, State.NEW]
    assert found == {"a": State.NEW}


async def test_people_reached_outside_a_window_are_counted_once_by_their_last_time(
    make_journal: MakeJournal,
) -> None:
    people = [f"+1415555{number:04}" for number in range(600)]
    async with opened(make_journal()) as journal:
        for number, phone in enumerate(people):
            await send(journal, draft(f"k{number}", phone))
        await send(journal, draft("again", people[3]), State.UNKNOWN)
        await send(journal, draft("out", MEXICO), None)
        await send(journal, draft("no", BEN), State.REJECTED)
        await send(journal, draft("never", ANA), State.UNSENT)
        await send(journal, draft("elsewhere", "+4915123456789", sender=13))
        await journal.admit_many([draft("inside", "+4915123456780")])
        await journal.intend("inside")
        everything = [found async for found in journal.reached(12, since=_EPOCH)]
        since = everything[-2][1]
        late = [person async for person, _ in journal.reached(12, since=since)]
        elsewhere = [person async for person, _ in journal.reached(13, since=_EPOCH)]

    found_people = [person for person, _ in everything]
    times = [at for _, at in everything]
    assert found_people == [*people[:3], *people[4:], people[3], MEXICO]
    assert times == sorted(times)
    assert late == [MEXICO]
    assert elsewhere == ["+4915123456789"]


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z") + timedelta(seconds=1)


async def test_what_was_resolved_to_new_reached_nobody(
    make_journal: MakeJournal,
) -> None:
    async with opened(make_journal()) as journal:
        await send(journal, draft("a"), State.UNKNOWN)
        before = [person async for person, _ in journal.reached(12, since=_EPOCH)]
        await journal.resolve(["a"], state=State.NEW)
        after = [person async for person, _ in journal.reached(12, since=_EPOCH)]

    assert (before, after) == ([ANA], [])


async def test_what_was_rejected_can_be_made_new_and_never_accepted(
    make_journal: MakeJournal,
) -> None:
    was: Doubted = State.REJECTED
    async with opened(make_journal()) as journal:
        for key, state in (("a", State.REJECTED), ("b", State.UNKNOWN)):
            await bring(journal, key, state)
        with pytest.raises(ValueError, match="it was not accepted"):
            await journal.resolve(["a"], state=State.ACCEPTED, was=was)
        with pytest.raises(JournalStateError, match="'b' is unknown"):
            await journal.resolve(["a", "b"], state=State.NEW, was=was)
        count = await journal.resolve(["a"], state=State.NEW, was=was)
        entry = await look(journal, "a")

    assert count == 1
    assert (entry.state, entry.error, entry.handed_over_at) == (State.NEW, None, None)


def test_a_repeat_is_told_without_a_number_and_survives_pickling() -> None:
    error = JournalRepeatError(ANA)

    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301  # our own bytes
        assert type(again) is JournalRepeatError
        assert again.key == ANA
        assert not shows_a_secret(f"{again} {again!r}")
