"""A store in a file, which the processes of one host share."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TypeVar

from autocalls_async.clock import utc_now
from autocalls_async.journal.storage.rows import to_number
from autocalls_async.model.values.naming import show_in
from autocalls_async.webhooks.stores.alive import Owner
from autocalls_async.webhooks.stores.commits import Commits
from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.protocol import (
    Arrival,
    Handover,
    Kept,
    Receipt,
    Task,
    Work,
)
from autocalls_async.webhooks.stores.tables import Tables

T = TypeVar("T")

log: logging.Logger = logging.getLogger("autocalls_async.webhooks")

LOOK_SECONDS = 0.05
"""So often it is looked whether another process has written; a look costs 2 µs."""


class SqliteDeliveries:
    """Receipts in a SQLite file, for all processes of one host.

    What it has confirmed is on the disk. The numbers in it are not encrypted; it is
    made readable for its owner alone. Files with `-wal` and `-shm` at the end of their
    names are part of it. It keeps all: some 200 bytes a receipt.

    Args:
        path: Where the file is, or is to be.
        now: Tells the aware wall-clock time.
    """

    def __init__(
        self, path: str | PathLike[str], *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._path = Path(path)
        self._now = now
        self._opening = asyncio.Lock()
        self._commits: Commits | None = None
        self._owner: Owner | None = None
        self._seen_version = -1
        self._has_written = asyncio.Event()

    async def open(self) -> None:
        """Open the file, and make it where there is none."""
        async with self._opening:
            if self._commits is None:
                commits = Commits(self._path)
                await commits.open()
                self._commits = commits

    async def aclose(self) -> None:
        """Stop receiving, and close the file."""
        owner, self._owner = self._owner, None
        commits, self._commits = self._commits, None
        if commits is None:
            return
        try:
            if owner is not None:
                at = self._at()
                await commits.do(lambda t: t.beat(owner.token, at, leaves=True))
        except DeliveryStoreError as error:  # then its silence will tell
            log.warning("%s", error)
        finally:
            if owner is not None:
                owner.end()
            await commits.aclose()

    async def join(self) -> None:
        """Become a receiver."""
        if self._owner is None:
            owner, at = Owner(), self._at()
            owner.begin()
            await self._opened().do(lambda t: t.join(owner, at))
            self._owner = owner

    async def beat(self) -> None:
        """Tell that this receiver is alive."""
        token, at = self._token(), self._at()
        await self._opened().do(lambda t: t.beat(token, at))

    async def keep(self, arrival: Arrival) -> Work | Kept:
        """Keep an event, unless it is there."""
        token, at = self._token(), self._at()
        kept = await self._opened().do(lambda t: t.keep(arrival, token, at))
        self._has_written.set()
        return kept

    async def claim(self, tasks: Collection[Task], *, limit: int) -> list[Work]:
        """Take over work that nobody has, or whose receiver is gone."""
        token, at = self._token(), self._at()
        return await self._opened().do(lambda t: t.claim(tasks, limit, token, at))

    async def begin(self, number: int) -> bool:
        """Note for good that a message's handler begins; whether it may."""
        token, at = self._token(), self._at()
        return await self._opened().do(lambda t: t.begin(number, token, at))

    async def finish(self, number: int) -> None:
        """Forget work."""
        await self._opened().do(lambda t: t.finish(number))

    async def unfinished(self) -> list[Work]:
        """Return the messages whose handler began and whose receiver is gone."""
        token, at = "" if self._owner is None else self._owner.token, self._at()
        return await self._read(lambda t: t.unfinished(token, at))

    async def keep_other(self, raw: bytes) -> None:
        """Keep an event that cannot be read."""
        await self._opened().do(lambda t: t.keep_other(raw))

    async def others(self) -> list[bytes]:
        """Return those, oldest first."""
        return await self._read(Tables.others)

    async def standings(self, ids: Collection[int]) -> Mapping[int, Receipt]:
        """Return of each message the receipt that counts."""
        return await self._read(lambda t: t.standings(ids))

    async def news(self, cursor: int | None) -> tuple[Collection[int], int]:
        """Return the ids of which receipts came since the cursor, and the next one."""
        self._has_written.clear()
        # The version first: what comes in between is looked at once more.
        found = await self._read(lambda t: (t.version(), t.news(cursor)))
        self._seen_version, news = found
        return news

    async def wait_for_news(self) -> None:
        """Wait until something was written, here or in another process."""
        while not self._has_written.is_set():
            if await self._read(Tables.version) != self._seen_version:
                return
            try:
                await asyncio.wait_for(self._has_written.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue

    async def was_up(self, since: datetime, until: datetime) -> bool:
        """Whether receivers were alive for the whole of this time."""
        begin, end = to_number(since), to_number(until)
        return await self._read(lambda t: t.was_up(begin, end))

    async def arrivals(
        self, *, sender_id: int, person: str, since: datetime, until: datetime
    ) -> Sequence[Receipt]:
        """Return the messages to a person whose first receipt came in this time."""
        begin, end = to_number(since), to_number(until)
        return await self._read(lambda t: t.arrivals(sender_id, person, begin, end))

    async def note(self, sends: Iterable[Handover]) -> None:
        """Keep what was handed over."""
        rows = tuple(sends)
        await self._opened().do(lambda t: t.note(rows))

    async def noted(self, *, sender_id: int, person: str) -> Sequence[Handover]:
        """Return what was handed over to a person, oldest first."""
        return await self._read(lambda t: t.noted(sender_id, person))

    async def carried(self, ids: Collection[int]) -> Collection[int]:
        """Return those of these ids that an answer of ours carried."""
        return await self._read(lambda t: t.carried(ids))

    async def _read(self, work: Callable[[Tables], T]) -> T:
        return await self._opened().do(work, only_reads=True)

    def _at(self) -> int:
        return to_number(self._now())

    def _token(self) -> str:
        if self._owner is None:
            msg = "this store does not receive; join() it first"
            raise RuntimeError(msg)
        return self._owner.token

    def _opened(self) -> Commits:
        if self._commits is None:
            raise DeliveryStoreError(name=self._path.name, detail="it is not open")
        return self._commits


show_in("autocalls_async.webhooks", "SqliteDeliveries", of=globals())
