"""What came after a message was accepted, for any thread."""

import builtins
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from autocalls_async.client.client import AutocallsClient
from autocalls_async.model.listings import Conversation, HistoryEntry
from autocalls_async.model.values.naming import show_in
from autocalls_async.webhooks.deliveries import Delivery, Sent
from autocalls_async.webhooks.evidence.evidence import Evidence, Lost

T = TypeVar("T")


class Runs(Protocol):
    """Whoever can run a step with a client, and wait for it."""

    def run(self, step: Callable[[AutocallsClient], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the client's loop."""


class BlockingConversations:
    """What the service knows of conversations: see `AutocallsClient.conversations`."""

    def __init__(self, client: Runs) -> None:
        self._client = client

    def list(
        self, *, phone: str | None = None, sender_phone: str | None = None
    ) -> builtins.list[Conversation]:  # from 3.14 on `list` is this method here
        """Return the WhatsApp conversations: all, one person's, or one sender's."""

        async def take(client: AutocallsClient) -> list[Conversation]:
            found = client.conversations.list(phone=phone, sender_phone=sender_phone)
            return [row async for row in found]

        return self._client.run(take)

    def history(self, conversation_id: str) -> tuple[HistoryEntry, ...]:
        """Return what was said in a conversation, in its order."""
        return self._client.run(lambda c: c.conversations.history(conversation_id))

    def disable_ai(self, conversation_id: str) -> None:
        """Keep the sender's own assistant from answering in a conversation."""
        self._client.run(lambda c: c.conversations.disable_ai(conversation_id))

    def enable_ai(self, conversation_id: str) -> None:
        """Let the sender's own assistant answer in a conversation again."""
        self._client.run(lambda c: c.conversations.enable_ai(conversation_id))


class BlockingDeliveries:
    """What became of accepted messages: see `AutocallsClient.deliveries`."""

    def __init__(self, client: Runs) -> None:
        self._client = client

    def get(self, sent: Sent) -> Delivery | None:
        """Return where a message stands now; `None` where no receipt has come."""
        return self._client.run(lambda c: c.deliveries.get(sent))

    def wait(
        self, sent: Sent, *, until: str = "delivered", timeout: float | None = None
    ) -> Delivery:
        """Wait until a message has come so far, or has failed."""
        return self._client.run(
            lambda c: c.deliveries.wait(sent, until=until, timeout=timeout)
        )

    def evidence(self, unknown: Lost) -> Evidence:
        """Find out whether a message arrived whose outcome is unknown."""
        return self._client.run(lambda c: c.deliveries.evidence(unknown))


show_in(
    "autocalls_async.blocking",
    *("BlockingConversations", "BlockingDeliveries"),
    of=globals(),
)
