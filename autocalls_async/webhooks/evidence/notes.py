"""What was handed over is noted: receipts and histories are held against it later."""

import asyncio
import logging

from autocalls_async.engine.shipment import Shipment
from autocalls_async.model.outcomes import Accepted, Outcome, Unknown
from autocalls_async.model.persons import person_of
from autocalls_async.webhooks.evidence.evidence import fold_text
from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.protocol import DeliveryStore, Handover

log: logging.Logger = logging.getLogger("autocalls_async.webhooks")

NOTE_SECONDS = 0.5
"""So soon what was sent is noted, many at once."""

MOST_NOTES = 10_000
"""Kept in memory where the store is away."""


class Notes:
    """Brings notes of what was accepted, or may have been, into a store."""

    def __init__(self, store: DeliveryStore) -> None:
        self._store = store
        self._notes: list[Handover] = []
        self._keeping: asyncio.Task[None] | None = None

    def note_end(self, shipment: Shipment, outcome: Outcome) -> None:
        """Note how a message ended; it is kept soon."""
        note = _note(shipment, outcome)
        if note is None:
            return
        self._notes.append(note)
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())

    async def flush(self) -> None:
        """Keep all notes now.

        Raises:
            DeliveryStoreError: They could not be kept; they are tried again.
        """
        notes, self._notes = self._notes, []
        try:
            await self._store.open()
            await self._store.note(notes)
        except BaseException:
            self._notes = [*notes, *self._notes][-MOST_NOTES:]
            raise

    async def aclose(self) -> None:
        """Keep what is left."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        if self._notes:
            await self._flush_or_tell()

    async def _keep(self) -> None:
        await asyncio.sleep(NOTE_SECONDS)
        await self._flush_or_tell()

    async def _flush_or_tell(self) -> None:
        try:
            await self.flush()
        except DeliveryStoreError as error:
            log.warning("what was sent could not be noted: %s", error)


def _note(shipment: Shipment, outcome: Outcome) -> Handover | None:
    at, text = shipment.handed_over_at, shipment.text
    if at is None or not isinstance(outcome, Accepted | Unknown):
        return None
    is_accepted = isinstance(outcome, Accepted)
    return Handover(
        sender_id=shipment.sender_id,
        person=person_of(shipment.recipient_phone),
        digest=None if text is None else fold_text(text),
        handed_over_at=at,
        whatsapp_message_id=outcome.sent.whatsapp_message_id
        if isinstance(outcome, Accepted)
        else None,
        is_accepted=is_accepted,
    )
