"""A SQLite file in a thread of its own, and commits that are shared.

What is asked for while one commit is under way shares the next: a hundred receipts at
once cost two or three. The calls go through the loop's `run_in_executor`, which a loop
in virtual time knows of.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.tables import Tables, to_store_error

T = TypeVar("T")


class _Step(NamedTuple):
    work: Callable[[Tables], Any]
    only_reads: bool
    waiter: asyncio.Future[Any]


class Commits:
    """The tables of a file; what is asked for is done in order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="autocalls receipts")
        self._tables: Tables | None = None  # made, used and closed in the thread
        self._place: tuple[int, int] | None = None
        self._asked: list[_Step] = []
        self._is_busy = False

    async def open(self) -> None:
        """Open the file.

        Raises:
            DeliveryStoreError: It cannot be used.
        """
        try:
            await self._loop.run_in_executor(self._pool, self._open)
        except BaseException:
            self._pool.submit(self._close)  # it may yet open, after a cancellation
            self._pool.shutdown(wait=False)
            raise

    async def do(self, work: Callable[[Tables], T], *, only_reads: bool = False) -> T:
        """Do a step, and wait until it is durable.

        Raises:
            DeliveryStoreError: It was not done.
        """
        waiter: asyncio.Future[T] = self._loop.create_future()
        self._asked.append(_Step(work, only_reads, waiter))
        self._begin()
        return await waiter

    async def aclose(self) -> None:
        """Do what was asked for, and close the file."""
        if self._asked:
            with suppress(DeliveryStoreError):
                await self.do(lambda _: None)
        closing = self._loop.run_in_executor(self._pool, self._close)
        self._pool.shutdown(wait=False)
        await closing

    def _begin(self) -> None:
        if self._asked and not self._is_busy:
            self._is_busy = True
            group, self._asked = self._asked, []
            done = self._loop.run_in_executor(self._pool, self._run, group)
            done.add_done_callback(lambda done: self._landed(group, done.result()))

    def _landed(self, group: list[_Step], results: list[Any]) -> None:
        self._is_busy = False
        for asked, result in zip(group, results, strict=True):
            if asked.waiter.done():
                continue  # nobody waits for it any more
            if isinstance(result, Exception):
                asked.waiter.set_exception(copy(result))
            else:
                asked.waiter.set_result(result)
        self._begin()

    # In the thread

    def _open(self) -> None:
        failure = None
        try:
            self._tables = Tables(self._path)
            self._place = _place_of(self._path)
        except sqlite3.Error as error:
            failure = to_store_error(self._path, error)
        if failure is not None:
            raise failure

    def _close(self) -> None:
        tables, self._tables = self._tables, None
        if tables is not None:
            tables.close()

    def _run(self, group: list[_Step]) -> list[Any]:
        tables = self._tables
        if tables is None:
            closed = DeliveryStoreError(name=self._path.name, detail="it is closed")
            return [closed] * len(group)
        try:
            if all(asked.only_reads for asked in group):
                return [_do(asked, tables) for asked in group]
            if _place_of(self._path) != self._place:
                return [self._lost()] * len(group)
            with tables.transaction():
                return [_do(asked, tables) for asked in group]
        except sqlite3.Error as error:
            return [to_store_error(self._path, error)] * len(group)

    def _lost(self) -> DeliveryStoreError:
        detail = "it was deleted or replaced while in use; start again"
        return DeliveryStoreError(name=self._path.name, detail=detail)


def _place_of(path: Path) -> tuple[int, int] | None:
    """Return which file stands there: what is written to another one is lost."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _do(asked: _Step, tables: Tables) -> Any:  # noqa: ANN401  # what the step gives
    try:
        return asked.work(tables)
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001  # it is raised where it was asked
        return error
