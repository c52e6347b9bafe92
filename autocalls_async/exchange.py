"""One logical call: attempts, decision, wait."""

import asyncio
import random
from collections.abc import Callable
from typing import NoReturn, Protocol

from attrs import frozen

from autocalls_async.errors import (
    AutocallsError,
    UnavailableError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.ratelimit import HeldBack
from autocalls_async.retry import RetryPolicy
from autocalls_async.transport import AttemptFailed, Transport
from autocalls_async.verdict import DECISIONS, Again, Kind, Seen, Verdict
from autocalls_async.wire import Reply, Request, read_error_code, read_refusal, see


class Passage(Protocol):
    """What a call goes through on its way out, once for each attempt."""

    async def prepare(self) -> None:
        """Wait, before a connection is made, until the request may soon leave."""

    async def leave(self) -> None:
        """Wait on the standing connection for the moment to leave.

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

    @property
    def retry_after(self) -> float | None:
        return self.reply.retry_after() if self.reply else None


class Exchange:
    """Makes calls: as many attempts as the decision table and the policy allow."""

    def __init__(
        self,
        transport: Transport,
        *,
        retry: RetryPolicy,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._transport = transport
        self._retry = retry
        self._draw = draw

    async def call(
        self, request: Request, passage: Passage, *, deadline: float | None = None
    ) -> Reply:
        """Make the call, and give the answer that settles it.

        Args:
            request: What to ask.
            passage: What each attempt goes through.
            deadline: On the loop's clock; no attempt is begun that a pause
                would put behind it.

        Raises:
            RejectedError: The service said no.
            UnsentError: A send surely did not happen.
            UnknownOutcomeError: A send may have happened.
            UnavailableError: A read got no usable answer.
        """
        handed_over_count = 0
        for attempt in range(1, self._retry.max_attempts + 1):
            seen = await self._attempt(request, passage)
            decision = DECISIONS[request.kind, seen.seen]
            handed_over_count += seen.seen not in {Seen.NO_CONNECTION, Seen.NO_TRUST}
            if decision.verdict is Verdict.ACCEPTED and seen.reply:
                return seen.reply
            pause = self._pause(attempt, seen)
            is_last = attempt == self._retry.max_attempts
            if decision.again is Again.NO or is_last or _is_past(deadline, pause):
                _give_up(request, seen, decision.verdict, handed_over_count)
            await asyncio.sleep(pause)
        raise AssertionError  # max_attempts is 1 or more

    async def _attempt(self, request: Request, passage: Passage) -> _Attempt:
        while True:
            await passage.prepare()
            try:
                return await self._make_one(request, passage)
            except HeldBack:
                continue

    async def _make_one(self, request: Request, passage: Passage) -> _Attempt:
        attempt = _Attempt(Seen.SILENCE, "it was cancelled")
        try:
            reply = await self._transport.exchange(request, on_handover=passage.leave)
            attempt = _judge(request, reply)
        except AttemptFailed as failure:
            attempt = _Attempt(failure.seen, failure.detail)
        finally:
            passage.landed(attempt.seen, retry_after=attempt.retry_after)
        return attempt

    def _pause(self, attempt: int, seen: _Attempt) -> float:
        return self._retry.pause_seconds(
            attempt=attempt, draw=self._draw(), retry_after=seen.retry_after
        )


def _judge(request: Request, reply: Reply) -> _Attempt:
    if reply.body is None and request.kind is Kind.READ:
        return _Attempt(Seen.SILENCE, "the answer broke off or was too long", reply)
    seen = see(reply)
    return _Attempt(seen, f"the answer was {seen.value}", reply)


def _is_past(deadline: float | None, pause: float) -> bool:
    now = asyncio.get_running_loop().time()
    return deadline is not None and now + pause >= deadline


def _give_up(
    request: Request, attempt: _Attempt, verdict: Verdict, attempts: int
) -> NoReturn:
    """Raise what the last attempt comes to."""
    if verdict is Verdict.REFUSED and attempt.reply:
        raise read_refusal(
            attempt.reply, recipient_phone=request.recipient_phone, attempts=attempts
        )
    raise _error(request, attempt, verdict, attempts)


def _error(
    request: Request, attempt: _Attempt, verdict: Verdict, attempts: int
) -> AutocallsError:
    status = attempt.reply.status if attempt.reply else None
    code = read_error_code(attempt.reply) if attempt.reply else None
    if request.kind is Kind.READ:
        return UnavailableError(
            detail=attempt.detail, status=status, error_code=code, attempts=attempts
        )
    kind = UnsentError if verdict is Verdict.UNSENT else UnknownOutcomeError
    return kind(
        detail=attempt.detail,
        recipient_phone=request.recipient_phone,
        status=status,
        error_code=code,
        attempts=attempts,
    )
