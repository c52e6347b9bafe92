"""What became of messages after they were accepted."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from os import PathLike
from typing import Protocol, TypeAlias
from weakref import ref

from attrs import frozen

from autocalls_async.model.answers import SentMessage
from autocalls_async.model.checks import check_seconds, choose, show_kind
from autocalls_async.model.outcomes import Accepted
from autocalls_async.model.values.masking import show_code
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain
from autocalls_async.webhooks.evidence.evidence import Evidence, Lost, read_case
from autocalls_async.webhooks.evidence.notes import Notes
from autocalls_async.webhooks.evidence.search import Asks, find_evidence
from autocalls_async.webhooks.statuses import FAILED, Until, is_over
from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.memory import MemoryDeliveries
from autocalls_async.webhooks.stores.protocol import (
    DeliveryStore,
    Receipt,
)
from autocalls_async.webhooks.stores.sqlite import SqliteDeliveries

Sent: TypeAlias = SentMessage | Accepted | int
"""A message that was accepted, or its `whatsapp_message_id`."""


DRAIN_SECONDS = 30.0
"""For handlers, where nobody says otherwise."""


class Closing(Protocol):
    """Whoever takes receipts in."""

    async def aclose(self, *, drain_timeout: float) -> None:
        """Accept nothing more, and wait for the handlers."""


@frozen(kw_only=True)
class Delivery(Plain):
    """Where a message stands at its recipient's.

    Attributes:
        status: `sent`, `delivered`, `read`, `failed`, `undelivered`, or one that the
            service has added.
        failed: It did not arrive, as far as is known.
        error_code: The carrier's, of a failure.
        at: When it became so, as the service says.
    """

    whatsapp_message_id: int
    status: str
    failed: bool
    error_code: int | None = None
    at: datetime | None = None


class Deliveries:
    """What receipts tell of the messages of an account.

    Something has to take the receipts in: a `Webhooks` of this process, or another
    process with the same file. It is used in one event loop.

    Args:
        store: The file to keep receipts in, or a store; `None` keeps those of the last
            24 hours in memory.

    Raises:
        ValueError: That is no store.
    """

    def __init__(
        self, store: "str | PathLike[str] | DeliveryStore | None" = None
    ) -> None:
        self.store: DeliveryStore = _store(store)
        self._waiting: dict[int, set[_Watcher]] = {}
        self._watch: asyncio.Task[None] | None = None
        self._has_begun = asyncio.Event()
        self._is_closed = False
        self._receivers: list[Closing] = []
        self._asks: Callable[[], Asks | None] = lambda: None
        self.notes: Notes = Notes(self.store)

    def serve(self, client: Asks) -> None:
        """Belong to a client, which is asked for what the store does not know.

        Raises:
            ValueError: They belong to another client.
        """
        if self._asks() is not None:
            msg = "these deliveries belong to another client; make others with its file"
            raise ValueError(msg)
        self._asks = ref(client)

    def add_receiver(self, receiver: "Closing") -> None:
        """Have a receiver closed before these deliveries, and before their client."""
        self._receivers.append(receiver)

    async def close_receivers(self, *, drain_timeout: float) -> None:
        """Accept nothing more, and wait for the handlers.

        Args:
            drain_timeout: In seconds; after it handlers are cut off.
        """
        for receiver in self._receivers:
            await receiver.aclose(drain_timeout=drain_timeout)

    async def open(self) -> DeliveryStore:
        """Make the store ready; whoever asks does it anyway.

        Raises:
            DeliveryStoreError: It cannot be used.
            RuntimeError: It was closed.
        """
        if self._is_closed:
            msg = "these deliveries are closed; make new ones"
            raise RuntimeError(msg)
        await self.store.open()
        return self.store

    async def aclose(self) -> None:
        """Close its receivers, end all waiting, and close the store.

        A second call does nothing.
        """
        await self.close_receivers(drain_timeout=DRAIN_SECONDS)
        self._is_closed = True
        watch = self._watch
        self._end_watch()
        if watch is not None:
            await asyncio.wait([watch])
        self._wake(list(self._waiting), RuntimeError("the deliveries were closed"))
        await self.notes.aclose()
        await self.store.aclose()

    async def get(self, sent: Sent) -> Delivery | None:
        """Return where a message stands now; `None` where no receipt has come.

        Raises:
            ValueError: No id is known of it: no receipt can be matched.
            DeliveryStoreError: The store cannot be used.
        """
        number = read_message_id(sent)
        store = await self.open()
        return _delivery((await store.standings([number])).get(number))

    async def wait(
        self, sent: Sent, *, until: str = "delivered", timeout: float | None = None
    ) -> Delivery:
        """Wait until a message has come so far, or has failed.

        A receipt that came before the answer to the send counts as well.

        Args:
            sent: The message.
            until: `"sent"`, `"delivered"` or `"read"`. Whoever reads it may have
                switched receipts off: `"read"` needs a `timeout`.
            timeout: In seconds; `None` is without end.

        Raises:
            TimeoutError: It has not, within this time.
            ValueError: An argument breaks its rule, or no id is known of it.
            DeliveryStoreError: The store cannot be used.
        """
        number = read_message_id(sent)
        goal = choose(Until, "until", until)
        if timeout is not None:
            check_seconds("timeout", timeout)
        elif goal is Until.READ:
            msg = "until='read' needs a timeout: not everybody lets senders know"
            raise ValueError(msg)
        store = await self.open()
        try:
            async with asyncio.timeout(timeout):
                return await self._wait(store, number, goal)
        except TimeoutError:
            raise await _too_late(store, number, goal, timeout) from None

    async def evidence(self, unknown: Lost, *, reads_history: bool = True) -> Evidence:
        """Find out whether a message arrived whose outcome is unknown.

        Evidence is the text in the conversation, and a receipt whose id no answer of
        ours carried. Only both together are sure, with receipts taken in for the
        whole time from 5 seconds before the hand-over to 15 minutes after it. That
        nothing is found is no evidence that it was not sent.

        That messages sent by the API stand in the history is this library's
        assumption: no page says so. Where they do not, leave the history unread.

        Args:
            unknown: The outcome, or its error.
            reads_history: Look into the conversation; without it nothing is sure.

        Raises:
            ValueError: It is no unknown outcome.
            DeliveryStoreError: The store cannot be used.
        """
        case = read_case(unknown)
        store = await self.open()
        await self.notes.flush()
        asks = self._asks() if reads_history else None
        return await find_evidence(case, store=store, asks=asks)

    async def others(self) -> list[bytes]:
        """Return the newest bodies that were signed and could not be read.

        Raises:
            DeliveryStoreError: The store cannot be used.
        """
        return await (await self.open()).others()

    async def _wait(self, store: DeliveryStore, number: int, goal: Until) -> Delivery:
        with self._place(number) as place:
            await self._begin_watch(store)
            while True:
                place.news.clear()
                found = _delivery((await store.standings([number])).get(number))
                if found is not None and is_over(found.status, goal):
                    return found
                await place.news.wait()
                if place.error is not None:
                    raise copy(place.error)

    @contextmanager
    def _place(self, number: int) -> Iterator["_Watcher"]:
        place = _Watcher()
        places = self._waiting.setdefault(number, set())
        places.add(place)
        try:
            yield place
        finally:
            places.discard(place)
            if not places and self._waiting.get(number) is places:
                del self._waiting[number]
            if not self._waiting:
                self._end_watch()

    async def _begin_watch(self, store: DeliveryStore) -> None:
        """Watch for news, from now on, as long as anybody waits."""
        if self._watch is None or self._watch.done():
            self._has_begun = asyncio.Event()
            self._watch = asyncio.create_task(self._look(store, self._has_begun))
        await self._has_begun.wait()

    def _end_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()

    async def _look(self, store: DeliveryStore, has_begun: asyncio.Event) -> None:
        try:
            _, cursor = await store.news(None)
            has_begun.set()
            while True:
                await store.wait_for_news()
                ids, cursor = await store.news(cursor)
                self._wake(ids)
        except DeliveryStoreError as error:
            self._wake(list(self._waiting), error)
        finally:
            has_begun.set()

    def _wake(self, ids: Collection[int], error: Exception | None = None) -> None:
        few, many = sorted((ids, self._waiting.keys()), key=len)
        for number in [n for n in few if n in many]:
            for place in self._waiting[number]:
                place.error = error
                place.news.set()


class _Watcher:
    """Where somebody waits for news of a message, or for what keeps news away."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.error: Exception | None = None


def read_message_id(sent: object) -> int:
    """Return the id by which receipts know a message.

    Raises:
        ValueError: None is known.
    """
    if isinstance(sent, Accepted):
        sent = sent.sent
    number = sent.whatsapp_message_id if isinstance(sent, SentMessage) else sent
    if isinstance(number, int) and not isinstance(number, bool):
        return number
    if number is None:
        msg = "this message has no whatsapp_message_id: no receipt can be matched"
        raise ValueError(msg)
    msg = (
        f"a sent message, or its whatsapp_message_id, is needed; got {show_kind(sent)}"
    )
    raise ValueError(msg)


def _store(given: "str | PathLike[str] | DeliveryStore | None") -> DeliveryStore:
    if given is None:
        return MemoryDeliveries()
    if isinstance(given, str | PathLike):
        if not str(given):
            msg = "store must be a file's path, and not empty"
            raise ValueError(msg)
        return SqliteDeliveries(given)
    if not hasattr(given, "standings"):
        msg = f"store must be a file's path or a store; got {show_kind(given)}"
        raise ValueError(msg)
    return given


def _delivery(receipt: Receipt | None) -> Delivery | None:
    if receipt is None:
        return None
    return Delivery(
        whatsapp_message_id=receipt.whatsapp_message_id,
        status=receipt.status,
        failed=receipt.status in FAILED,
        error_code=receipt.error_code,
        at=receipt.at,
    )


async def _too_late(
    store: DeliveryStore, number: int, goal: Until, timeout: float | None
) -> TimeoutError:
    last = (await store.standings([number])).get(number)
    stands = f"it is {show_code(last.status)}" if last else "no receipt has come"
    return TimeoutError(f"not {goal.value} within {timeout} s: {stands}")


show_in("autocalls_async", "Deliveries", "Delivery", of=globals())
