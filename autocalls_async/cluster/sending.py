"""Enqueue one message and wait for what becomes of it; it fails as the client does."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from attrs import define, frozen

from autocalls_async.clock import loop_time
from autocalls_async.cluster.outgoing import PUT, Outgoing, explain
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.ending import error_from, find_class
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.records import COLUMNS, MessageRef, Standing, to_standing
from autocalls_async.cluster.waiting import LOOK_SECONDS, News
from autocalls_async.journal import State
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    RejectedError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.values.naming import show_in

_AGAIN_SECONDS = 0.2
_GRACE_SECONDS = 2.0  # past the deadline, for a database that does not answer
_TOO_LATE = "its time was up before it could leave"
_OUT_OF_REACH = "the database was out of reach, and with it what became of it"
_LOOK = f"""
SELECT {COLUMNS}, CASE WHEN autocalls.is_paused(a) THEN a.paused END, a.paused_error,
  a.paused_by
FROM autocalls.message m JOIN autocalls.account a ON a.name = m.account WHERE m.id = %s
"""  # noqa: S608  # our own words
_ONE = f"SELECT {COLUMNS} FROM autocalls.message m WHERE m.id = %s"  # noqa: S608  # our own words
_WITHDRAW = "SELECT autocalls.withdraw(%s)"
_IS_HELD = """
SELECT a.worker_id = ANY (autocalls.live_workers()) FROM autocalls.account a
WHERE a.name = %s
"""
_IS_THERE = "SELECT 1 FROM autocalls.message WHERE id = %s"
_IS_PAST = "SELECT 1 FROM autocalls.past WHERE account = %s AND key = %s AND id = %s"


@define(eq=False, slots=False, str=False, repr=False, kw_only=True, auto_exc=False)
class UndecidedError(UnknownOutcomeError):
    """It was handed over, or may have been, and its end is not known yet.

    The cluster notes it when it is: `cluster.outcome(error.ref)` tells.

    Attributes:
        ref: The message.
    """

    detail: str
    ref: MessageRef


@frozen
class _Wait:
    """Somebody who waits for a message: whether they put it in, and until when."""

    ref: MessageRef
    is_own: bool
    recipient: str
    deadline: float

    def undecided(self, detail: str, standing: Standing | None = None) -> Exception:
        """Return that nobody knows yet."""
        facts: dict[str, Any] = {"recipient_phone": self.recipient}
        if standing is not None:
            facts["attempts"] = standing.attempts
            facts["handed_over_at"] = standing.handed_over_at
        return UndecidedError(detail=detail, ref=self.ref, **facts)


class Sending:
    """Puts messages in, and waits for them and for those of others to end.

    Args:
        database: The shared one.
        news: Wakes who waits.
    """

    def __init__(self, database: Database, news: News) -> None:
        self._database = database
        self._news = news
        self._undoing: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Take back what is still to be taken back."""
        if self._undoing:
            await asyncio.wait(self._undoing, timeout=_GRACE_SECONDS)

    async def send(self, outgoing: Outgoing, *, deadline: float) -> SentMessage:
        """Put a message in, and wait until it is accepted; else take it back.

        Raises:
            RejectedError: The service said no.
            UnsentError: It was withdrawn: it will not be sent.
            UnknownOutcomeError: It may have been handed over.
            ClusterError: It could not be put in.
        """
        await self._news.listen(seconds=deadline - loop_time())
        wait = await self._put(outgoing, deadline)
        try:
            standing = await self._until_ended(wait)
        except asyncio.CancelledError:
            if wait.is_own:
                await self._in_time(self._undo(_done(wait.ref.id)))
            raise
        if standing is None:
            raise await self._gone(wait)
        return _answer(standing)

    async def withdraw(self, ref: MessageRef) -> bool:
        """Take a message back; `False` where it may have left.

        Raises:
            ClusterError: Nobody knows.
        """
        if await self._database.value(_WITHDRAW, ref.id):
            return True
        is_there = await self._database.value(_IS_THERE, ref.id)
        return not is_there and not await self._is_past(ref)

    async def until_accepted(self, ref: MessageRef) -> SentMessage:
        """Wait until a message is accepted, whoever put it in; for ever, if need be.

        Raises:
            RejectedError: The service said no.
            UnknownOutcomeError: Nobody knows whether it was handed over.
            ClusterError: The database did not say.
        """
        await self._news.listen()
        with self._news.of(ref.id) as told:
            while True:
                told.clear()
                rows = await self._database.fetch(_ONE, ref.id)
                if rows and (standing := to_standing(rows[0])).is_ended:
                    return _answer(standing)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await told.wait()

    async def _put(self, outgoing: Outgoing, deadline: float) -> _Wait:
        """Put it in; what nobody waited for to the end is taken back again."""
        putting = asyncio.create_task(self._database.fetch(PUT, *outgoing.values()))
        try:
            await asyncio.wait([putting], timeout=max(deadline - loop_time(), 0.0))
        finally:
            if not putting.done():
                self._begin(self._undo(putting))
        if not putting.done():
            raise ClusterError(detail="it could not be put in within its time")
        try:
            ((number, is_new),) = putting.result()
        except ClusterError as error:
            raise explain(error, [outgoing]) from None
        ref = MessageRef(id=number, account=outgoing.account, key=outgoing.key)
        return _Wait(ref, is_new, outgoing.recipient, deadline)

    async def _undo(self, putting: Awaitable[Sequence[tuple[int, bool]]]) -> None:
        with suppress(ClusterError):
            ((number, is_new),) = await putting
            if is_new:
                await self._database.fetch(_WITHDRAW, number)

    def _begin(self, undoing: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(undoing)
        self._undoing.add(task)
        task.add_done_callback(self._undoing.discard)
        return task

    async def _in_time(self, undoing: Coroutine[Any, Any, None]) -> None:
        """Wait for it, but not for long: it goes on by itself."""
        await asyncio.wait([self._begin(undoing)], timeout=_GRACE_SECONDS)

    async def _until_ended(self, wait: _Wait) -> Standing | None:
        standing: Standing | None = None
        with self._news.of(wait.ref.id) as told:
            while (left := wait.deadline - loop_time()) > 0:
                told.clear()
                try:
                    async with asyncio.timeout(left):
                        standing = await self._look(wait)
                except TimeoutError:
                    break
                except ClusterError:
                    await asyncio.sleep(min(_AGAIN_SECONDS, left))
                    continue
                if standing is None or standing.is_ended:
                    return standing
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK_SECONDS)):
                        await told.wait()
        return await self._give_up(wait, standing)

    async def _look(self, wait: _Wait) -> Standing | None:
        """Return how it stands; raise where it came back for a reason that stays."""
        rows = await self._database.fetch(_LOOK, wait.ref.id)
        if not rows:
            return None
        *columns, paused, paused_error, paused_by = rows[0]
        standing = to_standing(tuple(columns))
        if not wait.is_own:  # who put it in relies on its being sent some day
            return standing
        if standing.has_come_back and await self.withdraw(wait.ref):
            raise standing.unsent()
        if paused is not None and standing.waits and await self.withdraw(wait.ref):
            raise _refusal(standing, paused, paused_error, paused_by)
        return standing

    async def _give_up(self, wait: _Wait, standing: Standing | None) -> Standing | None:
        """End at the deadline: taken back, or left to its end."""
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                is_back = wait.is_own and await self.withdraw(wait.ref)
                again = None if is_back else await self._look(wait)
        except (ClusterError, TimeoutError):
            raise wait.undecided(_OUT_OF_REACH, standing) from None
        if is_back:
            raise await self._too_late(wait, standing)
        if again is None or again.is_ended:
            return again
        detail = "its time was up before an answer came"
        raise wait.undecided(detail, again)

    async def _is_past(self, ref: MessageRef) -> bool:
        """Whether it ended so long ago that its row is gone, and its end with it."""
        names = (ref.account, ref.key, ref.id)
        return bool(await self._database.value(_IS_PAST, *names))

    async def _gone(self, wait: _Wait) -> Exception:
        """Return why a message has no row."""
        try:
            is_past = await self._is_past(wait.ref)
        except ClusterError:
            return wait.undecided(_OUT_OF_REACH)
        if is_past:
            detail = "it ended long ago, and how is forgotten"
            return UnknownOutcomeError(detail=detail, recipient_phone=wait.recipient)
        detail = "it was withdrawn"
        return UnsentError(detail=detail, recipient_phone=wait.recipient)

    async def _too_late(self, wait: _Wait, standing: Standing | None) -> UnsentError:
        """Return that its time was up; where nobody sends for its account, that too."""
        detail, name = _TOO_LATE, wait.ref.account
        with suppress(ClusterError, TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                if not await self._database.value(_IS_HELD, name):
                    detail += f": no worker holds account {name}; run one that knows it"
        attempts = 0 if standing is None else standing.attempts
        return UnsentError(
            recipient_phone=wait.recipient, attempts=attempts, detail=detail
        )


async def _done(number: int) -> Sequence[tuple[int, bool]]:
    """Return what putting in gave."""
    return [(number, True)]


def _answer(standing: Standing) -> SentMessage:
    match standing.state:
        case State.ACCEPTED:
            return standing.sent()
        case State.REJECTED:
            raise standing.rejected()
    raise standing.unknown()


def _refusal(
    standing: Standing, paused: str, error: str | None, by: str | None
) -> UnsentError | RejectedError:
    """Return why nobody sends for an account, as the client would say it."""
    kind = find_class(error, RejectedError)
    if kind is None:
        return standing.withdrawn(f"account {standing.account} is paused: {paused}")
    own = {"recipient_phone": standing.recipient, "attempts": standing.attempts}
    return error_from(kind, by, {}, **own)


show_in("autocalls_async.cluster", "UndecidedError", of=globals())
