"""What an attempt showed, what follows from it, and when the next may be made."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from autocalls_async.clock import loop_time
from autocalls_async.engine.outage import Outage
from autocalls_async.http.reply import Reply
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
from autocalls_async.model.later import Later
from autocalls_async.policy.retry import RetryPolicy, RetryQuota
from autocalls_async.policy.verdict import DECISIONS, Again, Kind, Seen, Verdict

if TYPE_CHECKING:
    from autocalls_async.http import replies
else:
    # cattrs comes with the first answer
    replies = Later("autocalls_async.http.replies")

# Looked up once: before CPython 3.12 a member costs ten times a global name.
_OK = Seen.OK
_NOT_MADE = frozenset({Seen.NO_CONNECTION, Seen.NO_TRUST})
_READ = Kind.READ
_ACCEPTED = Verdict.ACCEPTED
_RATE_LIMITED = Seen.RATE_LIMITED
_SEND = Kind.SEND
_YES = Again.YES


class Attempt(NamedTuple):
    """What one attempt showed."""

    seen: Seen
    detail: str
    reply: Reply | None = None
    was_cut_off: bool = False
    remedy: str | None = None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks us to wait, if it does."""
        if self.reply is None or self.seen is _OK:
            return None
        return self.reply.retry_after()

    @property
    def was_handed_over(self) -> bool:
        """Whether its first byte left."""
        return self.seen not in _NOT_MADE


_WAITED_OUT = frozenset({Seen.NO_CONNECTION, Seen.RATE_LIMITED})
"""What a message of a run waits out, though its attempts are spent."""

CUT_SHORT = Attempt(Seen.SILENCE, "it was cancelled")
"""What is known of an attempt that was left before its answer came."""


class Call:
    """One call so far: all attempts of one operation.

    Attributes:
        request: What to ask.
        deadline: On the loop's clock; no attempt is begun that a pause would put
            behind it. `None` is for bulk: it waits out an outage.
        began_at: On the same clock.
        last_error: What it came to if its time were up now.
    """

    __slots__ = (
        "attempt_count",
        "began_at",
        "deadline",
        "handed_over_count",
        "last_error",
        "request",
    )

    def __init__(
        self, request: Request, deadline: float | None, *, began_at: float
    ) -> None:
        self.request: Request = request
        self.deadline: float | None = deadline
        self.began_at: float = began_at
        self.attempt_count: int = 0
        self.handed_over_count: int = 0
        self.last_error: AutocallsError | None = None


class TryAgain(NamedTuple):
    """What follows from an attempt that may be repeated.

    Attributes:
        seconds: How long to wait before the next; 0 after a 429 to a send, which
            waits at the gate (`Pace.rate_limited`), as all others do.
        error: What the call came to if its time were up now.
    """

    seconds: float
    error: AutocallsError


class Exchange:
    """The attempts of one account: as many as decision table and policy allow."""

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
        self.outage: Outage = Outage(pause_seconds=self._pause_seconds)

    @property
    def pool_size(self) -> float:
        """Connections that a lent session may hold to the service at once."""
        return self._transport.pool_size

    def make_ahead(
        self, *kinds: Kind, now: float, seconds: float = UNUSED_SECONDS
    ) -> None:
        """Have a connection for the next request of each kind stand for so long.

        While the service is away, one attempt at a time knocks, and no spare does.
        """
        if not self.outage.is_down:
            self._transport.make_ahead(*kinds, now=now, seconds=seconds)

    async def warm(self) -> None:
        """Wait until a connection for a send and one for a read stand.

        Raises:
            UnreachableError: One could not be made.
        """
        try:
            await self._transport.warm()
        except AttemptFailed as failed:
            raise UnreachableError(detail=failed.detail) from None

    async def connect(
        self, request: Request, *, takes_spare: bool = False, is_late: bool = False
    ) -> Line | Attempt:
        """Return a connection that stands, or the attempt that this was.

        Args:
            request: What will be asked on it.
            takes_spare: It may be one that was made ahead.
            is_late: It is to stand when its turn has come, and not before.
        """
        note = self.outage.note_connected
        if is_late:
            return LateLine(self._transport, request, on_stand=note)
        try:
            line = await self._transport.connect(request, may_be_spare=takes_spare)
        except AttemptFailed as failed:
            return self.fail(failed)
        note()
        return line

    async def ask(self, line: Line, request: Request) -> Attempt:
        """Hand the request over, and return what came of it.

        Nothing is awaited between the call and the first byte.
        """
        try:
            reply = await line.ask(request)
        except AttemptFailed as failed:
            return self.fail(failed)
        if reply.body is None and request.kind is _READ:
            detail = "the answer broke off or was too long"
            return Attempt(Seen.SILENCE, detail, reply)
        seen = replies.see(reply)
        # An answer that settles all needs no words.
        detail = "" if seen is _OK else replies.describe_answer(reply, seen)
        return Attempt(seen, detail, reply)

    def fail(self, failed: AttemptFailed) -> Attempt:
        """Return what an attempt was that failed on its way."""
        if failed.seen is Seen.NO_CONNECTION:
            self.outage.note_failed()
        return Attempt(
            failed.seen,
            failed.detail,
            was_cut_off=failed.was_cut_off,
            remedy=failed.remedy,
        )

    def decide(self, call: Call, attempt: Attempt) -> Reply | AutocallsError | TryAgain:
        """Return what a call has come to, or how long to wait for its next attempt."""
        decision = DECISIONS[call.request.kind, attempt.seen]
        if decision.verdict is _ACCEPTED and attempt.reply:
            self._quota.give_back()
            return attempt.reply
        call.attempt_count += 1
        call.handed_over_count += attempt.was_handed_over
        pause = self._pause_seconds(call.attempt_count, attempt.retry_after)
        error = self._come_to(call, attempt, decision.verdict)
        if decision.again is Again.NO or not self._may_repeat(call, attempt, pause):
            return error
        call.last_error = error
        return TryAgain(0.0 if _waits_at_the_gate(call, attempt) else pause, error)

    def _may_repeat(self, call: Call, attempt: Attempt, pause: float) -> bool:
        """Whether another attempt is within the call's time and the policy."""
        is_rate_limited = attempt.seen is _RATE_LIMITED
        is_at_gate = _waits_at_the_gate(call, attempt)
        again_at = loop_time() + (attempt.retry_after or 0.0 if is_at_gate else pause)
        # Neither is the message's fault: in a run it waits for better times.
        is_waited_out = attempt.seen in _WAITED_OUT or call.request.kind is _READ
        if call.deadline is None and is_waited_out:
            # What the service asks for is waited out, be it longer than our patience.
            patience_at = call.began_at + self._retry.max_outage_seconds
            return (loop_time() if is_rate_limited else again_at) < patience_at
        if call.attempt_count >= self._retry.max_attempts:
            return False
        if call.deadline is not None and again_at >= call.deadline:
            return False
        # The pace sees to it that refused sends are not multiplied.
        return is_rate_limited or self._quota.take()

    def _pause_seconds(self, attempt: int, retry_after: float | None = None) -> float:
        return self._retry.pause_seconds(
            attempt=attempt, draw=self._draw(), retry_after=retry_after
        )

    def _come_to(
        self, call: Call, attempt: Attempt, verdict: Verdict
    ) -> AutocallsError:
        """Return what the call comes to if this was its last attempt."""
        if verdict is Verdict.REFUSED and attempt.reply:
            return replies.read_refusal(
                attempt.reply,
                recipient_phone=call.request.recipient_phone,
                attempts=call.handed_over_count,
            )
        status = attempt.reply.status if attempt.reply else None
        code = replies.read_error_code(attempt.reply) if attempt.reply else None
        if call.request.kind is _READ:
            return UnavailableError(
                detail=attempt.detail,
                remedy=attempt.remedy,
                host=self.host,
                status=status,
                error_code=code,
                attempts=call.handed_over_count,
            )
        kind = UnreachableError if verdict is Verdict.UNSENT else UnknownOutcomeError
        return kind(
            detail=attempt.detail,
            remedy=attempt.remedy,
            host=self.host,
            recipient_phone=call.request.recipient_phone,
            status=status,
            error_code=code,
            attempts=call.handed_over_count,
        )


def did_nothing(seen: Seen) -> bool:
    """Whether a send that showed this surely did nothing, and may be made again."""
    return DECISIONS[_SEND, seen].again is _YES


def _waits_at_the_gate(call: Call, attempt: Attempt) -> bool:
    """Whether the pace holds back everybody, so that no pause of its own is due."""
    is_send = call.request.kind is _SEND
    return is_send and attempt.seen is _RATE_LIMITED
