"""Who sends a message in the comparison, and how: aiohttp itself, and ours.

Each of them sends the same text to as many recipients as it has in flight, and
reads what the server makes of it. The others' clients are in `peers.py`.
"""

import asyncio
import tempfile
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import cattrs
from attrs import frozen

from autocalls_async import (
    Accepted,
    AutocallsClient,
    Event,
    FreeformMessage,
    SendLimit,
    Settled,
)
from autocalls_async.journal import SqliteJournal

TEXT = "Your order 1234 has left us, and arrives tomorrow."
SENDER = 12
PHONES = tuple(f"+4930{1_000_000 + number}" for number in range(128))
"""As many as are ever in flight, and more than a run takes ahead: no message
waits for another one to the same recipient."""

NO_LIMIT = SendLimit(1_000_000, per=1.0)
"""A pace that never binds: a hundred times what a core can send."""


class Connections(Enum):
    """What becomes of a connection after a message."""

    KEPT = "kept"
    FRESH = "fresh"


SendOne = Callable[[str], Awaitable[object]]
SendAll = Callable[[int, int], Awaitable[None]]
"""Send so many messages, so many at a time."""

Open = Callable[[str, Connections], AbstractAsyncContextManager[SendAll]]


def by_workers(send: SendOne) -> SendAll:
    """Share the messages out among workers, each with a recipient of its own."""

    async def send_all(messages: int, in_flight: int) -> None:
        left = iter(range(messages))

        async def work(phone: str) -> None:
            for _ in left:
                await send(phone)

        await asyncio.gather(*map(work, PHONES[:in_flight]))

    return send_all


def _session(connections: Connections) -> aiohttp.ClientSession:
    is_fresh = connections is Connections.FRESH
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=is_fresh),
        headers={"Accept": "application/json", "Authorization": "Bearer 1|key"},
    )


def _send_with(
    session: aiohttp.ClientSession, url: str, read: Callable[[Any], object]
) -> SendOne:
    async def send(phone: str) -> object:
        body = {"sender_id": SENDER, "recipient_phone": phone, "message": TEXT}
        async with session.post(url, json=body) as response:
            response.raise_for_status()
            return read(await response.json())

    return send


@asynccontextmanager
async def raw(url: str, connections: Connections) -> AsyncIterator[SendAll]:
    """Send as one would with aiohttp alone."""
    async with _session(connections) as session:
        target = f"{url}/api/user/whatsapp/send-freeform"
        yield by_workers(_send_with(session, target, lambda answer: answer["success"]))


@frozen
class _Window:
    is_open: bool
    can_send_freeform: bool
    requires_template: bool
    message: str
    minutes_remaining: int
    expires_at: str


@frozen
class _Sent:
    success: bool
    conversation_id: int
    message_id: int
    whatsapp_message_id: int
    message_sid: str | None
    session_status: _Window


@asynccontextmanager
async def with_cattrs(url: str, connections: Connections) -> AsyncIterator[SendAll]:
    """Send with aiohttp, and read the answer into classes with cattrs."""
    converter = cattrs.Converter()
    async with _session(connections) as session:
        target = f"{url}/api/user/whatsapp/send-freeform"
        read = _send_with(session, target, lambda a: converter.structure(a, _Sent))
        yield by_workers(read)


@asynccontextmanager
async def _client(
    url: str,
    connections: Connections,
    observer: Callable[[Event], object] | None,
    *,
    connect_ahead: bool = True,
) -> AsyncIterator[AutocallsClient]:
    async with (
        aiohttp.ClientSession() as session,
        AutocallsClient(
            "1|key",
            base_url=f"{url}/api",
            sender_id=SENDER,
            session=session if connections is Connections.KEPT else None,
            send_limit=NO_LIMIT,
            observer=observer,
            connect_ahead=connect_ahead,
        ) as client,
    ):
        for phone in PHONES:
            client.windows.note_inbound(phone)
        yield client


def ours(
    observer: Callable[[Event], object] | None = None, *, connect_ahead: bool = True
) -> Open:
    """Send one by one with our client."""

    @asynccontextmanager
    async def opened(url: str, connections: Connections) -> AsyncIterator[SendAll]:
        ahead = connect_ahead
        async with _client(url, connections, observer, connect_ahead=ahead) as client:

            async def send(phone: str) -> object:
                return await client.send_freeform(phone, TEXT)

            yield by_workers(send)

    return opened


def ours_many(
    observer: Callable[[Event], object] | None = None, *, with_journal: bool = False
) -> Open:
    """Send with `send_many`, which itself decides how many are in flight."""

    @asynccontextmanager
    async def opened(url: str, connections: Connections) -> AsyncIterator[SendAll]:
        keys = map(str, count())
        async with (
            _client(url, connections, observer) as client,
            _journal(is_wanted=with_journal) as journal,
        ):

            async def send_all(messages: int, _: int) -> None:
                run = client.send_many(_messages(messages, keys), journal=journal)
                async for outcome in run:
                    assert isinstance(outcome, Accepted)

            yield send_all

    return opened


def _messages(messages: int, keys: Iterator[str]) -> Iterator[FreeformMessage]:
    for number in range(messages):
        phone = PHONES[number % len(PHONES)]
        yield FreeformMessage(recipient_phone=phone, message=TEXT, key=next(keys))


@asynccontextmanager
async def _journal(*, is_wanted: bool) -> AsyncIterator[SqliteJournal | None]:
    if not is_wanted:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        async with SqliteJournal(Path(folder) / "run.db") as journal:
            yield journal


def _observe(event: Event) -> object:
    """Look at a record, as the cheapest observer would."""
    return event.call_id if isinstance(event, Settled) else None


@frozen(kw_only=True)
class Contender:
    """One row of the comparison.

    Attributes:
        package: What must be installed for it, beside what we need ourselves.
        in_flight: How many messages at a time it is measured with.
        is_slow: It costs several times what the others do, and sends fewer.
    """

    title: str
    open: Open
    package: str | None = None
    connections: tuple[Connections, ...] = tuple(Connections)
    in_flight: tuple[int, ...] = (1, 10, 100)
    is_slow: bool = False


_KEPT = (Connections.KEPT,)
_MANY = (64,)
"""Messages that a run has in flight, where nothing else bounds it."""

CONTENDERS = {
    "raw": Contender(title="aiohttp itself: the noise", open=raw),
    "cattrs": Contender(title="aiohttp with cattrs", open=with_cattrs),
    "ours": Contender(title="ours", open=ours()),
    "ours-observed": Contender(
        title="ours, observed", open=ours(_observe), connections=_KEPT
    ),
    "many": Contender(title="ours, `send_many`", open=ours_many(), in_flight=_MANY),
    "many-observed": Contender(
        title="ours, `send_many`, observed",
        open=ours_many(_observe),
        connections=_KEPT,
        in_flight=_MANY,
    ),
    "many-journal": Contender(
        title="ours, `send_many`, journal",
        open=ours_many(with_journal=True),
        in_flight=_MANY,
    ),
}
