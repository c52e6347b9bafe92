"""One message on its way, and how it ends where the service has no say."""

import asyncio
from collections.abc import Callable, Hashable
from contextvars import Context
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

from autocalls_async.engine.gate import GatePassage
from autocalls_async.model.errors import (
    AutocallsError,
    RejectedError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.later import Later
from autocalls_async.model.messages import Message, Pair
from autocalls_async.model.outcomes import Outcome, Rejected, Unknown, Unsent
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.lanes import Place as Ticket
from autocalls_async.policy.verdict import Seen
from autocalls_async.policy.windows import WindowCheck, WindowState

if TYPE_CHECKING:
    from autocalls_async.engine import telemetry as records
else:
    records = Later("autocalls_async.engine.telemetry")  # most programs observe no step

Settle: TypeAlias = Callable[[Outcome], None]


class Page(Protocol):
    """Where a journal is told of one message."""

    async def leaving(self, *, fell_back: bool) -> None:
        """Note the intent for good, before the first byte of it or its fallback.

        Raises:
            UnsentError: It could not be noted, so the message must not leave.
            UnknownOutcomeError: Somebody else has changed it in the journal.
        """

    def came_back(self) -> None:
        """Note that it did nothing, and may leave again."""

    def settle(self, outcome: Outcome, *, is_withdrawn: bool) -> None:
        """Note how it ended."""


class Job:
    """One message on its way, and who wants to know its outcome."""

    __slots__ = (
        "ahead_count",
        "attempt_count",
        "call_id",
        "context",
        "deadline",
        "flow",
        "handed_over",
        "handed_over_at",
        "host",
        "is_watched",
        "lane",
        "last_error",
        "left_at",
        "message",
        "needs_slot",
        "page",
        "passage",
        "sender_id",
        "settle",
        "submitted_at",
        "takes_spare",
        "task",
        "ticket",
        "was_checked",
        "window_check",
        "withdrawn",
    )
    context: Context  # from its submission on

    def __init__(  # noqa: PLR0913  # each is a fact of the message
        self,
        *,
        message: Message,
        sender_id: int,
        lane: Lane,
        window_check: WindowCheck,
        settle: Settle,
        flow: Hashable = None,
        deadline: float | None = None,
        host: str | None = None,
        takes_spare: bool = False,
    ) -> None:
        self.message = message
        self.sender_id = sender_id
        self.lane = lane
        self.window_check = window_check
        self.settle = settle
        self.flow = flow
        self.deadline = deadline
        self.host = host  # whom it is sent to
        self.takes_spare = takes_spare  # a connection made ahead is for it
        self.submitted_at = 0.0
        self.call_id = 0
        self.attempt_count = 0
        self.left_at = 0.0  # on the loop's clock
        self.handed_over_at: datetime | None = None
        self.is_watched = True  # somebody wants to know of each step
        self.was_checked = False
        self.handed_over = False
        self.withdrawn: UnsentError | RejectedError | None = None
        self.needs_slot = True  # its window was not known to be closed when it came
        self.ahead_count = 0  # messages that waited when it came
        self.last_error: AutocallsError | None = None  # if its time were up now
        self.page: Page | None = None  # where a journal is told of it
        self.ticket: Ticket[Job] | None = None
        self.passage: GatePassage | None = None
        self.task: asyncio.Task[Outcome] | None = None

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

    def record_queued(self) -> "records.Queued":
        """Tell that it was taken in."""
        return records.Queued(
            call_id=self.call_id,
            at=self.submitted_at,
            message=self.message,
            sender_id=self.sender_id,
            lane=self.lane,
        )

    def record_checked(
        self, state: WindowState, *, was_asked: bool, at: float
    ) -> "records.Checked":
        """Tell what its window was found to be."""
        return records.Checked(
            call_id=self.call_id,
            at=at,
            message=self.message,
            state=state,
            was_asked=was_asked,
        )

    def record_handed_over(self) -> "records.HandedOver":
        """Tell that it leaves now."""
        return records.HandedOver(
            call_id=self.call_id,
            at=self.left_at,
            message=self.message,
            attempt=self.attempt_count,
            waited=self.left_at - self.submitted_at,
        )

    def record_answered(self, seen: Seen, *, at: float) -> "records.Answered":
        """Tell how a request that was handed over has ended."""
        return records.Answered(
            call_id=self.call_id,
            at=at,
            message=self.message,
            attempt=self.attempt_count,
            seen=seen,
            round_trip=at - self.left_at,
        )

    def record_settled(self, outcome: Outcome, *, at: float) -> "records.Settled":
        """Tell its outcome."""
        return records.Settled(
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


def turned_back(job: Job, error: UnsentError | RejectedError) -> Outcome:
    """End a message that surely did not leave, with what is known of why."""
    error.recipient_phone = job.recipient_phone
    if isinstance(error, RejectedError):
        return Rejected(message=job.message, error=error)
    return Unsent(message=job.message, error=error)


def unknown(job: Job, detail: str) -> Unknown:
    """End a message that may have left."""
    error = UnknownOutcomeError(
        detail=detail,
        recipient_phone=job.recipient_phone,
        host=job.host,
        attempts=job.attempt_count,
        handed_over_at=job.handed_over_at,
    )
    return Unknown(message=job.message, error=error)


def cut_short(job: Job) -> Outcome:
    """Say how a message ended whose task was cancelled."""
    if job.handed_over:
        return unknown(job, "the client was closed before an answer came")
    if job.withdrawn is not None:
        return turned_back(job, job.withdrawn)
    return unsent(job, "its task was cancelled")


def faulty(job: Job, error: BaseException) -> Outcome:
    """Say how a message ended that met a fault nobody foresaw."""
    detail = f"an unexpected fault ({type(error).__name__})"
    outcome = unknown(job, detail) if job.handed_over else unsent(job, detail)
    outcome.error.__cause__ = error
    return outcome
