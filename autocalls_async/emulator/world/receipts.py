"""Receipts: how far a message's delivery is, and what the service tells of it.

Pure: no I/O, no clock, no asyncio. Fields and steps are those of the API
reference, "Read-receipts webhook", read 2026-11-26.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.conversations import ASSISTANT_ID
from autocalls_async.emulator.state import Conversation, Sender
from autocalls_async.emulator.world.history import Message

SIGNATURE = "X-Signature-256"

STATUSES = ("queued", "sent", "delivered", "read", "failed", "undelivered")
FAILED = frozenset({"failed", "undelivered"})
_NEXT: Mapping[str | None, frozenset[str]] = {
    "queued": frozenset({"sent", "delivered", "read"}) | FAILED,
    "sent": frozenset({"delivered", "read"}) | FAILED,
    "delivered": frozenset({"read"}),
}

# What a failure is told as where nothing else was asked for.
FAILURE = (131026, "Message undeliverable")


class ReceiptSteps(StrEnum):
    """Which steps a message's delivery takes by itself."""

    AUTO = "auto"
    """Sent, delivered, and read once its thread is open in the page."""

    DELIVERED = "delivered"
    """Sent and delivered."""

    MANUAL = "manual"
    """None: only those that somebody asks for."""

    @property
    def steps(self) -> tuple[tuple[float, str], ...]:
        """The seconds after which a message gets a status."""
        if self is ReceiptSteps.MANUAL:
            return ()
        return (0.2, "sent"), (1.0, "delivered")


def may_become(old: str | None, new: str) -> bool:
    """Whether the service would tell of a new status: only of steps forward."""
    return new in _NEXT.get(old, frozenset())


def receipt(
    message: Message, *, sender: Sender, conversation: Conversation | None, at: datetime
) -> JsonObject:
    """Return the body that tells of a message's status."""
    number = message.whatsapp_message_id or 0
    return {
        "event": "message_status",
        "whatsapp_message_id": number,
        "message_sid": f"SM{number - 889:032x}",
        "meta_message_id": None,
        "conversation_id": None if conversation is None else conversation.uuid,
        "assistant_id": ASSISTANT_ID,
        "sender": {
            "id": sender.id,
            "phone_number": sender.phone_number,
            "display_name": sender.display_name,
        },
        "to": message.phone,
        "from": sender.phone_number,
        "direction": "outbound",
        "status": message.status,
        "error_code": message.error_code,
        "error_message": message.error_message,
        "error_description": message.error_message,
        "timestamp": at.isoformat(timespec="seconds"),
        "provider_timestamp": None,
    }


def sign(raw: bytes, secret: str) -> str:
    """Return the header's value for a body, as the reference has it."""
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return f"sha256={digest}"
