"""Threads: what customers wrote and what the service took in, in its order.

Pure: no I/O, no clock, no asyncio. Of all threads together the newest messages
are kept, up to a bound.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice

from attrs import define, field

from autocalls_async.emulator.records import MessageKind

Chat = tuple[int, str]
"""A sender's id and a customer's phone."""


class Side(StrEnum):
    """Who wrote."""

    BUSINESS = "business"
    CUSTOMER = "customer"


@define(kw_only=True)
class Message:
    """One message of a thread."""

    number: int
    """Its place among all messages of both sides, from 1."""

    side: Side
    sender_id: int
    phone: str
    """The customer's."""

    text: str = field(repr=False)
    """As the customer reads it: a template's places are filled."""

    at: float
    """When, in seconds on the emulator's clock."""

    kind: MessageKind = "freeform"
    whatsapp_message_id: int | None = None
    """The id that receipts tell of; None for a customer's message."""

    template_id: int | None = None
    template_name: str | None = None
    status: str | None = None
    """How far its delivery is: `queued`, `sent`, ...; None for a customer's."""

    error_code: int | None = None
    error_message: str | None = None
    request: int | None = None
    """Which request brought it."""

    identity: str | None = field(default=None, repr=False)
    """What makes two messages the same to the one who reads them."""

    @property
    def chat(self) -> Chat:
        """Whose thread it stands in."""
        return self.sender_id, self.phone


@define
class _Thread:
    messages: deque[Message] = field(factory=deque)
    count: int = 0


@define
class History:
    """All threads.

    Attributes:
        keep: How many messages are kept, the newest.
        last_number: The number of the newest message; 0 before the first.
        doubles: How many messages came while one that reads the same was kept.
    """

    keep: int
    last_number: int = 0
    doubles: int = 0
    _messages: deque[Message] = field(init=False, factory=deque)
    _threads: dict[Chat, _Thread] = field(init=False, factory=dict)
    _by_id: dict[int, Message] = field(init=False, factory=dict)
    _identities: Counter[str] = field(init=False, factory=Counter)

    def add(self, message: Message) -> None:
        """Take in a message; its number must be above all that came before."""
        self.last_number = message.number
        self._messages.append(message)
        thread = self._threads.setdefault(message.chat, _Thread())
        thread.messages.append(message)
        thread.count += 1
        if message.whatsapp_message_id is not None:
            self._by_id[message.whatsapp_message_id] = message
        if message.identity is not None:
            self.doubles += message.identity in self._identities
            self._identities[message.identity] += 1
        if len(self._messages) > self.keep:
            self._forget_oldest()

    def clear(self) -> None:
        """Begin anew."""
        self.last_number = self.doubles = 0
        for held in (self._messages, self._threads, self._by_id, self._identities):
            held.clear()

    def _forget_oldest(self) -> None:
        oldest = self._messages.popleft()
        thread = self._threads[oldest.chat]
        thread.messages.popleft()
        if not thread.messages:
            del self._threads[oldest.chat]
        if oldest.whatsapp_message_id is not None:
            self._by_id.pop(oldest.whatsapp_message_id, None)
        if oldest.identity is not None:
            self._identities[oldest.identity] -= 1
            if not self._identities[oldest.identity]:
                del self._identities[oldest.identity]

    def find(self, whatsapp_message_id: int) -> Message | None:
        """Return a message of the business by the id that receipts tell of."""
        return self._by_id.get(whatsapp_message_id)

    def thread(self, chat: Chat) -> list[Message]:
        """Return what is kept of a thread, oldest first."""
        thread = self._threads.get(chat)
        return list(thread.messages) if thread is not None else []

    def count(self, chat: Chat) -> int:
        """Return how many messages a thread had, as long as any of them is kept."""
        thread = self._threads.get(chat)
        return thread.count if thread is not None else 0

    def last(self, chat: Chat) -> Message | None:
        """Return the newest message of a thread."""
        thread = self._threads.get(chat)
        return thread.messages[-1] if thread is not None else None

    def all(self) -> Iterator[Message]:
        """Return what is kept of all threads, oldest first."""
        return iter(self._messages)

    def of(self, phone: str | None, sender_id: int | None) -> Iterable[Message]:
        """Return what is kept of those threads that fit; None fits every one."""
        if phone is not None and sender_id is not None:
            return self.thread((sender_id, phone))
        return (
            message
            for message in self._messages
            if phone in {None, message.phone} and sender_id in {None, message.sender_id}
        )


def page_after(
    messages: Iterable[Message], number: int, limit: int
) -> tuple[list[Message], bool]:
    """Return the first messages above a number, and whether there are more."""
    found = list(islice((m for m in messages if m.number > number), limit + 1))
    return found[:limit], len(found) > limit


def page_before(
    messages: Iterable[Message], number: int | None, limit: int
) -> tuple[list[Message], bool]:
    """Return the last messages below a number, and whether there are more."""
    below = (m for m in messages if number is None or m.number < number)
    found = deque(below, limit + 1)
    return list(found)[-limit:], len(found) > limit
