"""Enqueue one message and wait for what becomes of it; it fails as the client does."""

import asyncio
from contextlib import suppress

from attrs import define

from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.records import COLUMNS, MessageRef, Standing, to_standing
from autocalls_async.cluster.waiting import LOOK_SECONDS, News
from autocalls_async.http.loop import loop_time
from autocalls_async.journal import State
from autocalls_async.model import errors
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    RejectedError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.values.naming import show_in

_AGAIN_SECONDS = 0.2
_TOO_LATE = "its time was up before it could leave"
_LOOK = f"""
SELECT {COLUMNS}, CASE WHEN autocalls.is_paused(a) THEN a.paused END, a.paused_error
FROM autocalls.message m JOIN autocalls.account a ON a.name = m.account WHERE m.id = %s
"""  # noqa: S608  # our own words
_WITHDRAW = "SELECT autocalls.withdraw(%s)"
_IS_THERE = "SELECT 1 FROM autocalls.message WHERE id = %s"


@define(eq=False, slots=False, str=False, repr=False, kw_only=True, auto_exc=False)
class UndecidedError(UnknownOutcomeError):
    """It was handed over, or may have been, and its end is not known yet.

    The cluster notes it when it is: `cluster.outcome(error.ref)` tells.

    Attributes:
        ref: The message.
    """

    detail: str
    ref: MessageRef


class Sending:
    """Waits for messages of others to end.

    Args:
        database: The shared one.
        news: Wakes who waits.
    """

    def __init__(self, database: Database, news: News) -> None:
        self._database = database
        self._news = news

    async def until_sent(self, ref: MessageRef, *, deadline: float) -> SentMessage:
        """Wait until a message is accepted; take it back where nobody will send it.

        Raises:
            RejectedError: The service said no.
            UnsentError: It was withdrawn: it will not be sent.
            UnknownOutcomeError: It may have been handed over.
        """
        try:
            standing = await self._until_ended(ref, deadline)
        except asyncio.CancelledError:
            with suppress(ClusterError):
                await asyncio.shield(self.withdraw(ref))
            raise
        if standing is None:
            raise UnsentError(detail="it was withdrawn")
        return _answer(standing)

    async def withdraw(self, ref: MessageRef) -> bool:
        """Take a message back; `False` where it may have left.

        Raises:
            ClusterError: Nobody knows.
        """
        if await self._database.value(_WITHDRAW, ref.id):
            return True
        return await self._database.value(_IS_THERE, ref.id) is None

    async def _until_ended(self, ref: MessageRef, deadline: float) -> Standing | None:
        with self._news.of(ref.id) as told:
            while True:
                told.clear()
                try:
                    standing = await self._look(ref)
                except ClusterError:
                    await self._out_of_reach(ref, deadline)
                    continue
                if standing is None or standing.is_ended:
                    return standing
                left = deadline - loop_time()
                if left <= 0:
                    return await self._give_up(ref, standing)
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK_SECONDS)):
                        await told.wait()

    async def _look(self, ref: MessageRef) -> Standing | None:
        """Return how it stands; raise where it came back for a reason that stays."""
        rows = await self._database.fetch(_LOOK, ref.id)
        if not rows:
            return None
        *columns, paused, paused_error = rows[0]
        standing = to_standing(tuple(columns))
        if standing.has_come_back and await self.withdraw(ref):
            raise standing.unsent()
        if paused is not None and standing.waits and await self.withdraw(ref):
            raise _refusal(standing, paused, paused_error)
        return standing

    async def _out_of_reach(self, ref: MessageRef, deadline: float) -> None:
        if loop_time() >= deadline:
            detail = "the database was out of reach, and with it what became of it"
            raise UndecidedError(detail=detail, ref=ref)
        await asyncio.sleep(_AGAIN_SECONDS)

    async def _give_up(self, ref: MessageRef, standing: Standing) -> Standing | None:
        """End at the deadline: taken back, or left to its end."""
        detail = "its time was up before an answer came"
        try:
            if await self.withdraw(ref):
                raise standing.withdrawn(_TOO_LATE)
            again = await self._look(ref)
        except ClusterError:
            raise UndecidedError(detail=detail, ref=ref) from None
        if again is None or again.is_ended:
            return again
        error = UndecidedError(detail=detail, ref=ref)
        error.recipient_phone = again.recipient
        error.attempts = again.attempts
        error.handed_over_at = again.handed_over_at
        raise error


def _answer(standing: Standing) -> SentMessage:
    match standing.state:
        case State.ACCEPTED:
            return standing.sent()
        case State.REJECTED:
            raise standing.rejected()
    raise standing.unknown()


def _refusal(
    standing: Standing, paused: str, error: str | None
) -> UnsentError | RejectedError:
    """Return why nobody sends for an account, as the client would say it."""
    kind = getattr(errors, error or "", None)
    if isinstance(kind, type) and issubclass(kind, RejectedError):
        return kind(recipient_phone=standing.recipient)
    return standing.withdrawn(f"account {standing.account} is paused: {paused}")


show_in("autocalls_async.cluster", "UndecidedError", of=globals())
