"""A store that lives as long as its process."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from math import isnan
from struct import Struct
from typing import NamedTuple

from attrs import define, evolve

from autocalls_async.clock import utc_now
from autocalls_async.model.values.naming import show_in
from autocalls_async.webhooks.statuses import moves
from autocalls_async.webhooks.stores.protocol import (
    MOST_OTHERS,
    Arrival,
    Handover,
    Kept,
    Receipt,
    Task,
    Work,
)

MOST_IDS = 50_000
MOST_AGE = timedelta(hours=24)
MOST_NEWS = 10_000
"""Receipts that a waiter may be behind by; one further behind looks at all."""


class _Common(NamedTuple):
    """What many messages have in common: one value serves all of them."""

    status: str
    told: tuple[str, ...]
    sender_id: int
    error_code: int | None


_TIMES = Struct("<dd")
_NEVER = float("nan")


@define
class _Message:
    """A message's receipt that counts, packed, and the statuses that were told.

    A `Receipt` of each of 50,000 would take 13 MB more.

    Attributes:
        standing: Where it stands.
        facts: When it became so and when it was first heard of, and whom it was for.
    """

    standing: _Common
    facts: bytes

    @property
    def received_at(self) -> float:
        """When it was first heard of."""
        return float(_TIMES.unpack_from(self.facts)[1])

    @property
    def person(self) -> bytes:
        """Whom it was for."""
        return self.facts[_TIMES.size :]

    def move(self, receipt: Receipt) -> None:
        """Become so at the time of this receipt."""
        times = _TIMES.pack(_seconds(receipt.at), self.received_at)
        self.facts = times + self.person

    def unpack(self, number: int) -> Receipt:
        """Return the receipt that counts."""
        at, received_at = _TIMES.unpack_from(self.facts)
        return Receipt(
            whatsapp_message_id=number,
            status=self.standing.status,
            sender_id=self.standing.sender_id,
            person=self.person.decode(),
            at=None if isnan(at) else datetime.fromtimestamp(at, UTC),
            error_code=self.standing.error_code,
            received_at=datetime.fromtimestamp(received_at, UTC),
        )


def _pack(receipt: Receipt, standing: _Common) -> _Message:
    times = _TIMES.pack(_seconds(receipt.at), receipt.received_at.timestamp())
    return _Message(standing, times + receipt.person.encode())


def _seconds(at: datetime | None) -> float:
    return _NEVER if at is None else at.timestamp()


class MemoryDeliveries:
    """Receipts in memory: of the 50,000 messages heard of last, for 24 hours.

    Args:
        now: Tells the aware wall-clock time.
    """

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._messages: dict[int, _Message] = {}
        self._order: deque[int] = deque()  # of those, as they were first heard of
        self._standings: dict[_Common, _Common] = {}  # each once
        self._keys: OrderedDict[str, datetime] = OrderedDict()
        self._work: dict[int, tuple[Work, bool]] = {}  # and whether it is ours
        self._numbers = count(1)
        self._others: deque[bytes] = deque(maxlen=MOST_OTHERS)
        self._news: deque[int] = deque(maxlen=MOST_NEWS)
        self._news_count = 0
        self._has_come = asyncio.Event()
        self._up_since: datetime | None = None
        self._sends: deque[Handover] = deque(maxlen=MOST_IDS)

    async def open(self) -> None:
        """Do nothing: it is ready."""

    async def aclose(self) -> None:
        """Stop receiving. What it knows stays."""
        self._up_since = None

    async def join(self) -> None:
        """Become a receiver."""
        self._up_since = self._up_since or self._now()

    async def beat(self) -> None:
        """Do nothing: its one receiver is alive."""

    async def keep(self, arrival: Arrival) -> Work | Kept:
        """Keep an event, unless it is there."""
        if not self._is_first(arrival):
            return Kept.REPEAT
        if not arrival.has_handler:
            return Kept.NEW
        work = Work(
            number=next(self._numbers),
            task=arrival.task,
            raw=arrival.raw,
            person=arrival.person,
            added_at=self._now(),
        )
        self._work[work.number] = work, arrival.is_ours
        return work

    async def claim(self, tasks: Collection[Task], *, limit: int) -> list[Work]:
        """Take over the work that nobody has."""
        free = (w for w, is_ours in self._work.values() if not is_ours)
        found = list(islice((w for w in free if w.task in tasks), limit))
        for work in found:
            self._work[work.number] = work, True
        return found

    async def begin(self, number: int) -> bool:
        """Note that a message's handler begins."""
        work, is_ours = self._work.get(number, (None, False))
        if work is None or work.begun_at is not None:
            return False
        self._work[number] = evolve(work, begun_at=self._now()), is_ours
        return True

    async def finish(self, number: int) -> None:
        """Forget work."""
        self._work.pop(number, None)

    async def unfinished(self) -> list[Work]:
        """Return the messages whose handler began."""
        return [w for w, _ in self._work.values() if w.begun_at is not None]

    async def keep_other(self, raw: bytes) -> None:
        """Keep an event that cannot be read."""
        self._others.append(raw)

    async def others(self) -> list[bytes]:
        """Return those that could not be read, oldest first."""
        return list(self._others)

    async def standings(self, ids: Collection[int]) -> Mapping[int, Receipt]:
        """Return of each message the receipt that counts."""
        found = ((n, self._messages.get(n)) for n in ids)
        return {n: m.unpack(n) for n, m in found if m is not None}

    async def news(self, cursor: int | None) -> tuple[Collection[int], int]:
        """Return the ids of which receipts came since the cursor, and the next one."""
        fresh = 0 if cursor is None else self._news_count - cursor
        if fresh > len(self._news):
            return set(self._messages), self._news_count
        begin = len(self._news) - fresh
        return set(islice(self._news, begin, None)), self._news_count

    async def wait_for_news(self) -> None:
        """Wait until a receipt has come."""
        await self._has_come.wait()

    async def was_up(self, since: datetime, until: datetime) -> bool:
        """Whether there was a receiver for the whole of this time."""
        began = self._up_since
        return began is not None and began <= since and until <= self._now()

    async def arrivals(
        self, *, sender_id: int, person: str, since: datetime, until: datetime
    ) -> Sequence[Receipt]:
        """Return the messages to a person whose first receipt came in this time."""
        begin, end = since.timestamp(), until.timestamp()
        whom = person.encode()
        return [
            m.unpack(n)
            for n, m in self._messages.items()
            if m.standing.sender_id == sender_id
            and m.person == whom
            and begin <= m.received_at <= end
        ]

    async def note(self, sends: Iterable[Handover]) -> None:
        """Keep what was handed over: the last 50,000."""
        self._sends.extend(sends)

    async def noted(self, *, sender_id: int, person: str) -> Sequence[Handover]:
        """Return what was handed over to a person, oldest first."""
        found = (s for s in self._sends if s.person == person)
        return sorted(
            (s for s in found if s.sender_id == sender_id),
            key=lambda send: send.handed_over_at,
        )

    async def carried(self, ids: Collection[int]) -> Collection[int]:
        """Return those of these ids that an answer of ours carried."""
        known = {send.whatsapp_message_id for send in self._sends}
        return [number for number in ids if number in known]

    def _is_first(self, arrival: Arrival) -> bool:
        if arrival.receipt is not None:
            return self._keep_receipt(arrival.receipt)
        key = arrival.key
        if key is None:
            return True
        is_first = key not in self._keys
        self._keys.setdefault(key, self._now())
        if len(self._keys) > MOST_IDS:
            self._keys.popitem(last=False)
        return is_first

    def _keep_receipt(self, receipt: Receipt) -> bool:
        number, status = receipt.whatsapp_message_id, receipt.status
        known = self._messages.get(number)
        if known is None:
            self._messages[number] = _pack(receipt, self._stand(receipt, (status,)))
            self._order.append(number)
        elif status in known.standing.told:
            return False
        else:
            told = (*known.standing.told, status)
            if moves(status, since=known.standing.status):
                known.standing = self._stand(receipt, told)
                known.move(receipt)
            else:
                known.standing = self._once(known.standing._replace(told=told))
        self._forget_old()
        self._tell(number)
        return True

    def _stand(self, receipt: Receipt, told: tuple[str, ...]) -> _Common:
        return self._once(
            _Common(receipt.status, told, receipt.sender_id, receipt.error_code)
        )

    def _once(self, standing: _Common) -> _Common:
        """Return one value for all messages that stand there."""
        if len(self._standings) > MOST_NEWS:  # whoever signs can make up statuses
            self._standings.clear()
        return self._standings.setdefault(standing, standing)

    def _forget_old(self) -> None:
        oldest = (self._now() - MOST_AGE).timestamp()
        while self._order:
            is_old = self._messages[self._order[0]].received_at < oldest
            if len(self._messages) <= MOST_IDS and not is_old:
                return
            del self._messages[self._order.popleft()]

    def _tell(self, number: int) -> None:
        self._news.append(number)
        self._news_count += 1
        self._has_come.set()
        self._has_come = asyncio.Event()


show_in("autocalls_async.webhooks", "MemoryDeliveries", of=globals())
