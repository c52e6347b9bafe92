"""A receiver of webhooks for programs that block: Flask, Django under WSGI.

It lives in the event loop of its client's thread. Handlers are plain functions, each
called in another thread of that loop's pool: none delays an answer.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from inspect import iscoroutinefunction
from typing import Any, Protocol, Self, TypeAlias, TypeVar

from autocalls_async.blocking.client import BlockingClient
from autocalls_async.client.client import AutocallsClient
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.checks import show_kind
from autocalls_async.model.outcomes import Outcome
from autocalls_async.model.values.naming import show_in
from autocalls_async.webhooks.handlers.chat import Chat
from autocalls_async.webhooks.hooks import Answer, Unfinished, Webhooks
from autocalls_async.webhooks.receiving.events import (
    ConversationEnded,
    InboundMessage,
    MessageStatus,
)
from autocalls_async.webhooks.receiving.receiver import Receiver
from autocalls_async.webhooks.receiving.signatures import Headers

T = TypeVar("T")
OnStatus: TypeAlias = Callable[[MessageStatus], object]
OnEnded: TypeAlias = Callable[[ConversationEnded], object]
OnMessage: TypeAlias = Callable[[InboundMessage, "BlockingChat"], object]


class Wraps(Protocol):
    """Whoever lives in the client's loop."""

    async def __call__(self, *arguments: Any) -> object:  # noqa: ANN401  # a handler's
        """Call a handler in a thread."""


class BlockingChat:
    """One person who has written, and how to answer: a `Chat` for any thread.

    Attributes:
        phone: Their number, in E.164.
    """

    def __init__(self, chat: Chat, loop: asyncio.AbstractEventLoop) -> None:
        self.phone: str = chat.phone
        self._chat = chat
        self._loop = loop

    def __repr__(self) -> str:
        return repr(self._chat).replace("Chat", "BlockingChat", 1)

    def send(self, text: str) -> SentMessage:
        """Send free text, as `BlockingClient.send_freeform()` does."""
        return self._wait(self._chat.send(text))

    def send_long(self, text: str) -> tuple[Outcome, ...]:
        """Send a text of any length in parts, as `Chat.send_long()` does."""
        return self._wait(self._chat.send_long(text))

    def _wait(self, step: Coroutine[Any, Any, T]) -> T:
        try:
            sending = asyncio.run_coroutine_threadsafe(step, self._loop)
        except RuntimeError:  # the loop has ended
            step.close()
            msg = "the client is closed: nothing was sent"
            raise RuntimeError(msg) from None
        return sending.result()


class BlockingWebhooks:
    """`Webhooks` for programs without an event loop.

    ```python
    client = BlockingClient.from_env(deliveries=Deliveries("receipts.db"))
    hooks = BlockingWebhooks(Receiver.from_env(), client)


    @hooks.on_status("failed", "undelivered")
    def failed(event: MessageStatus) -> None: ...


    urlpatterns = [*django_urls(hooks)]  # Django, under WSGI and ASGI
    ```

    What `Webhooks` says of its routes, its answers and how often a handler runs holds
    here too. Nothing is opened before the first webhook, or `start()`; it ends with
    its client. A handler that never returns keeps the process from ending.

    Args:
        receiver: Knows the senders' secrets.
        client: Handlers answer with it, and its `deliveries` keep what comes.
        inbound_token: As of `Webhooks`.
        fields: As of `Webhooks`.
        prefix: Of the routes.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        receiver: Receiver,
        client: BlockingClient,
        *,
        inbound_token: str | None = None,
        fields: Mapping[str, str] | None = None,
        prefix: str = "/hooks",
    ) -> None:
        _check_client(client)
        self._client = client
        self._hooks = Webhooks(
            receiver,
            client.unblocked,
            inbound_token=inbound_token,
            fields=fields,
            prefix=prefix,
        )

    def __repr__(self) -> str:
        return f"<Blocking{repr(self._hooks)[1:]}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def prefix(self) -> str:
        """Of the routes, without a slash at its end."""
        return self._hooks.prefix

    def on_status(self, *statuses: str) -> Callable[[OnStatus], OnStatus]:
        """Have a function see receipts: of these statuses, or all."""
        add = self._hooks.on_status(*statuses)

        def take(handler: OnStatus) -> OnStatus:
            add(_in_thread(handler))
            return handler

        return take

    def on_test(self, handler: OnStatus) -> OnStatus:
        """Have a function see what the panel's test button sends."""
        self._hooks.on_test(_in_thread(handler))
        return handler

    def on_ended(self, handler: OnEnded) -> OnEnded:
        """Have a function see each conversation that ends."""
        self._hooks.on_ended(_in_thread(handler))
        return handler

    def on_message(self, handler: OnMessage) -> OnMessage:
        """Have a function answer inbound messages, each at most once."""
        call = _in_thread(handler)

        async def answer(event: InboundMessage, chat: Chat) -> None:
            await call(event, BlockingChat(chat, asyncio.get_running_loop()))

        self._hooks.on_message(answer)
        return handler

    def start(self) -> None:
        """Begin, and go on with what was left when this receiver last ended.

        Raises:
            DeliveryStoreError: The store cannot be used.
        """
        self._run(self._hooks.start)

    def close(self, *, drain_timeout: float = 30.0) -> None:
        """Accept nothing more, and wait so many seconds for the handlers."""
        self._run(lambda: self._hooks.aclose(drain_timeout=drain_timeout))

    def most_bytes(self, path: str) -> int:
        """Return how much of a body may matter: a longer one is answered with 413."""
        return self._hooks.most_bytes(path)

    def handle(self, path: str, headers: Headers, raw: bytes) -> Answer:
        """Handle one webhook, and return what to answer; see `Webhooks.handle()`."""
        return self._run(lambda: self._hooks.handle(path, headers, raw))

    def unfinished(self) -> list[Unfinished]:
        """Return the messages whose handlers were cut off, such as by a kill."""
        return self._run(self._hooks.unfinished)

    def forget(self, unfinished: Unfinished) -> None:
        """Remove one from the list of those that were cut off: it was seen to."""
        self._run(lambda: self._hooks.forget(unfinished))

    def _run(self, step: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async def work(_: AutocallsClient) -> T:
            return await step()

        return self._client.run(work)


def _check_client(client: object) -> None:
    if not isinstance(client, BlockingClient):
        msg = f"client must be a BlockingClient; got {show_kind(client)}"
        raise ValueError(msg)


def _in_thread(handler: object) -> Wraps:
    call = getattr(handler, "__call__", None)  # noqa: B004  # of an object that has one
    is_coroutine = iscoroutinefunction(handler) or iscoroutinefunction(call)
    if not callable(handler) or is_coroutine:
        msg = f"a handler here must be a plain function (def); got {show_kind(handler)}"
        raise ValueError(msg)

    async def run(*arguments: Any) -> object:  # noqa: ANN401  # a handler's
        return await asyncio.to_thread(handler, *arguments)

    return run


show_in("autocalls_async.blocking", "BlockingChat", "BlockingWebhooks", of=globals())
