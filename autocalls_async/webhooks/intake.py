"""One webhook on its way in: known by its route, read, kept, and given to handlers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from attrs import evolve

from autocalls_async.clock import utc_now
from autocalls_async.http.reply import read_json
from autocalls_async.webhooks.arrivals import (
    ended_arrival,
    message_arrival,
    status_arrival,
)
from autocalls_async.webhooks.deliveries import Deliveries
from autocalls_async.webhooks.handlers.workshop import Calls, Workshop
from autocalls_async.webhooks.receiving.door import ENDED_BYTES, Door
from autocalls_async.webhooks.receiving.events import (
    Event,
    InboundMessage,
    MessageStatus,
    OtherEvent,
    WebhookError,
)
from autocalls_async.webhooks.receiving.reading import (
    names_of,
    read_ended,
    read_inbound,
    read_receipt,
)
from autocalls_async.webhooks.receiving.receiver import MOST_BYTES, Receiver
from autocalls_async.webhooks.receiving.signatures import Headers, header
from autocalls_async.webhooks.stores.protocol import Arrival, Task, Work


class Intake:
    """Takes webhooks in.

    Args:
        door: Knows the routes and the token.
        receiver: Knows the senders' secrets.
        deliveries: Where to keep what comes.
        fields: What a flow calls the fields of an inbound message.
        workshop: Returns who runs the handlers, at work.
        calls: Returns what is to be called for an event.
        note_inbound: Told of each inbound message, before it is kept.

    Raises:
        ValueError: A field is none.
    """

    def __init__(
        self,
        door: Door,
        receiver: Receiver,
        deliveries: Deliveries,
        *,
        fields: Mapping[str, str],
        workshop: Callable[[], Awaitable[Workshop]],
        calls: Callable[[Event], Calls],
        note_inbound: Callable[[InboundMessage], None],
    ) -> None:
        self._door = door
        self._receiver = receiver
        self._deliveries = deliveries
        self._names = names_of(fields)
        self._workshop = workshop
        self._calls = calls
        self._note_inbound = note_inbound

    async def take(self, path: str, headers: Headers, raw: bytes) -> None:
        """Take one in.

        Raises:
            WebhookError: It is not to be taken in.
            DeliveryStoreError: It could not be kept.
        """
        route, token = self._door.route(path)
        if route == "receipts":
            await self._take_receipt(raw, headers)
        elif route == "inbound" and self._door.has_token:
            await self._take_inbound(raw, headers)
        elif route == "ended" and self._door.knows(token):
            await self._take_ended(raw)
        else:
            raise WebhookError(404, "there is no such webhook")

    def read(self, work: Work) -> Event:
        """Return the event that was kept."""
        match work.task:
            case Task.STATUS:
                return read_receipt(read_json(work.raw), work.raw)
            case Task.ENDED:
                return read_ended(work.raw)
        event = read_inbound(work.raw, self._names)
        return OtherEvent(raw=work.raw) if isinstance(event, str) else event

    async def _take_receipt(self, raw: bytes, headers: Headers) -> None:
        event = self._receiver.parse(raw, headers)
        match event:
            case OtherEvent():
                await self._keep_other(raw)
            case MessageStatus(is_test=True):
                (await self._workshop()).run(self._calls(event))
            case _:
                await self._keep(status_arrival(event, raw, at=utc_now()), event)

    async def _take_ended(self, raw: bytes) -> None:
        if len(raw) > ENDED_BYTES:
            raise WebhookError(413, "the body is too large")
        event = read_ended(raw)
        if isinstance(event, OtherEvent):
            await self._keep_other(raw)
        else:
            await self._keep(ended_arrival(event, raw), event)

    async def _take_inbound(self, raw: bytes, headers: Headers) -> None:
        if not self._door.knows_header(header(headers, "authorization")):
            raise WebhookError(401, "the token of the inbound webhook is missing")
        if len(raw) > MOST_BYTES:
            raise WebhookError(413, "the body is too large")
        event = read_inbound(raw, self._names)
        if isinstance(event, str):
            raise WebhookError(422, event)
        self._note_inbound(event)
        await self._keep(message_arrival(event, raw), event)

    async def _keep_other(self, raw: bytes) -> None:
        await self._workshop()
        await (await self._deliveries.open()).keep_other(raw)
        self._door.tell_once("other", "a webhook came that cannot be read; it is kept")

    async def _keep(self, arrival: Arrival, event: Event) -> None:
        # Whoever asked may be cut off between the store and the handler.
        await asyncio.shield(asyncio.create_task(self._keep_and_begin(arrival, event)))

    async def _keep_and_begin(self, arrival: Arrival, event: Event) -> None:
        workshop = await self._workshop()
        if has_handler := bool(self._calls(event)):
            is_ours = workshop.is_taking()
            arrival = evolve(arrival, has_handler=has_handler, is_ours=is_ours)
        kept = await self._deliveries.store.keep(arrival)
        if isinstance(kept, Work) and arrival.is_ours:
            workshop.begin(kept, event)
