"""`autocalls journal resolve --by-evidence`: what receipts and conversations tell."""

import asyncio
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from attrs import frozen

from autocalls_async.cli.connection import open_for_questions
from autocalls_async.cli.options import Connection
from autocalls_async.cli.terminal.failures import CommandError, Status
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.tables import make_table
from autocalls_async.cli.terminal.words import count
from autocalls_async.client.client import AutocallsClient
from autocalls_async.journal import Entry, SqliteJournal, State
from autocalls_async.journal.keys import from_content, show_key
from autocalls_async.model.messages import FreeformMessage
from autocalls_async.model.persons import person_of
from autocalls_async.model.values.masking import mask_phone
from autocalls_async.webhooks.deliveries import Deliveries
from autocalls_async.webhooks.evidence.evidence import (
    AFTER,
    Case,
    Evidence,
    Proof,
    fold_text,
)
from autocalls_async.webhooks.evidence.search import find_evidence
from autocalls_async.webhooks.stores.protocol import DeliveryStore, Handover

_MOST_SHOWN = 20
_PIECE = 500


@frozen
class _Found:
    """An unknown message, and what speaks for its arrival."""

    entry: Entry
    evidence: Evidence


def settle_by_evidence(
    path: Path,
    receipts: Path | None,
    connection: Connection,
    screen: Screen,
    *,
    takes_likely: bool,
    reads_history: bool,
) -> int:
    """Take those unknown messages for accepted of which there is good evidence.

    Raises:
        CommandError: There are no receipts.
        JournalError: There is no journal, or it cannot be read or written.
    """
    if receipts is None or not receipts.is_file():
        msg = "--by-evidence needs --receipts FILE, where the receipts were kept"
        raise CommandError(msg)
    wanted = {Proof.SURE, Proof.LIKELY} if takes_likely else {Proof.SURE}
    found = asyncio.run(
        settle(path, receipts, connection, wanted, reads_history=reads_history)
    )
    _show(found, wanted, screen)
    return Status.OK


async def settle(
    path: Path,
    receipts: Path,
    connection: Connection,
    wanted: set[Proof],
    *,
    reads_history: bool,
) -> list[_Found]:
    """Settle in the event loop that runs; return all unknown ones with evidence.

    Raises:
        JournalError: There is no journal, or it cannot be read or written.
        DeliveryStoreError: The receipts cannot be used.
    """
    deliveries = Deliveries(receipts)
    async with (
        SqliteJournal(path) as journal,
        open_for_questions(connection, deliveries=deliveries) as client,
    ):
        unknowns = [entry async for entry in journal.entries(State.UNKNOWN)]
        known = await _hand_overs(journal, unknowns)
        store = await client.deliveries.open()
        noted = await _find_noted(journal, store, unknowns)
        asks = client if reads_history else None
        found = [
            await _look(
                entry,
                store,
                asks,
                known[person_of(entry.recipient_phone)],
                is_noted=entry.handed_over_at in noted,
            )
            for entry in unknowns
        ]
        keys = [f.entry.key for f in found if f.evidence.verdict in wanted]
        if keys:
            await journal.resolve(keys, state=State.ACCEPTED)
    return found


async def _hand_overs(
    journal: SqliteJournal, unknowns: Sequence[Entry]
) -> Mapping[str, list[Handover]]:
    """Return what the journal knows to have been handed over to those people."""
    known: dict[str, list[Handover]] = {
        person_of(entry.recipient_phone): [] for entry in unknowns
    }
    async for entry in journal.entries(State.ACCEPTED, State.UNKNOWN):
        person = person_of(entry.recipient_phone)
        case = _case(entry)
        if person in known and case is not None:
            known[person].append(
                Handover(
                    sender_id=case.sender_id,
                    person=person,
                    digest=case.digest,
                    handed_over_at=case.handed_over_at,
                    whatsapp_message_id=entry.whatsapp_message_id,
                    is_accepted=entry.state is State.ACCEPTED,
                )
            )
    return known


async def _find_noted(
    journal: SqliteJournal, store: DeliveryStore, unknowns: Sequence[Entry]
) -> Collection[datetime]:
    """Return when those left about which the campaign noted others in the store."""
    waiting = sorted({e.handed_over_at for e in unknowns if e.handed_over_at})
    found: set[datetime] = set()
    async for at in _noted(journal, store):
        begin, end = bisect_left(waiting, at - AFTER), bisect_right(waiting, at + AFTER)
        found.update(waiting[begin:end])
        del waiting[begin:end]
    return found


async def _noted(
    journal: SqliteJournal, store: DeliveryStore
) -> AsyncIterator[datetime]:
    """Yield when accepted messages left that the store knows as ours."""
    some: dict[int, datetime] = {}
    async for entry in journal.entries(State.ACCEPTED):
        number, at = entry.whatsapp_message_id, entry.handed_over_at
        if number is not None and at is not None:
            some[number] = at
        if len(some) == _PIECE:
            for carried in await store.carried(some):
                yield some[carried]
            some.clear()
    for carried in await store.carried(some):
        yield some[carried]


async def _look(
    entry: Entry,
    store: DeliveryStore,
    asks: AutocallsClient | None,
    known: Sequence[Handover],
    *,
    is_noted: bool,
) -> _Found:
    case = _case(entry)
    if case is None:
        reasons = ("the journal does not say when it left, or from which sender",)
        return _Found(entry, Evidence(verdict=Proof.NONE, reasons=reasons))
    entries = [send for send in known if send.sender_id == case.sender_id]
    evidence = await find_evidence(
        case, store=store, asks=asks, entries=entries, is_noted=is_noted
    )
    return _Found(entry, evidence)


def _case(entry: Entry) -> Case | None:
    try:
        message = from_content(entry.content)
    except ValueError:
        return None
    if message.sender_id is None or entry.handed_over_at is None:
        return None
    is_text = isinstance(message, FreeformMessage) and not entry.fell_back
    text = message.message if isinstance(message, FreeformMessage) else ""
    return Case(
        sender_id=message.sender_id,
        phone=entry.recipient_phone,
        digest=fold_text(text) if is_text else None,
        handed_over_at=entry.handed_over_at,
    )


def _show(found: Sequence[_Found], wanted: set[Proof], screen: Screen) -> None:
    counts = Counter(one.evidence.verdict for one in found)
    taken = sum(counts[verdict] for verdict in wanted)
    if screen.as_json:
        screen.emit(
            {
                "unknown": len(found),
                "verdicts": {verdict.value: counts[verdict] for verdict in Proof},
                "resolved": taken,
                "evidence": [
                    {"key": one.entry.key} | one.evidence.to_dict() for one in found
                ],
            }
        )
    elif found:
        table = make_table("Evidence", ("recipient", "verdict", "why", "key"))
        for one in found[:_MOST_SHOWN]:
            table.add_row(
                mask_phone(one.entry.recipient_phone),
                one.evidence.verdict.value,
                "; ".join(one.evidence.reasons),
                show_key(one.entry.key)[1:-1],
            )
        screen.show(table)
    screen.say(f"{count(taken, 'unknown message')} taken as accepted")
    if (left := counts[Proof.LIKELY]) and Proof.LIKELY not in wanted:
        screen.say(f"{left:,} more likely arrived: --take likely takes those too")
