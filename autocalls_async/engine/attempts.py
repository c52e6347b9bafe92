"""One logical call: attempts, decision, wait."""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from attrs import define

from autocalls_async.engine.gate import HeldBack
from autocalls_async.engine.outage import Reachability
from autocalls_async.http.loop import loop_time
from autocalls_async.http.replies import (
    Reply,
    describe,
    read_error_code,
    read_refusal,
    see,
)
from autocalls_async.http.requests import Request
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.http.transport.late import LateLine
from autocalls_async.http.transport.line import UNUSED_SECONDS, Line
from autocalls_async.http.transport.transport import Transport
from autocalls_async.model.errors import (
    AutocallsError,
    UnavailableError,
    UnknownOutcomeError,
    UnreachableError,
)
from autocalls_async.policy.retry import RetryPolicy, RetryQuota
from autocalls_async.policy.verdict import DECISIONS, Again, Kind, Seen, Verdict


class Passage(Protocol):
    """What a call goes through on its way out, once for each attempt."""

    takes_spare: bool
    """Whether a connection made ahead is for it."""

    connects_late: bool
    """Whether it may hold no connection before its turn has come."""

    async def prepare(self) -> None:
        """Wait, before a connection is made, until the request may soon leave."""

    async def leave(self, line: Line) -> None:
        """Wait on the standing connection for the moment to leave.

        Raises:
            HeldBack: That moment is too far off. Nothing has left.
        """

    def landed(self, seen: Seen, *, retry_after: float | None) -> None:
        """Take note of how the attempt ended."""

    def note_failed(self, error: AutocallsError) -> None:
        """Take note of what the call came to if its time were up now."""


@define(eq=False)
class _Attempt:
    """What one attempt showed."""

    seen: Seen
    detail: str
    reply: Reply | None = None
    was_cut_off: bool = False
    remedy: str | None = None

    @property
    def retry_after(self) -> float | None:
        if self.reply is None or self.seen is Seen.OK:
            return None
        return self.reply.retry_after()

    @property
    def was_handed_over(self) -> bool:
        return self.seen not in {Seen.NO_CONNECTION, Seen.NO_TRUST}


@define
class _Call:
    """One call so far."""

    request: Request
    host: str | None
    deadline: float | None
    began_at: float
    attempt_count: int = 0
    handed_over_count: int = 0


class Exchange:
    """Makes calls: as many attempts as the decision table and the policy allow."""

    def __init__(
        self,
        transport: Transport,
        *,
        retry: RetryPolicy,
        host: str | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._transport = transport
        self.host: str | None = host
        self._retry = retry
        self._quota = RetryQuota()
        self._draw = draw
        self.reachability: Reachability = Reachability(
            pause_seconds=self._pause_seconds
        )

    @property
    def pool_size(self) -> float:
        """Connections that a lent session may hold to the service at once."""
        return self._transport.pool_size

    def make_ahead(self, kind: Kind, *, seconds: float = UNUSED_SECONDS) -> None:
        """Have a connection for the next request of a kind stand for so long.

        While the service is away, one attempt at a time knocks, and no spare does.
        """
        if not self.reachability.is_down():
            self._transport.make_ahead(kind, seconds=seconds)

    async def warm(self) -> None:
        """Wait until a connection for a send and one for a read stand.

        Raises:
            UnreachableError: One could not be made.
        """
        try:
            await self._transport.warm()
        except AttemptFailed as failed:
            raise UnreachableError(detail=failed.detail) from None

    async def call(
        self, request: Request, passage: Passage, *, deadline: float | None = None
    ) -> Reply:
        """Make the call, and give the answer that settles it.

        Args:
            request: What to ask.
            passage: What each attempt goes through.
            deadline: On the loop's clock; no attempt is begun that a pause
                would put behind it. `None` is for bulk: it waits out an outage.

        Raises:
            RejectedError: The service said no.
            UnsentError: A send surely did not happen.
            UnknownOutcomeError: A send may have happened.
            UnavailableError: A read got no usable answer.
        """
        call = _Call(request, self.host, deadline, loop_time())
        while True:
            attempt = await self._attempt(request, passage)
            decision = DECISIONS[request.kind, attempt.seen]
            call.attempt_count += 1
            call.handed_over_count += attempt.was_handed_over
            if decision.verdict is Verdict.ACCEPTED and attempt.reply:
                self._quota.give_back()
                return attempt.reply
            pause = self._pause_seconds(call.attempt_count, attempt.retry_after)
            error = _come_to(call, attempt, decision.verdict)
            if decision.again is Again.NO or not self._may_repeat(call, attempt, pause):
                raise error
            passage.note_failed(error)
            if not _waits_at_the_gate(call, attempt):
                await asyncio.sleep(pause)

    async def _attempt(self, request: Request, passage: Passage) -> _Attempt:
        may_be_stale = request.kind is Kind.READ
        while True:
            await passage.prepare()
            try:
                attempt = await self._make_one(request, passage)
            except HeldBack:
                continue
            if not (may_be_stale and attempt.was_cut_off):
                return attempt
            # A kept connection may just have been closed, and asking anew is free.
            may_be_stale = False

    async def _make_one(self, request: Request, passage: Passage) -> _Attempt:
        if not self.reachability.is_down():
            return await self._go(request, passage)
        async with self.reachability.attempt():
            return await self._go(request, passage)

    async def _go(self, request: Request, passage: Passage) -> _Attempt:
        """Connect, wait for the turn, hand over, read."""
        attempt = _Attempt(Seen.SILENCE, "it was cancelled")
        line = None
        try:
            line = await self._connect(request, passage)
            await passage.leave(line)
            # Nothing is awaited between here and the first byte.
            attempt = _judge(request, await line.ask(request))
        except AttemptFailed as failed:
            attempt = _Attempt(
                failed.seen,
                failed.detail,
                was_cut_off=failed.was_cut_off,
                remedy=failed.remedy,
            )
        finally:
            if line is not None:
                line.close()
            passage.landed(attempt.seen, retry_after=attempt.retry_after)
        if attempt.seen is Seen.NO_CONNECTION:
            self.reachability.note_failed()
        return attempt

    async def _connect(self, request: Request, passage: Passage) -> Line:
        if passage.connects_late:
            note = self.reachability.note_connected
            return LateLine(self._transport, request, on_stand=note)
        line = await self._transport.connect(request, may_be_spare=passage.takes_spare)
        self.reachability.note_connected()
        return line

    def _may_repeat(self, call: _Call, attempt: _Attempt, pause: float) -> bool:
        """Say whether another attempt is within the call's time and the policy."""
        if _waits_at_the_gate(call, attempt):
            pause = attempt.retry_after or 0.0
        again_at = loop_time() + pause
        is_outage = attempt.seen is Seen.NO_CONNECTION or call.request.kind is Kind.READ
        if call.deadline is None and is_outage:
            return again_at < call.began_at + self._retry.max_outage_seconds
        if call.attempt_count >= self._retry.max_attempts:
            return False
        if call.deadline is not None and again_at >= call.deadline:
            return False
        # The pace sees to it that refused sends are not multiplied.
        return attempt.seen is Seen.RATE_LIMITED or self._quota.take()

    def _pause_seconds(self, attempt: int, retry_after: float | None = None) -> float:
        return self._retry.pause_seconds(
            attempt=attempt, draw=self._draw(), retry_after=retry_after
        )


def _waits_at_the_gate(call: _Call, attempt: _Attempt) -> bool:
    """Whether the pace holds back everybody, so that no pause of its own is due."""
    is_send = call.request.kind is Kind.SEND
    return is_send and attempt.seen is Seen.RATE_LIMITED


def _judge(request: Request, reply: Reply) -> _Attempt:
    if reply.body is None and request.kind is Kind.READ:
        return _Attempt(Seen.SILENCE, "the answer broke off or was too long", reply)
    seen = see(reply)
    return _Attempt(seen, describe(reply, seen), reply)


def _come_to(call: _Call, attempt: _Attempt, verdict: Verdict) -> AutocallsError:
    """Return what the call comes to if this was its last attempt."""
    if verdict is Verdict.REFUSED and attempt.reply:
        return read_refusal(
            attempt.reply,
            recipient_phone=call.request.recipient_phone,
            attempts=call.handed_over_count,
        )
    return _error(call, attempt, verdict)


def _error(call: _Call, attempt: _Attempt, verdict: Verdict) -> AutocallsError:
    status = attempt.reply.status if attempt.reply else None
    code = read_error_code(attempt.reply) if attempt.reply else None
    if call.request.kind is Kind.READ:
        return UnavailableError(
            detail=attempt.detail,
            remedy=attempt.remedy,
            host=call.host,
            status=status,
            error_code=code,
            attempts=call.handed_over_count,
        )
    kind = UnreachableError if verdict is Verdict.UNSENT else UnknownOutcomeError
    return kind(
        detail=attempt.detail,
        remedy=attempt.remedy,
        host=call.host,
        recipient_phone=call.request.recipient_phone,
        status=status,
        error_code=code,
        attempts=call.handed_over_count,
    )
