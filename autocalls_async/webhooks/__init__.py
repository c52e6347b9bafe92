"""What became of a message after it was accepted, as the service's webhooks tell."""

from autocalls_async.webhooks.covers import (
    aiohttp_routes,
    django_urls,
    starlette_routes,
)
from autocalls_async.webhooks.handlers.chat import Chat
from autocalls_async.webhooks.hooks import Answer, Unfinished, Webhooks
from autocalls_async.webhooks.receiving.events import (
    ConversationEnded,
    Event,
    InboundMessage,
    MessageStatus,
    OtherEvent,
    TranscriptEntry,
    WebhookError,
)
from autocalls_async.webhooks.receiving.receiver import Receiver
from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.memory import MemoryDeliveries
from autocalls_async.webhooks.stores.protocol import DeliveryStore
from autocalls_async.webhooks.stores.sqlite import SqliteDeliveries

__all__ = [
    "Answer",
    "Chat",
    "ConversationEnded",
    "DeliveryStore",
    "DeliveryStoreError",
    "Event",
    "InboundMessage",
    "MemoryDeliveries",
    "MessageStatus",
    "OtherEvent",
    "Receiver",
    "SqliteDeliveries",
    "TranscriptEntry",
    "Unfinished",
    "WebhookError",
    "Webhooks",
    "aiohttp_routes",
    "django_urls",
    "starlette_routes",
]
