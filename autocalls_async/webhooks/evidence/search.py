"""Evidence is looked for: in the store of receipts, and in the conversation."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

from autocalls_async.clock import utc_now
from autocalls_async.model.errors import AutocallsError
from autocalls_async.model.listings import Conversation, HistoryEntry, Sender
from autocalls_async.webhooks.evidence.evidence import (
    AFTER,
    BEFORE,
    Case,
    Evidence,
    Knowledge,
    fold_text,
    merge,
    weigh,
)
from autocalls_async.webhooks.stores.protocol import (
    DeliveryStore,
    Handover,
    Receipt,
)

_OURS = "assistant"
"""The role of what was written from a sender's side, by whomever."""


class Histories(Protocol):
    """What can be asked about conversations."""

    def list(
        self, *, phone: str | None = None, sender_phone: str | None = None
    ) -> AsyncIterator[Conversation]:
        """Yield conversations."""

    async def history(self, conversation_id: str) -> tuple[HistoryEntry, ...]:
        """Return what was said in one."""


class Asks(Protocol):
    """Who can ask the service: a client."""

    @property
    def conversations(self) -> Histories:
        """What can be asked about conversations."""

    async def senders(self, *, include_offline: bool = False) -> tuple[Sender, ...]:
        """List the account's senders."""


async def find_evidence(
    case: Case,
    *,
    store: DeliveryStore,
    asks: Asks | None,
    entries: Iterable[Handover] = (),
    is_noted: bool = True,
) -> Evidence:
    """Return how good the evidence is that a message arrived.

    Args:
        case: The message in question.
        store: Of receipts.
        asks: Reads the conversation; `None` leaves it unread.
        entries: What a journal knows to have been handed over to this person.
        is_noted: Who sent it notes its hand-overs in the store.

    Raises:
        DeliveryStoreError: The store cannot be used.
    """
    noted = await store.noted(sender_id=case.sender_id, person=case.person)
    sends = merge(noted, entries)
    since, until = case.handed_over_at - BEFORE, case.handed_over_at + AFTER
    is_over = utc_now() >= until
    known = Knowledge(
        sends=sends,
        history=None if asks is None else await _read_history(case, asks),
        strays=await _find_strays(case, store, sends),
        was_up=is_over and await store.was_up(since, until),
        is_noted=is_noted,
    )
    return weigh(case, known)


async def _find_strays(
    case: Case, store: DeliveryStore, sends: Sequence[Handover]
) -> Sequence[Receipt]:
    found = await store.arrivals(
        sender_id=case.sender_id,
        person=case.person,
        since=case.handed_over_at - BEFORE,
        until=case.handed_over_at + AFTER,
    )
    ids = [receipt.whatsapp_message_id for receipt in found]
    carried = {*await store.carried(ids), *(s.whatsapp_message_id for s in sends)}
    return [r for r in found if r.whatsapp_message_id not in carried]


async def _read_history(case: Case, asks: Asks) -> Sequence[str] | None:
    """Return digests of what was written from our side; `None` if that is not told."""
    if case.digest is None:
        return None
    try:
        senders = await asks.senders(include_offline=True)
        numbers = [s.phone_number for s in senders if s.id == case.sender_id]
        if not numbers or numbers[0] is None:
            return None
        rows = [
            row
            async for row in asks.conversations.list(
                phone=case.phone, sender_phone=numbers[0]
            )
        ]
        if len(rows) != 1:  # several cannot be put in order
            return None
        history = await asks.conversations.history(rows[0].id)
    except AutocallsError:
        return None
    return [fold_text(e.content or "") for e in history if e.role == _OURS]
