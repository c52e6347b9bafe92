"""Waiting for what becomes of messages: by NOTIFY, and by looking now and then."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.errors import ClusterError

_AGAIN_SECONDS = 0.2
LOOK_SECONDS = 2.0
"""A notice may be lost with a connection: who waits looks so often all the same."""


class News:
    """Wakes those who wait for messages, of any account, by their ids.

    Args:
        database: Where notices come from.
    """

    def __init__(self, database: Database) -> None:
        self._session = database.session("autocalls waiting")
        self._waiters: dict[int, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._listens = asyncio.Event()

    @contextmanager
    def of(self, message_id: int) -> Iterator[asyncio.Event]:
        """Yield what is set when there may be news of a message."""
        told = asyncio.Event()
        self._waiters[message_id].add(told)
        try:
            yield told
        finally:
            self._waiters[message_id].discard(told)
            if not self._waiters[message_id]:
                del self._waiters[message_id]

    async def listen(self, *, seconds: float = LOOK_SECONDS) -> None:
        """Begin to hear; return once it does, or could not within these seconds."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="autocalls news")
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LOOK_SECONDS)):
                await self._listens.wait()

    async def aclose(self) -> None:
        """Hear no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
            self._listens.clear()
        await self._session.aclose()

    async def _run(self) -> None:
        while True:
            try:
                async for payload in self._session.listen("autocalls_out"):
                    self._listens.set()
                    self._tell(payload)
            except ClusterError:
                await asyncio.sleep(_AGAIN_SECONDS)

    def _tell(self, payload: str | None) -> None:
        """Wake those who are named; all, where none is or a notice may be lost."""
        ids = [int(one) for one in payload.split(",")] if payload else None
        for message_id in list(self._waiters) if ids is None else ids:
            for told in self._waiters.get(message_id, ()):
                told.set()
