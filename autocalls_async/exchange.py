"""One logical call: attempts, decision, wait."""

import asyncio
import random
from collections.abc import Callable
from typing import NoReturn, Protocol

from attrs import define, frozen

from autocalls_async.clock import loop_time
from autocalls_async.errors import (
    AutocallsError,
    UnavailableError,
    UnknownOutcomeError,
    UnreachableError,
)
from autocalls_async.ratelimit import Check, HeldBack
from autocalls_async.reachability import Reachability
from autocalls_async.retry import RetryPolicy, RetryQuota
from autocalls_async.transport import AttemptFailed, Transport
from autocalls_async.verdict import DECISIONS, Again, Kind, Seen, Verdict
from autocalls_async.wire import (
    Reply,
    Request,
    describe,
    read_error_code,
    read_refusal,
    see,
)


class Passage(Protocol):
    """What a call goes through on its way out, once for each attempt."""

    async def prepare(self) -> None:
        """Wait, before a connection is made, until the request may soon leave."""

    async def leave(self, check: Check) -> None:
        """Wait on the standing connection for the moment to leave.

        Args:
            check: Raises if the connection has gone bad meanwhile.

        Raises:
            HeldBack: That moment is too far off. Nothing has left.
        """

    def landed(self, seen: Seen, *, retry_after: float | None) -> None:
        """Take note of how the attempt ended."""


@frozen
class _Attempt:
    """What one attempt showed."""

    seen: Seen
    detail: str
    reply: Reply | None = None
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
            if decision.again is Again.NO or not self._may_repeat(call, attempt, pause):
                _give_up(call, attempt, decision.verdict)
            if not _waits_at_the_gate(call, attempt):
                await asyncio.sleep(pause)

    async def _attempt(self, request: Request, passage: Passage) -> _Attempt:
        while True:
            await passage.prepare()
            try:
                async with self.reachability.attempt():
                    return await self._make_one(request, passage)
            except HeldBack:
                continue

    async def _make_one(self, request: Request, passage: Passage) -> _Attempt:
        async def leave(check: Check) -> None:
            self.reachability.note_connected()
            await passage.leave(check)

        attempt = _Attempt(Seen.SILENCE, "it was cancelled")
        try:
            reply = await self._transport.exchange(request, on_handover=leave)
            attempt = _judge(request, reply)
        except AttemptFailed as failure:
            attempt = _Attempt(failure.seen, failure.detail, remedy=failure.remedy)
        finally:
            passage.landed(attempt.seen, retry_after=attempt.retry_after)
        if attempt.seen is Seen.NO_CONNECTION:
            self.reachability.note_failed()
        return attempt

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


def _give_up(call: _Call, attempt: _Attempt, verdict: Verdict) -> NoReturn:
    """Raise what the last attempt comes to."""
    if verdict is Verdict.REFUSED and attempt.reply:
        raise read_refusal(
            attempt.reply,
            recipient_phone=call.request.recipient_phone,
            attempts=call.handed_over_count,
        )
    raise _error(call, attempt, verdict)


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
