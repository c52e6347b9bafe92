"""A store of receipts in the shared database: any process hears, any process waits."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from autocalls_async.clock import utc_now
from autocalls_async.cluster.protocol.database import Database, Row
from autocalls_async.cluster.protocol.dsn import check_dsn
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.model.values.naming import show_in
from autocalls_async.webhooks.statuses import moves
from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.protocol import (
    LEASE,
    MOST_OTHERS,
    Arrival,
    Handover,
    Kept,
    Receipt,
    Task,
    Work,
)

T = TypeVar("T")

_KEY_AGE = timedelta(days=30)
_AGAIN_SECONDS = 0.5
_NAME = "in PostgreSQL"

_KEEP_RECEIPT = """
SELECT * FROM autocalls.keep_receipt(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_KEEP_EVENT = "SELECT * FROM autocalls.keep_event(%s, %s, %s, %s, %s, %s, %s)"
_JOIN = """
INSERT INTO autocalls.receiver (token, began_at, seen_at) VALUES (%s, %s, %s)
"""
_FORGET_KEYS = "DELETE FROM autocalls.heard WHERE at < %s"
_BEAT = "UPDATE autocalls.receiver SET seen_at = %s WHERE token = %s"
_LEAVE = "UPDATE autocalls.receiver SET seen_at = %s, token = %s WHERE token = %s"
_WORK = "number, task, raw, person, added_at, begun_at"
_GONE = """
NOT EXISTS (SELECT 1 FROM autocalls.receiver r
  WHERE r.token = w.owner AND r.seen_at >= %s)
"""
_CLAIM = f"""
UPDATE autocalls.work w SET owner = %s WHERE number IN (
  SELECT number FROM autocalls.work w
  WHERE task = ANY (%s) AND begun_at IS NULL AND (owner IS NULL OR {_GONE})
  ORDER BY number LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING {_WORK}
"""  # noqa: S608  # our own words
_BEGIN = """
UPDATE autocalls.work SET begun_at = %s
WHERE number = %s AND owner = %s AND begun_at IS NULL RETURNING number
"""
_FINISH = "DELETE FROM autocalls.work WHERE number = %s"
_UNFINISHED = f"""
SELECT {_WORK} FROM autocalls.work w
WHERE begun_at IS NOT NULL AND (owner = %s OR {_GONE}) ORDER BY number
"""  # noqa: S608  # our own words
_KEEP_OTHER = "INSERT INTO autocalls.unreadable (raw) VALUES (%s)"
_FORGET_OTHERS = """
DELETE FROM autocalls.unreadable WHERE id <= (
  SELECT id FROM autocalls.unreadable ORDER BY id DESC OFFSET %s LIMIT 1)
"""
_OTHERS = "SELECT raw FROM autocalls.unreadable ORDER BY id"
_RECEIPT = "whatsapp_message_id, status, sender_id, person, at, error_code"
_STANDINGS = f"""
SELECT {_RECEIPT}, min(received_at) OVER (PARTITION BY whatsapp_message_id)
FROM autocalls.receipt WHERE whatsapp_message_id = ANY (%s) ORDER BY id
"""  # noqa: S608  # our own words
_NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
# What is kept in a transaction that was under way may be told twice, but not missed.
_NEWS = """
SELECT whatsapp_message_id FROM autocalls.receipt WHERE kept_in >= %s::text::xid8
"""
_UP = """
SELECT began_at, seen_at FROM autocalls.receiver
WHERE seen_at >= %s AND began_at <= %s ORDER BY began_at
"""
_ARRIVALS = f"""
SELECT {_RECEIPT}, received_at FROM autocalls.receipt r
WHERE person = %s AND sender_id = %s AND received_at BETWEEN %s AND %s AND NOT EXISTS (
  SELECT 1 FROM autocalls.receipt e
  WHERE e.whatsapp_message_id = r.whatsapp_message_id AND e.id < r.id) ORDER BY id
"""  # noqa: S608  # our own words
_NOTE = """
INSERT INTO autocalls.handed_over
  (sender_id, person, digest, handed_over_at, whatsapp_message_id, is_accepted)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[],
  %s::text[], %s::boolean[])
"""
_NOTED = """
SELECT sender_id, person, digest, handed_over_at, whatsapp_message_id, is_accepted
FROM autocalls.handed_over WHERE person = %s AND sender_id = %s
ORDER BY handed_over_at, id
"""
_CARRIED = """
SELECT DISTINCT whatsapp_message_id FROM autocalls.handed_over
WHERE whatsapp_message_id = ANY (%s)
"""


class PostgresDeliveries:
    """Receipts in the database of a cluster, for `Deliveries(store=…)`.

    A webhook that comes in at one process wakes whoever waits at another.

    Args:
        dsn: How the shared PostgreSQL is reached.
        direct: How the server itself is reached, where `dsn` leads to PgBouncer.
        now: Tells the aware wall-clock time. Let the hosts' clocks agree to a second.
    """

    def __init__(
        self,
        dsn: str,
        *,
        direct: str | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._dsn, self._now = check_dsn("dsn", dsn), now
        self._direct = None if direct is None else check_dsn("direct", direct)
        self._token = uuid4().hex
        self._database: Database | None = None
        self._listening: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._has_joined = False

    async def open(self) -> None:
        """Connect, and listen for receipts."""
        if self._database is None:
            database = Database(self._dsn, direct=self._direct)
            await self._ask(database.__aenter__())
            self._database = database
            hears = asyncio.Event()
            self._listening = asyncio.create_task(self._listen(database, hears))
            await hears.wait()

    async def aclose(self) -> None:
        """Stop receiving, and disconnect."""
        database, self._database = self._database, None
        if database is None or self._listening is None:
            return
        self._listening.cancel()
        await asyncio.wait([self._listening])
        if self._has_joined:
            self._has_joined = False
            with suppress(ClusterError):  # then its lease tells that it is gone
                left = f"{self._token} has left"
                await database.fetch(_LEAVE, self._now(), left, self._token)
        await database.__aexit__()
        self._token = uuid4().hex

    async def join(self) -> None:
        """Become a receiver, who is alive as long as it beats."""
        if not self._has_joined:
            now = self._now()
            await self._fetch(_JOIN, self._token, now, now)
            await self._fetch(_FORGET_KEYS, now - _KEY_AGE)
            self._has_joined = True

    async def beat(self) -> None:
        """Tell that this receiver is alive."""
        await self._fetch(_BEAT, self._now(), self._token)

    async def keep(self, arrival: Arrival) -> Work | Kept:
        """Keep an event, unless it is there; one call of all gets its work."""
        now = self._now()
        owner = self._token if arrival.is_ours else None
        rest = (owner, arrival.has_handler, now)
        own = (arrival.task.value, arrival.raw)
        if (told := arrival.receipt) is not None:
            facts = (told.sender_id, told.person, told.at, told.error_code)
            values = (str(told.whatsapp_message_id), told.status, *facts)
            rows = await self._fetch(
                _KEEP_RECEIPT, *values, told.received_at, *own, *rest
            )
        else:
            rows = await self._fetch(
                _KEEP_EVENT, arrival.key, *own, arrival.person, *rest
            )
        is_first, number = rows[0]
        if number is None:
            return Kept.NEW if is_first else Kept.REPEAT
        return Work(
            number=number,
            task=arrival.task,
            raw=arrival.raw,
            person=arrival.person,
            added_at=now,
        )

    async def claim(self, tasks: Collection[Task], *, limit: int) -> list[Work]:
        """Take over work that nobody has, or whose receiver is gone."""
        names = [task.value for task in tasks]
        values = (self._token, names, self._now() - LEASE, limit)
        return sorted(
            map(_to_work, await self._fetch(_CLAIM, *values)),
            key=lambda work: work.number,
        )

    async def begin(self, number: int) -> bool:
        """Note for good that a message's handler begins; whether it may."""
        return bool(await self._fetch(_BEGIN, self._now(), number, self._token))

    async def finish(self, number: int) -> None:
        """Forget work: it is done, or given up."""
        await self._fetch(_FINISH, number)

    async def unfinished(self) -> list[Work]:
        """Return the messages whose handler began and whose receiver is gone."""
        values = (self._token, self._now() - LEASE)
        return [_to_work(row) for row in await self._fetch(_UNFINISHED, *values)]

    async def keep_other(self, raw: bytes) -> None:
        """Keep an event that cannot be read: the newest of them."""
        await self._fetch(_KEEP_OTHER, raw)
        await self._fetch(_FORGET_OTHERS, MOST_OTHERS)

    async def others(self) -> list[bytes]:
        """Return those, oldest first."""
        return [raw for (raw,) in await self._fetch(_OTHERS)]

    async def standings(self, ids: Collection[int]) -> Mapping[int, Receipt]:
        """Return of each message the receipt that counts, where there is one."""
        standing: dict[int, Receipt] = {}
        for row in await self._fetch(_STANDINGS, list(map(str, ids))):
            receipt = _to_receipt(row)
            known = standing.get(receipt.whatsapp_message_id)
            if known is None or moves(receipt.status, since=known.status):
                standing[receipt.whatsapp_message_id] = receipt
        return standing

    async def news(self, cursor: int | None) -> tuple[Collection[int], int]:
        """Return the ids of which receipts came since the cursor, and the next one."""
        self._news.clear()
        ((following,),) = await self._fetch(_NOW)
        if cursor is None:
            return set(), following
        rows = await self._fetch(_NEWS, cursor)
        return {int(number) for (number,) in rows}, following

    async def wait_for_news(self) -> None:
        """Wait until receipts may have come, here or at another process."""
        await self._news.wait()

    async def was_up(self, since: datetime, until: datetime) -> bool:
        """Whether receivers were alive for the whole of this time."""
        reached = since
        for began_at, seen_at in await self._fetch(_UP, since, until):
            if began_at > reached:
                return False
            reached = max(reached, seen_at)
        return reached > since and until <= reached

    async def arrivals(
        self, *, sender_id: int, person: str, since: datetime, until: datetime
    ) -> Sequence[Receipt]:
        """Return the messages to a person whose first receipt came in this time."""
        rows = await self._fetch(_ARRIVALS, person, sender_id, since, until)
        return [_to_receipt(row) for row in rows]

    async def note(self, sends: Iterable[Handover]) -> None:
        """Keep what was handed over."""
        rows = [
            (
                *(s.sender_id, s.person, s.digest, s.handed_over_at),
                None if s.whatsapp_message_id is None else str(s.whatsapp_message_id),
                s.is_accepted,
            )
            for s in sends
        ]
        if rows:
            await self._fetch(_NOTE, *(list(c) for c in zip(*rows, strict=True)))

    async def noted(self, *, sender_id: int, person: str) -> Sequence[Handover]:
        """Return what was handed over to a person, oldest first."""
        rows = await self._fetch(_NOTED, person, sender_id)
        return [_to_send(row) for row in rows]

    async def carried(self, ids: Collection[int]) -> Collection[int]:
        """Return those of these ids that an answer of ours carried."""
        rows = await self._fetch(_CARRIED, list(map(str, ids)))
        return [int(number) for (number,) in rows]

    # Below

    async def _listen(self, database: Database, hears: asyncio.Event) -> None:
        session = database.session("autocalls receipts")
        try:
            while True:
                with suppress(ClusterError):
                    async for number in session.listen("autocalls_receipts"):
                        # None: connected anew, and what came meanwhile was missed.
                        if number is not None or hears.is_set():
                            self._news.set()
                        hears.set()
                hears.set()
                await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            await session.aclose()

    async def _fetch(self, sql: str, *values: object) -> list[Row]:
        if self._database is None:
            raise DeliveryStoreError(name=_NAME, detail="it is not open")
        return await self._ask(self._database.fetch(sql, *values))

    async def _ask(self, asked: Awaitable[T]) -> T:
        try:
            return await asked
        except ClusterError as error:
            raise DeliveryStoreError(name=_NAME, detail=error.detail) from None


def _to_work(row: Row) -> Work:
    number, task, raw, person, added_at, begun_at = row
    return Work(
        number=number,
        task=Task(task),
        raw=bytes(raw),
        person=person,
        added_at=added_at,
        begun_at=begun_at,
    )


def _to_receipt(row: Row) -> Receipt:
    number, status, sender_id, person, at, code, received_at = row
    return Receipt(
        whatsapp_message_id=int(number),
        status=status,
        sender_id=sender_id,
        person=person,
        at=at,
        error_code=code,
        received_at=received_at,
    )


def _to_send(row: Row) -> Handover:
    sender_id, person, digest, at, number, is_accepted = row
    return Handover(
        sender_id=sender_id,
        person=person,
        digest=digest,
        handed_over_at=at,
        whatsapp_message_id=None if number is None else int(number),
        is_accepted=is_accepted,
    )


show_in("autocalls_async.cluster", "PostgresDeliveries", of=globals())
