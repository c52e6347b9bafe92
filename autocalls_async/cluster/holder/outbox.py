"""What waits in the table for one account, as a source of messages for each lane."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TypeAlias

from attrs import evolve

from autocalls_async.clock import loop_time
from autocalls_async.cluster.protocol.database import Database, Row
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.protocol.journal import PostgresJournal
from autocalls_async.journal import State
from autocalls_async.journal.keys import from_content
from autocalls_async.model.messages import Message
from autocalls_async.model.outcomes import Outcome, Unsent
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.pace import SendLimit

REST_SECONDS = 10.0
"""What came back unsent is not given again before this."""

REFUSED_SECONDS = 1.0
"""The same, where its intent could not be noted, or an earlier one waits."""

PAGE = 16
AHEAD = 32
"""So many of a lane are in hand at most, at up to eight a second: enough for four
seconds, and few enough that what is handed over is soon written back."""

AHEAD_MOST = 64
_AHEAD_SECONDS = 4.0
_FAILED_SECONDS = 0.3
_WAITING = (
    "SELECT * FROM autocalls.waiting(%s, %s, %s::bigint[], %s::bigint[], %s::integer,"
    " %s::bigint)"
)

NoteInbound: TypeAlias = Callable[[Message, float], None]
"""Told that a message's recipient has written so many seconds ago."""


class Outbox:
    """One account's rows that wait: each is given once, in order, until it has ended.

    Args:
        database: Where they are read.
        journal: The account's, open.
        sender_id: The sender of messages that name none.
        limit: The account's.
        note_inbound: Told who has written.
    """

    def __init__(
        self,
        database: Database,
        journal: PostgresJournal,
        *,
        sender_id: int | None,
        limit: SendLimit,
        note_inbound: NoteInbound,
    ) -> None:
        self._database = database
        self._journal = journal
        self._sender_id = sender_id
        self._note_inbound = note_inbound
        at_pace = round(_AHEAD_SECONDS / limit.gap)
        self._ahead = min(max(AHEAD, at_pace), AHEAD_MOST)
        self._in_hand: dict[Lane, dict[str, int]] = {lane: {} for lane in Lane}
        self._ends = asyncio.Event()
        self._resting: dict[int, float] = {}
        self._rejected: dict[int, float] = {}  # until that is surely committed
        # Of what a lane has read, the other has taken these in hand since.
        self._taken: dict[Lane, set[int]] = {lane: set() for lane in Lane}
        self._news = {lane: asyncio.Event() for lane in Lane}
        self._stopped = asyncio.Event()
        self._active_at = loop_time()

    def wake(self, *lanes: Lane) -> None:
        """Look again."""
        for lane in lanes or tuple(Lane):
            self._news[lane].set()

    def stop(self) -> None:
        """Give nothing more."""
        self._stopped.set()
        self._ends.set()
        self.wake()

    def idle_seconds(self) -> float:
        """Return for how long there was nothing to do."""
        return 0.0 if any(self._in_hand.values()) else loop_time() - self._active_at

    def ended(self, outcome: Outcome) -> None:
        """Note that a message has its outcome; one that is unsent rests."""
        self._active_at = loop_time()
        self._ends.set()
        key = outcome.message.key or ""
        found = [hand.pop(key) for hand in self._in_hand.values() if key in hand]
        row_id = found[0] if found else None
        was_refused = self._journal.take_refused(key)
        if row_id is not None and isinstance(outcome, Unsent):
            rest = REFUSED_SECONDS if was_refused else REST_SECONDS
            self._resting[row_id] = self._active_at + rest

    async def messages(self, lane: Lane) -> AsyncGenerator[Message, None]:
        """Yield what waits in a lane until it is stopped."""
        while not self._stopped.is_set():
            await self._has_room(lane)
            self._news[lane].clear()
            rows = await self._read(lane)
            for row in rows:
                message = self._take(row, lane)
                if message is not None:
                    yield message
                if self._stopped.is_set():
                    return
            if not rows:
                await self._news[lane].wait()

    async def _has_room(self, lane: Lane) -> None:
        """Wait until so few of a lane are in hand that a page more is welcome."""
        while len(self._in_hand[lane]) > self._ahead - PAGE:
            if self._stopped.is_set():
                return
            self._ends.clear()
            await self._ends.wait()

    async def _read(self, lane: Lane) -> list[Row]:
        now = loop_time()
        self._taken[lane].clear()
        self._resting = {row: at for row, at in self._resting.items() if at > now}
        self._rejected = {row: at for row, at in self._rejected.items() if at > now}
        in_hand = [row for hand in self._in_hand.values() for row in hand.values()]
        values = ([*in_hand, *self._rejected], list(self._resting))
        account = self._journal.hold.account
        try:
            return await self._database.fetch(
                _WAITING, account, str(lane), *values, PAGE, self._sender_id
            )
        except ClusterError:
            await asyncio.sleep(_FAILED_SECONDS)
            self._news[lane].set()
            return []

    def _take(self, row: Row, lane: Lane) -> Message | None:
        """Take a row in hand, unless the other lane has taken it meanwhile."""
        row_id, key, content, _, _, written_seconds = row
        if row_id in self._taken[lane]:
            return None
        self._active_at = loop_time()
        message = self._to_message(key, content)
        if message is None:
            self._rejected[row_id] = self._active_at + REST_SECONDS
            return None
        for other in Lane:
            if other is not lane:
                self._taken[other].add(row_id)
        self._in_hand[lane][key] = row_id
        self._journal.note_read(key)
        if written_seconds is not None:
            self._note_inbound(message, written_seconds)
        return message

    def _to_message(self, key: str, content: str) -> Message | None:
        """Return a row's message; what none can be made of is rejected."""
        try:
            message = from_content(content)
        except ValueError:
            self._reject(key, "its content is no message")
            return None
        if message.sender_id is None and self._sender_id is None:
            self._reject(key, "it names no sender, and its account has no default")
            return None
        return evolve(message, key=key)

    def _reject(self, key: str, detail: str) -> None:
        self._journal.settle(
            key, state=State.REJECTED, error="InvalidRequestError", detail=detail
        )
