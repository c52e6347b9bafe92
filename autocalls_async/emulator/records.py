"""What the emulator saw and did: the truth that a client's claims are held against.

Pure: no I/O, no clock, no asyncio.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Literal, Protocol

from attrs import define, field, frozen

from autocalls_async.emulator.faults import Endpoint, Fault
from autocalls_async.emulator.limits import Admission, BusiestSecond

MessageKind = Literal["freeform", "template"]


@frozen(kw_only=True)
class AcceptedMessage:
    """One message that was taken in and paid for."""

    kind: MessageKind
    sender_id: int
    recipient_phone: str
    message: str | None = None
    """The text of a freeform message, with its outer white space cut."""

    template_id: int | None = None
    recipient_name: str | None = None
    variables: Mapping[str, str] = field(factory=dict)
    whatsapp_message_id: int
    at: float
    """When, in seconds on the emulator's clock."""

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes two messages the same to the one who reads them."""
        content: object = self.message
        if self.template_id is not None:
            variables = json.dumps(self.variables, sort_keys=True)
            content = (self.template_id, variables)
        return self.sender_id, self.recipient_phone, content


@define(kw_only=True)
class RecordedRequest:
    """One request that arrived whole."""

    endpoint: Endpoint
    method: str
    target: str
    """Path and query exactly as they came over the wire."""

    headers: Mapping[str, str]
    """By lower-case name."""

    body: object
    """What the JSON body held; None if there was none or it was not JSON."""

    at: float
    """When it arrived, in seconds on the emulator's clock."""

    status: int | None = None
    """What was answered; None while, or if, no answer was given."""

    limiter: Admission | None = None
    """What the limiter said to a send; None if it was not asked."""

    fault: Fault | None = None
    """What struck it."""


class Watcher(Protocol):
    """Somebody who is told of everything that the service sees and does."""

    def arrived(
        self, request: RecordedRequest, headers: Mapping[str, str], raw: bytes
    ) -> None:
        """Hear of a request that arrived whole."""

    def struck(self, request: RecordedRequest) -> None:
        """Hear of a fault that struck a request."""

    def acting(self, request: RecordedRequest) -> None:
        """Hear that the service acts now on a request, until the next one."""

    def accepted(self, message: AcceptedMessage) -> None:
        """Hear of a message that was taken in."""

    def ended(self, request: RecordedRequest, answer: object) -> None:
        """Hear what a request was answered; None where its connection was closed."""


@define
class Records:
    """What the emulator saw; counts are kept also where records are not.

    Attributes:
        requests: The requests that arrived whole, in order.
        accepted: The messages that were taken in, in order.
        undocumented_fields: Fields that arrived and that no page documents, as
            `endpoint.field`.
        accepted_count: How many messages were taken in.
        rejected_count: How many sends came too fast and got a 429.
        watcher: Who is told of all this; nobody in a plain emulator.
    """

    keep_requests: bool = True
    keep_accepted: bool = True
    watcher: Watcher | None = field(init=False, default=None)
    requests: list[RecordedRequest] = field(init=False, factory=list)
    accepted: list[AcceptedMessage] = field(init=False, factory=list)
    undocumented_fields: set[str] = field(init=False, factory=set)
    busiest: BusiestSecond = field(init=False, factory=BusiestSecond)
    accepted_count: int = field(init=False, default=0)
    rejected_count: int = field(init=False, default=0)
    _by_endpoint: Counter[Endpoint] = field(init=False, factory=Counter)
    _doubles: list[AcceptedMessage] = field(init=False, factory=list)
    _seen: set[tuple[object, ...]] = field(init=False, factory=set)

    def requests_by_endpoint(self) -> dict[Endpoint, int]:
        """Return how many requests arrived, by what they asked for."""
        return dict(self._by_endpoint)

    def most_sends_in_any_second(self) -> int:
        """Return the largest number of sends within less than a second.

        Sends count as they reach the limiter, whether they are admitted or
        not; two that are exactly a second apart do not share one.
        """
        return self.busiest.most

    def duplicates(self) -> list[AcceptedMessage]:
        """Return the messages that had been accepted before, word for word.

        Raises:
            RuntimeError: The messages are not recorded.
        """
        if not self.keep_accepted:
            msg = "duplicates are known only where record_accepted is on"
            raise RuntimeError(msg)
        return self._doubles

    # What the service notes

    def note_request(self, request: RecordedRequest) -> None:
        """Keep a request that arrived."""
        self._by_endpoint[request.endpoint] += 1
        if self.keep_requests:
            self.requests.append(request)

    def note_accepted(self, message: AcceptedMessage) -> None:
        """Keep a message that was taken in."""
        self.accepted_count += 1
        if self.watcher is not None:
            self.watcher.accepted(message)
        if not self.keep_accepted:
            return
        self.accepted.append(message)
        identity = message.identity
        if identity in self._seen:
            self._doubles.append(message)
        self._seen.add(identity)

    def note_undocumented(self, endpoint: Endpoint, names: set[str]) -> None:
        """Keep the names of fields that the reference does not know."""
        self.undocumented_fields.update(f"{endpoint}.{name}" for name in names)
