"""One message on its way, and how it ends where the service has no say."""

import asyncio
from collections.abc import Callable, Hashable
from contextvars import Context
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field

from autocalls_async.errors import UnknownOutcomeError, UnsentError
from autocalls_async.lanes import Lane, Ticket
from autocalls_async.manifest import Pair
from autocalls_async.models import Message
from autocalls_async.outcomes import Outcome, Unknown, Unsent
from autocalls_async.ratelimit import GatePassage
from autocalls_async.telemetry import Answered, HandedOver, Queued, Settled
from autocalls_async.verdict import Seen
from autocalls_async.window import WindowCheck

if TYPE_CHECKING:
    from autocalls_async.ledger import Page

Settle: TypeAlias = Callable[[Outcome], None]


@define(eq=False, kw_only=True)
class Job:
    """One message on its way, and who wants to know its outcome."""

    message: Message
    sender_id: int
    lane: Lane
    window_check: WindowCheck
    settle: Settle
    flow: Hashable = None
    deadline: float | None = None
    submitted_at: float = 0.0
    call_id: int = 0
    attempt_count: int = 0
    left_at: float = 0.0  # on the loop's clock
    handed_over_at: datetime | None = None
    is_watched: bool = True  # somebody wants to know of each step
    was_checked: bool = False
    takes_spare: bool = False  # a connection made ahead is for it
    handed_over: bool = False
    withdrawn: UnsentError | None = None
    page: "Page | None" = None  # where a journal is told of it
    ticket: "Ticket[Job] | None" = field(default=None, init=False)
    passage: GatePassage | None = field(default=None, init=False)
    context: Context = field(init=False)  # from its submission on
    task: "asyncio.Task[Outcome] | None" = field(default=None, init=False)

    @property
    def recipient_phone(self) -> str:
        """Whom the message is for."""
        return self.message.recipient_phone

    @property
    def recipient(self) -> Hashable:
        """Whose order among others for the same is kept."""
        return self.sender_id, self.recipient_phone

    @property
    def pair(self) -> Pair:
        """Who writes to whom."""
        return Pair(sender_id=self.sender_id, recipient_phone=self.recipient_phone)

    def record_queued(self) -> Queued:
        """Tell that it was taken in."""
        return Queued(
            call_id=self.call_id,
            at=self.submitted_at,
            message=self.message,
            sender_id=self.sender_id,
            lane=self.lane,
        )

    def record_handed_over(self) -> HandedOver:
        """Tell that it leaves now."""
        return HandedOver(
            call_id=self.call_id,
            at=self.left_at,
            message=self.message,
            attempt=self.attempt_count,
            waited=self.left_at - self.submitted_at,
        )

    def record_answered(self, seen: Seen, *, at: float) -> Answered:
        """Tell how a request that was handed over has ended."""
        return Answered(
            call_id=self.call_id,
            at=at,
            message=self.message,
            attempt=self.attempt_count,
            seen=seen,
            round_trip=at - self.left_at,
        )

    def record_settled(self, outcome: Outcome, *, at: float) -> Settled:
        """Tell its outcome."""
        return Settled(
            call_id=self.call_id,
            at=at,
            message=self.message,
            outcome=outcome,
            waited=at - self.submitted_at,
        )


def unsent(job: Job, detail: str) -> Unsent:
    """End a message that surely did not leave."""
    error = UnsentError(detail=detail, recipient_phone=job.recipient_phone)
    return Unsent(message=job.message, error=error)


def unknown(job: Job, detail: str) -> Unknown:
    """End a message that may have left."""
    error = UnknownOutcomeError(
        detail=detail,
        recipient_phone=job.recipient_phone,
        attempts=job.attempt_count,
        handed_over_at=job.handed_over_at,
    )
    return Unknown(message=job.message, error=error)


def cut_short(job: Job) -> Outcome:
    """Say how a message ended whose task was cancelled."""
    if job.handed_over:
        return unknown(job, "the client was closed before an answer came")
    if job.withdrawn is not None:
        return Unsent(message=job.message, error=job.withdrawn)
    return unsent(job, "its task was cancelled")


def faulty(job: Job, error: BaseException) -> Outcome:
    """Say how a message ended that met a fault nobody foresaw."""
    detail = f"an unexpected fault ({type(error).__name__})"
    outcome = unknown(job, detail) if job.handed_over else unsent(job, detail)
    outcome.error.__cause__ = error
    return outcome
