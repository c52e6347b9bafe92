"""What became of a message after it was accepted, as the service's webhooks tell."""

from autocalls_async.webhooks.events import (
    ConversationEnded,
    Event,
    InboundMessage,
    MessageStatus,
    OtherEvent,
    TranscriptEntry,
    WebhookError,
)
from autocalls_async.webhooks.receiver import Receiver

__all__ = [
    "ConversationEnded",
    "Event",
    "InboundMessage",
    "MessageStatus",
    "OtherEvent",
    "Receiver",
    "TranscriptEntry",
    "WebhookError",
]
