"""Each person once, and refusals that are of nobody: within a run and across runs."""

import random
from pathlib import Path

import pytest

from autocalls_async import (
    Accepted,
    AutocallsClient,
    Message,
    Outcome,
    Rejected,
    RunStoppedError,
    TemplateMessage,
)
from autocalls_async.campaign.once import OnceEach
from autocalls_async.emulator import Emulator, Endpoint, HangUpAfter, Template
from autocalls_async.journal import Journal, MemoryJournal, SqliteJournal, State
from tests.journal.support import states
from tests.people import SENDER, hello, open_windows, people

MEXICO, OLD_MEXICO = "+525512345678", "+5215512345678"


def client_of(emulator: Emulator) -> AutocallsClient:
    return AutocallsClient("1|k", base_url=emulator.base_url, sender_id=SENDER)


async def send(
    client: AutocallsClient,
    messages: list[Message],
    journal: Journal | Path | None,
    *,
    once: bool = True,
) -> tuple[list[Outcome], int]:
    """Send each once; give the outcomes, and how many were skipped."""
    run = client.send_many(messages, journal=journal, once_per_recipient=once)
    return [outcome async for outcome in run], run.progress.skipped


@pytest.mark.parametrize("has_journal", [False, True])
async def test_each_person_gets_the_first_alone_however_they_are_spelled(
    emulator: Emulator, tmp_path: Path, has_journal: bool
) -> None:
    open_windows(emulator, [MEXICO, OLD_MEXICO])
    messages: list[Message] = [
        hello(OLD_MEXICO, "first"),
        hello(MEXICO, "second"),
        hello(OLD_MEXICO, "first"),
    ]

    async with client_of(emulator) as client:
        journal = tmp_path / "run.db" if has_journal else None
        outcomes, skipped = await send(client, messages, journal)

    assert [type(outcome) for outcome in outcomes] == [Accepted]
    assert skipped == 2
    assert [m.message for m in emulator.accepted] == ["first"]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_journal_keeps_it_for_good_however_messages_are_sorted(
    emulator: Emulator, tmp_path: Path, kind: str
) -> None:
    recipients = people(6)
    open_windows(emulator, recipients)
    emulator.fail_next(1, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM)
    memory = MemoryJournal()
    messages: list[Message] = [hello(p, f"{n}") for n in range(3) for p in recipients]

    for seed in range(3):
        random.Random(seed).shuffle(messages)
        file = SqliteJournal(tmp_path / "run.db")
        async with client_of(emulator) as client, memory, file:
            journal: Journal = memory if kind == "memory" else file
            await send(client, messages[: 6 * (seed + 1)], journal)

    assert sorted(m.recipient_phone for m in emulator.accepted) == recipients


async def test_what_others_send_by_the_same_journal_counts_at_the_last_moment(
    emulator: Emulator,
) -> None:
    recipients = people(20)
    open_windows(emulator, recipients)
    ones: list[Message] = [hello(phone, "one") for phone in recipients]
    others: list[Message] = [hello(phone, "other") for phone in reversed(recipients)]

    async with client_of(emulator) as client, MemoryJournal() as journal:
        run = client.send_many(others, journal=journal)
        outcomes = []
        async for outcome in client.send_many(
            ones, journal=journal, once_per_recipient=True
        ):
            outcomes.append(outcome)
            if len(outcomes) == 1:
                outcomes += [each async for each in run]

    told = [m.message for m in emulator.accepted]
    by_person = [m.recipient_phone for m in emulator.accepted if m.message == "one"]
    assert told.count("other") == 20
    assert len(set(by_person)) == len(by_person)


async def test_who_was_refused_may_get_another_later(
    emulator: Emulator, tmp_path: Path
) -> None:
    phone = people(1)[0]
    emulator.expire_window(phone)
    async with client_of(emulator) as client:
        await send(client, [hello(phone, "one")], tmp_path / "run.db")
        emulator.customer_writes(phone)
        client.windows.note_inbound(phone)
        outcomes, _ = await send(client, [hello(phone, "two")], tmp_path / "run.db")

    assert [type(outcome) for outcome in outcomes] == [Accepted]


def test_people_are_remembered_by_hashes_and_where_there_is_no_room_it_is_said() -> (
    None
):
    remembered = OnceEach()
    found = [remembered.is_first(phone) for phone in (MEXICO, OLD_MEXICO, "+4930123")]
    remembered.close()

    assert found == [True, False, True]
    with pytest.raises(OSError, match="cannot be remembered"):
        remembered.is_first(MEXICO)


# Refused for everyone


def templates(count: int) -> list[Message]:
    return [
        TemplateMessage(recipient_phone=phone, template_id=46)
        for phone in people(count)
    ]


def pause(emulator: Emulator, status: str) -> None:
    emulator.account.add_template(
        Template(id=46, name="welcome_message", body_text="Welcome", status=status)
    )


async def test_a_template_that_is_refused_for_everyone_stops_the_run_for_now(
    emulator: Emulator, tmp_path: Path
) -> None:
    messages = templates(60)
    file = tmp_path / "run.db"
    outcomes: list[Outcome] = []

    async def send_until_refused(client: AutocallsClient) -> None:
        async for outcome in client.send_many(messages, journal=file):
            outcomes.append(outcome)
            if len(outcomes) == 7:
                pause(emulator, "paused")

    async with client_of(emulator) as client:
        with pytest.raises(RunStoppedError, match="10 of the last ") as caught:
            await send_until_refused(client)
        accepted_count = len(emulator.accepted)
        async with SqliteJournal(file) as journal:
            found = set((await states(journal)).values())
        pause(emulator, "approved")
        again = [each async for each in client.send_many(messages, journal=file)]

    assert "TEMPLATE_NOT_APPROVED" in str(caught.value)
    assert 10 <= sum(isinstance(each, Rejected) for each in outcomes) < 15
    assert State.REJECTED not in found
    assert len(again) == 60 - accepted_count
    assert sorted(m.recipient_phone for m in emulator.accepted) == people(60)


async def test_closed_windows_and_bad_numbers_stop_nothing(
    emulator: Emulator, tmp_path: Path
) -> None:
    for phone in people(30):
        emulator.expire_window(phone)
    messages: list[Message] = [hello(phone) for phone in people(30)]

    async with client_of(emulator) as client:
        outcomes = [
            outcome
            async for outcome in client.send_many(
                messages, journal=tmp_path / "run.db", window_check="never"
            )
        ]
    async with SqliteJournal(tmp_path / "run.db") as journal:
        found = set((await states(journal)).values())

    assert len(outcomes) == 30
    assert found == {State.REJECTED}
