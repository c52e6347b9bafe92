"""Group commit: what all accounts of a worker note shares transactions.

One commit is under way at a time; what is asked for meanwhile shares the next. In it
what was settled comes before what is about to leave.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from autocalls_async.cluster.protocol.database import Session
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.protocol.lease import Hold
from autocalls_async.journal.keys import show_key

_AGAIN_SECONDS = 0.2
_TOLD, _NOTED = 6, 4  # facts of an end, and of an intent
_COMMIT = """
SELECT 0, s.account, s.key FROM autocalls.settle(%s, %s::text[], %s::bigint[],
  %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
  %s::text[]) s
UNION ALL
SELECT 1, i.account, i.key FROM autocalls.intend(%s, %s::text[], %s::bigint[],
  %s::text[], %s::boolean[], %s::boolean[], %s::boolean[], %s::boolean[]) i
"""


class Told(NamedTuple):
    """How a message ended: its state, number, error, code, detail and all of it."""

    hold: Hold
    key: str
    facts: tuple[str | None, ...]
    missed: "Missed"

    def __repr__(self) -> str:
        return f"Told({show_key(self.key)})"  # keys may be numbers


class Missed(Protocol):
    """Is told of what could not be settled as it was."""

    def __call__(self, told: Told, /) -> None:
        """Take note of it."""


class Intent(NamedTuple):
    """A message about to leave: as its fallback, outside a window, once, in order."""

    hold: Hold
    key: str
    facts: tuple[bool, bool, bool, bool]
    done: "asyncio.Future[bool]"

    def __repr__(self) -> str:
        return f"Intent({show_key(self.key)})"


class Writer:
    """Commits what it is told. It belongs to one worker, and one event loop.

    Args:
        session: A connection of its own.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._intents: list[Intent] = []
        self._told: list[Told] = []
        self._flushes: list[asyncio.Future[None]] = []
        self._news = asyncio.Event()
        self.commit_count: int = 0
        self._task = asyncio.create_task(self._run(), name="autocalls writer")

    def intend(
        self, hold: Hold, key: str, facts: tuple[bool, bool, bool, bool]
    ) -> "asyncio.Future[bool]":
        """Note an intent; the future tells whether it was allowed, once it is durable.

        Raises:
            ClusterError: By the future: nobody knows.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._intents.append(Intent(hold, key, facts, done))
        self._news.set()
        return done

    def settle(self, told: Told) -> None:
        """Note how a message ended, with the next commit."""
        self._told.append(told)
        self._news.set()

    async def flush(self) -> None:
        """Wait until all that was told is durable.

        Raises:
            ClusterError: It could not be kept; it is tried again.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append(done)
        self._news.set()
        await done

    async def aclose(self) -> None:
        """End; what could not be kept is lost, and unknown to the next holder."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._session.aclose()

    async def _run(self) -> None:
        with suppress(ClusterError):  # else the first intent waited for a connection
            await self._fetch((0, *_columns([], _TOLD), 0, *_columns([], _NOTED)))
        while True:
            await self._news.wait()
            self._news.clear()
            told, self._told = self._told, []
            intents = [i for i in self._intents if not i.done.done()]
            self._intents = []
            flushes, self._flushes = self._flushes, []
            try:
                rows = await self._commit(_last_words(told), intents)
            except ClusterError as error:
                self._told[:0] = told
                _fail([i.done for i in intents], error)
                _fail(flushes, error)
                await asyncio.sleep(_AGAIN_SECONDS)
                if self._told:
                    self._news.set()
                continue
            self._landed(told, intents, rows)
            for flush in flushes:
                if not flush.done():
                    flush.set_result(None)

    async def _commit(
        self, told: Sequence[Told], intents: Sequence[Intent]
    ) -> set[tuple[int, str, str]]:
        if not told and not intents:
            return set()
        worker_ids = {one.hold.lease.id for one in told}
        worker_ids |= {one.hold.lease.id for one in intents}
        rows: set[tuple[int, str, str]] = set()
        for worker_id in sorted(worker_ids):  # mostly one: leases seldom end
            mine = [t for t in told if t.hold.lease.id == worker_id]
            about = [i for i in intents if i.hold.lease.id == worker_id]
            values = (
                worker_id,
                *_columns(mine, _TOLD),
                worker_id,
                *_columns(about, _NOTED),
            )
            rows |= {(k, a, key) for k, a, key in await self._fetch(values)}
            self.commit_count += 1
        return rows

    async def _fetch(self, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return await self._session.fetch(_COMMIT, *values)

    def _landed(
        self,
        told: Sequence[Told],
        intents: Sequence[Intent],
        rows: set[tuple[int, str, str]],
    ) -> None:
        for one in told:
            if (0, one.hold.account, one.key) not in rows:
                one.missed(one)
        for intent in intents:
            if not intent.done.done():
                intent.done.set_result((1, intent.hold.account, intent.key) in rows)


def _last_words(told: Sequence[Told]) -> list[Told]:
    """Return the last that was told of each message: one statement takes one."""
    return list({(t.hold.account, t.hold.epoch, t.key): t for t in told}.values())


def _columns(group: Sequence[Told | Intent], width: int) -> list[list[Any]]:
    rows = [(one.hold.account, one.hold.epoch, one.key, *one.facts) for one in group]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(3 + width)]


def _fail(futures: Sequence["asyncio.Future[Any]"], error: ClusterError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
