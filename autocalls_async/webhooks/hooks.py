"""All of a receiver, whatever web framework it stands in."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, Self

from attrs import frozen

from autocalls_async.engine.asking.windows import Windows
from autocalls_async.model.checks import check_seconds, show_kind
from autocalls_async.model.values.naming import show_in
from autocalls_async.webhooks.deliveries import Deliveries
from autocalls_async.webhooks.handlers.chat import CanSend, Chat
from autocalls_async.webhooks.handlers.registry import (
    OnEnded,
    OnMessage,
    OnStatus,
    Registry,
    check_handler,
    check_status,
)
from autocalls_async.webhooks.handlers.workshop import Calls, Workshop
from autocalls_async.webhooks.intake import Intake
from autocalls_async.webhooks.receiving.door import Door
from autocalls_async.webhooks.receiving.events import (
    Event,
    InboundMessage,
    WebhookError,
)
from autocalls_async.webhooks.receiving.receiver import (
    RETRY_SECONDS,
    Receiver,
)
from autocalls_async.webhooks.receiving.signatures import Headers, find_problem
from autocalls_async.webhooks.stores.errors import DeliveryStoreError

log: logging.Logger = logging.getLogger("autocalls_async.webhooks")


class Client(CanSend, Protocol):
    """What of a client is needed."""

    @property
    def windows(self) -> Windows:
        """What it knows of messaging windows."""

    @property
    def deliveries(self) -> Deliveries:
        """What became of its messages."""


class Answer(NamedTuple):
    """What to answer to a webhook.

    Attributes:
        status: Of the answer.
        body: Its text, for people.
    """

    status: int
    body: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers to send with it."""
        if self.status in {429, 503}:
            return {"Retry-After": str(RETRY_SECONDS)}
        return {}


_TAKEN = Answer(204, "")


@frozen(kw_only=True)
class Unfinished:
    """An inbound message whose handler was cut off: it may have answered, or not.

    Attributes:
        number: The store's, for `Webhooks.forget()`.
        message: What came.
    """

    number: int
    message: InboundMessage


class Webhooks:
    """Takes webhooks in, keeps them, answers, and then runs the handlers.

    The routes are `/hooks/receipts`, and with an `inbound_token` `/hooks/inbound`,
    which wants it as `Authorization: Bearer TOKEN`, and `/hooks/ended/TOKEN`, since the
    service does not sign that one.

    `aiohttp_routes()`, `starlette_routes()` and `django_urls()` put it into a web
    framework; `handle()` is all that another needs. Its work begins with `async with`,
    with `start()`, or with the first webhook, and ends before its client closes.

    A bot on a sender whose own assistant is on answers everybody twice: see
    `client.conversations.disable_ai()`.

    Args:
        receiver: Knows the senders' secrets.
        client: Handlers answer with it, and its `deliveries` keep what comes. Without
            one, give `deliveries`.
        deliveries: Where to keep what comes; `None` means the client's.
        inbound_token: What inbound and conversation-ended webhooks are known by:
            letters, digits and `._~-`, such as `secrets.token_urlsafe()` makes. The
            routes' tokens stand in the logs of web servers: keep those to yourself.
        fields: What your flow calls the fields of an `InboundMessage`, where it is
            none of the common names, such as `{"phone": "who"}`.
        prefix: Of the routes.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(  # each is a setting with a default
        self,
        receiver: Receiver,
        client: Client | None = None,
        *,
        deliveries: Deliveries | None = None,
        inbound_token: str | None = None,
        fields: Mapping[str, str] | None = None,
        prefix: str = "/hooks",
    ) -> None:
        self._door = Door(prefix, inbound_token)
        del inbound_token  # tracers show a failed frame's variables
        _check_is("receiver", receiver, Receiver)
        found = _deliveries_of(client, deliveries)
        self._client = client
        self._deliveries = found
        self._intake = Intake(
            self._door,
            receiver,
            found,
            fields={} if fields is None else fields,
            workshop=self._opened,
            calls=self._calls,
            note_inbound=self._note_inbound,
        )
        self._registry = Registry()
        self._workshop: Workshop | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = asyncio.Lock()
        self._is_closed = False
        found.add_receiver(self)

    def __repr__(self) -> str:
        return f"<Webhooks at {self._door.prefix}>"

    @property
    def prefix(self) -> str:
        """Of the routes, without a slash at its end."""
        return self._door.prefix

    @property
    def has_begun(self) -> bool:
        """Whether it is at work, in the event loop where it began."""
        return self._loop is not None

    # Handlers

    def on_status(self, *statuses: str) -> Callable[[OnStatus], OnStatus]:
        """Have a coroutine function see receipts: of these statuses, or all.

        It runs at least once for each status of each message: again after a crash, and
        three times more where it raises.
        """
        for status in statuses:
            check_status(status)

        def add(handler: OnStatus) -> OnStatus:
            wanted = frozenset(statuses)
            self._registry.statuses.append((wanted, check_handler(handler)))
            return handler

        return add

    def on_test(self, handler: OnStatus) -> OnStatus:
        """Have a coroutine function see what the panel's test button sends."""
        self._registry.tests.append(check_handler(handler))
        return handler

    def on_ended(self, handler: OnEnded) -> OnEnded:
        """Have a coroutine function see each conversation that ends, as `on_status`."""
        self._registry.ended.append(check_handler(handler))
        return handler

    def on_message(self, handler: OnMessage) -> OnMessage:
        """Have a coroutine function answer inbound messages.

        It runs at most once for each: that it begins is noted before, and one that
        fails or is cut off is not run again, or people would be answered twice;
        `unfinished()` lists those that were cut off. One person's messages are handled
        one after another, each known to have opened the messaging window.

        Raises:
            ValueError: There is no client to answer with.
        """
        if self._client is None:
            msg = "a message's handler answers with a client: give one to Webhooks"
            raise ValueError(msg)
        self._registry.messages.append(check_handler(handler))
        return handler

    # Its life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Begin, and go on with what was left when this receiver last ended.

        Raises:
            DeliveryStoreError: The store cannot be used.
        """
        await self._opened()

    async def aclose(self, *, drain_timeout: float = 30.0) -> None:
        """Accept nothing more, and wait for the handlers; cut them off after a time.

        Args:
            drain_timeout: In seconds.
        """
        check_seconds("drain_timeout", drain_timeout, may_be_zero=True)
        self._is_closed = True
        async with self._starting:
            workshop, self._workshop = self._workshop, None
        if workshop is not None:
            await workshop.aclose(drain_timeout=drain_timeout)

    async def unfinished(self) -> list[Unfinished]:
        """Return the messages whose handlers were cut off, such as by a kill.

        Raises:
            DeliveryStoreError: The store cannot be used.
        """
        found = [
            (work.number, self._intake.read(work))
            for work in await (await self._opened()).unfinished()
        ]
        return [
            Unfinished(number=number, message=event)
            for number, event in found
            if isinstance(event, InboundMessage)
        ]

    async def forget(self, unfinished: Unfinished) -> None:
        """Remove one from the list of those that were cut off: it was seen to.

        Raises:
            DeliveryStoreError: The store cannot be used.
        """
        store = await self._deliveries.open()
        await store.finish(unfinished.number)

    # Taking in

    def most_bytes(self, path: str) -> int:
        """Return how much of a body may matter: a longer one is answered with 413."""
        return self._door.most_bytes(path)

    async def handle(self, path: str, headers: Headers, raw: bytes) -> Answer:
        """Handle one webhook, and return what to answer; a handler never delays it.

        Once it has begun, this may be awaited in any event loop: the work is done in
        the one where it began, where its client is at home.

        Args:
            path: Of the request, such as `/hooks/receipts`.
            headers: All of them, with names in any case.
            raw: The body as it came.

        Raises:
            ValueError: A program gives what is no body, or no headers.
        """
        if problem := find_problem(raw, headers):
            del raw, headers  # tracers show a failed frame's variables
            raise ValueError(problem)
        _check_is("path", path, str)
        raw = bytes(raw)  # whatever holds them
        if self._loop in {None, asyncio.get_running_loop()}:
            return await self._handle(path, headers, raw)
        if not self._loop.is_running():
            log.error("a webhook came, but the event loop of its receiver has ended")
            return Answer(503, "this receiver's event loop has ended")
        work = self._handle(path, headers, raw)
        at_home = asyncio.run_coroutine_threadsafe(work, self._loop)
        return await asyncio.wrap_future(at_home)

    async def _handle(self, path: str, headers: Headers, raw: bytes) -> Answer:
        try:
            self._check_open()
            await self._intake.take(path, headers, raw)
        except WebhookError as error:
            self._door.tell(path, error)
            return Answer(error.status, error.reason)
        except DeliveryStoreError as error:
            log.warning("a webhook was not kept: %s", error)
            return Answer(503, "what comes cannot be kept just now")
        return _TAKEN

    def _check_open(self) -> None:
        if self._is_closed:
            raise WebhookError(503, "this receiver is closed")

    def _note_inbound(self, event: InboundMessage) -> None:
        if self._client is None:
            return
        try:
            self._client.windows.note_inbound(
                event.phone, sender_id=event.sender_id, at=event.at
            )
        except ValueError:
            reason = "there is no sender_id, neither here nor the client's"
            raise WebhookError(422, reason) from None

    async def _opened(self) -> Workshop:
        async with self._starting:
            if self._workshop is None:
                store = await self._deliveries.open()
                workshop = Workshop(
                    store, self._registry, read=self._intake.read, calls=self._calls
                )
                await workshop.open()
                self._workshop, self._loop = workshop, asyncio.get_running_loop()
            return self._workshop

    def _calls(self, event: Event) -> Calls:
        return self._registry.calls(event, self._chat)

    def _chat(self, event: InboundMessage) -> Chat:
        assert self._client is not None  # noqa: S101  # no handler without one
        return Chat(self._client, event.phone, event.sender_id)


def _check_is(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        msg = f"{name} must be of type {kind.__name__}; got {show_kind(value)}"
        raise ValueError(msg)


def _deliveries_of(client: Client | None, given: Deliveries | None) -> Deliveries:
    """Return where to keep what comes.

    Raises:
        ValueError: There is nowhere, or it is not where the client looks.
    """
    if client is not None and not hasattr(client, "deliveries"):
        msg = f"client must be an AutocallsClient; got {show_kind(client)}"
        raise ValueError(msg)
    own = None if client is None else client.deliveries
    found = own if given is None else given
    if found is None:
        msg = "there is nowhere to keep what comes: give a client, or deliveries"
        raise ValueError(msg)
    _check_is("deliveries", found, Deliveries)
    if own is not None and found is not own:
        msg = "the client looks into deliveries of its own: give them to the client"
        raise ValueError(msg)
    return found


show_in("autocalls_async.webhooks", "Answer", "Unfinished", "Webhooks", of=globals())
