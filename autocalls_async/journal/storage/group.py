"""Group commit: what is asked for while one commit is under way shares the next.

All is done in the order in which it was asked for, in one thread. The calls go
through the loop's `run_in_executor`, which a loop in virtual time knows of.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from autocalls_async.journal.errors import JournalError
from autocalls_async.journal.storage.store import Done, Durability, Step, Store

_T = TypeVar("_T")


CHECKPOINT_SECONDS = 1.0
"""What was committed is in the main file so much later, if nobody asks for more."""

REST_AGAIN_SECONDS = 0.01
"""Where somebody does, it is looked again so much later."""


class _Asked(NamedTuple):
    """A step, and who waits for what it gives: nobody, for a settling."""

    step: Step
    waiter: asyncio.Future[Any] | None


class GroupCommit:
    """A store in a thread of its own.

    After the first failure to write it takes only what must still be told: how
    messages ended. That is tried again with whatever is asked next.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="autocalls journal")
        self._store: Store | None = None  # made, used and closed in the thread
        self._asked: list[_Asked] = []
        self._is_busy = False
        self._resting: asyncio.TimerHandle | None = None
        self._failure: JournalError | None = None
        self._fault: Exception | None = None

    def _call(self, work: Callable[..., _T], *args: object) -> asyncio.Future[_T]:
        return self._loop.run_in_executor(self._pool, work, *args)

    async def open(self, *, at: int) -> int:
        """Open the store, and return how many messages became unknown."""
        try:
            return await self._call(self._open, at)
        except BaseException:
            self._pool.submit(self._finish, [])  # it may yet open, after a cancellation
            self._pool.shutdown(wait=False)
            raise

    def check(self) -> None:
        """Make sure that nothing has failed yet.

        Raises:
            JournalError: What failed.
        """
        if self._failure is not None:
            raise _again(self._failure)

    def ask(
        self, durability: Durability, work: Callable[..., _T], *arguments: object
    ) -> asyncio.Future[_T]:
        """Do a step; it can be waited for until it is as durable as it is to be."""
        waiter: asyncio.Future[_T] = self._loop.create_future()
        self._asked.append(_Asked(Step(durability, work, arguments), waiter))
        self._begin()
        return waiter

    def tell(self, work: Callable[..., None], *arguments: object) -> None:
        """Do a step with the next commit; `flush()` raises what was wrong with it."""
        self._asked.append(_Asked(Step(Durability.DURABLE, work, arguments), None))
        self._begin()

    async def flush(self) -> None:
        """Wait until all is durable, and raise what went wrong with what was told."""
        await self.ask(Durability.DURABLE, _nothing)
        if (fault := self._fault) is not None:
            self._fault = None
            raise fault

    async def close(self) -> None:
        """Make all durable, and close the store, whatever comes in between."""
        try:
            await self.flush()
        finally:
            if self._resting is not None:
                self._resting.cancel()
            told = [asked.step for asked in self._asked if asked.waiter is None]
            for asked in self._asked:
                if asked.waiter is not None:
                    asked.waiter.cancel()
            self._asked = []
            closing = self._call(self._finish, told)
            self._pool.shutdown(wait=False)
            await closing

    def _begin(self) -> None:
        """Commit soon, so that what this turn of the loop asks for goes together."""
        if self._asked and not self._is_busy:
            self._is_busy = True
            self._loop.call_soon(self._commit)

    def _commit(self) -> None:
        group, self._asked = self._asked, []
        if not group:  # it was closed in between
            return
        done = self._call(self._run, [asked.step for asked in group])
        done.add_done_callback(lambda done: self._landed(group, *done.result()))

    def _landed(
        self, group: list[_Asked], results: list[Any], failure: JournalError | None
    ) -> None:
        """Tell each what came of it, and go on with what was asked meanwhile."""
        self._is_busy = False
        waiting, self._asked = self._asked, []
        for asked, result in zip(group, results, strict=True):
            self._answer(asked, result)
        self._asked += waiting
        if failure is not None:
            self._fail(failure)
        elif waiting:
            self._begin()
        if self._resting is None and any(map(_writes, group)):
            later = self._loop.call_later
            self._resting = later(CHECKPOINT_SECONDS, self._checkpoint)

    def _checkpoint(self) -> None:
        """Bring what was committed into the main file, once nothing else is asked."""
        if self._is_busy or self._asked:
            later = self._loop.call_later
            self._resting = later(REST_AGAIN_SECONDS, self._checkpoint)
            return
        self._resting = None
        self._is_busy = True
        done = self._call(self._rest)
        done.add_done_callback(lambda _: self._rested())

    def _rested(self) -> None:
        self._is_busy = False
        self._begin()

    def _fail(self, failure: JournalError) -> None:
        """Take no more; keep what only reads, and what was told but not kept."""
        self._failure = self._failure or failure
        asked_for, self._asked = self._asked, []
        for asked in asked_for:
            if asked.waiter is None or _only_reads(asked):
                self._asked.append(asked)
            else:
                self._answer(asked, failure)
        if any(map(_only_reads, self._asked)):
            self._begin()

    def _answer(self, asked: _Asked, result: object) -> None:
        waiter = asked.waiter
        if waiter is None:
            if isinstance(result, JournalError):
                self._asked.append(asked)
            elif isinstance(result, Exception):
                self._fault = self._fault or result
        elif waiter.done():
            pass  # nobody waits for it any more
        elif isinstance(result, JournalError):
            waiter.set_exception(_again(result))
        elif isinstance(result, Exception):
            waiter.set_exception(result)
        else:
            waiter.set_result(result)

    # In the thread

    def _open(self, at: int) -> int:
        self._store = Store(self._path, at=at)
        return self._store.lost_count

    def _run(self, steps: list[Step]) -> Done:
        assert self._store is not None  # noqa: S101  # it was opened before
        return self._store.run(steps)

    def _rest(self) -> None:
        if self._store is not None:
            self._store.checkpoint()

    def _finish(self, steps: list[Step]) -> None:
        store, self._store = self._store, None
        if store is None:
            return
        try:
            if steps:
                store.run(steps)
        finally:
            store.close()


def _nothing(_: Store) -> None:
    """Do nothing: what stands before it is done."""


def _writes(asked: _Asked) -> bool:
    return not _only_reads(asked)


def _only_reads(asked: _Asked) -> bool:
    return asked.step.durability is Durability.READ


def _again(failure: JournalError) -> JournalError:
    """Copy an error, so that each who is told has a traceback of their own."""
    return copy(failure)
