"""Events as a store keeps them: what a repeat is known by, and whose they are.

Pure: no I/O, no clock, no asyncio.
"""

from datetime import datetime
from hashlib import blake2b

from autocalls_async.journal.entry import clean
from autocalls_async.model.checks import is_e164
from autocalls_async.model.persons import person_of
from autocalls_async.webhooks.receiving.events import (
    ConversationEnded,
    InboundMessage,
    MessageStatus,
)
from autocalls_async.webhooks.stores.protocol import Arrival, Receipt, Task

_MOST_STATUS = 64
"""Characters of a status; one that is longer is cut."""


def status_arrival(event: MessageStatus, raw: bytes, *, at: datetime) -> Arrival:
    """Return what a store keeps of a receipt."""
    phone = event.recipient_phone
    receipt = Receipt(
        whatsapp_message_id=event.whatsapp_message_id,
        status=clean(event.status[:_MOST_STATUS]) or "",
        sender_id=event.sender_id,
        person=person_of(phone) if is_e164(phone) else "",
        at=event.at,
        error_code=event.error_code,
        received_at=at,
    )
    return Arrival(task=Task.STATUS, key=None, raw=raw, receipt=receipt)


def ended_arrival(event: ConversationEnded, raw: bytes) -> Arrival:
    """Return what a store keeps of a conversation's end."""
    key = _key("ended", event.id, event.conversation_id, event.ended_at)
    return Arrival(task=Task.ENDED, key=key, raw=raw)


def message_arrival(event: InboundMessage, raw: bytes) -> Arrival:
    """Return what a store keeps of an inbound message."""
    person = person_of(event.phone)
    if event.message_id is not None:
        key = _key("message", person, event.message_id)
    elif event.at is not None:
        key = _key("message", person, event.sender_id, event.at, event.text)
    else:
        key = None  # "yes" may be said twice
    return Arrival(task=Task.MESSAGE, key=key, raw=raw, person=person)


def _key(*facts: object) -> str:
    """Return what is the same for a repeat, and shows nothing."""
    shown = repr(facts).encode("utf-8", "backslashreplace")
    return blake2b(shown, digest_size=16).hexdigest()
