"""What became of a message after it was accepted, as the service's webhooks tell.

A name is imported where it is first used: few programs have all of this.
"""

from typing import TYPE_CHECKING

from autocalls_async.model.later import find_later

if TYPE_CHECKING:
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

_HOMES = {
    "covers": "aiohttp_routes django_urls starlette_routes",
    "handlers.chat": "Chat",
    "hooks": "Answer Unfinished Webhooks",
    "receiving.events": """
        ConversationEnded Event InboundMessage MessageStatus OtherEvent
        TranscriptEntry WebhookError
    """,
    "receiving.receiver": "Receiver",
    "stores.errors": "DeliveryStoreError",
    "stores.memory": "MemoryDeliveries",
    "stores.protocol": "DeliveryStore",
    "stores.sqlite": "SqliteDeliveries",
}

if not TYPE_CHECKING:  # a checker shall find a name that is misspelt
    __getattr__ = find_later(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
