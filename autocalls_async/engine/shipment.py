"""One message on its way: what it is, and where it stands."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping
from contextvars import Context, copy_context
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from autocalls_async.clock import utc_now
from autocalls_async.engine.gate.turns import Turn
from autocalls_async.model.errors import (
    AutocallsError,
    RejectedError,
    UnsentError,
)
from autocalls_async.model.later import Later
from autocalls_async.model.messages import FreeformMessage, Message, Pair
from autocalls_async.model.outcomes import Outcome
from autocalls_async.policy.lanes import Lane, Place
from autocalls_async.policy.verdict import Seen
from autocalls_async.policy.windows import WindowCheck, WindowState

if TYPE_CHECKING:
    from autocalls_async.engine.telemetry import records
else:
    # most programs observe no step
    records = Later("autocalls_async.engine.telemetry.records")

OnSettled: TypeAlias = Callable[[Outcome], None]


class Stage(Enum):
    """Where a message stands, and what becomes of it there if it is wanted back.

    - QUEUED, HELD: it ends as unsent, and never leaves. An intent that a journal has
      noted meanwhile is taken back; a kill would leave it there.
    - LEFT: it goes on to its true end. Whoever waited is told no more of it: a journal
      is, and an observer. Where that end is "did nothing", it does not leave again.
    - SETTLED: it has its outcome, whether somebody takes it or not.
    """

    if not TYPE_CHECKING:
        # Members are single, and Enum's own is ten times as slow.
        __hash__ = object.__hash__

    MADE = "not given to the queue yet"
    QUEUED = "waits in its lane"
    HELD = "is checked and connected ahead, or waits for its turn (`TurnStage`)"
    LEFT = "was handed over"
    SETTLED = "has its outcome"


ALLOWED: Mapping[Stage, frozenset[Stage]] = {
    Stage.MADE: frozenset({Stage.QUEUED, Stage.HELD, Stage.SETTLED}),
    Stage.QUEUED: frozenset({Stage.HELD, Stage.SETTLED}),
    Stage.HELD: frozenset({Stage.LEFT, Stage.SETTLED}),
    # Back to HELD where it surely did nothing: before all others to its recipient.
    Stage.LEFT: frozenset({Stage.HELD, Stage.SETTLED}),
    Stage.SETTLED: frozenset(),
}
"""The moves that there are."""


class Page(Protocol):
    """Where a journal is told of one message."""

    async def leaving(self, *, fell_back: bool, outside_window: bool) -> None:
        """Note the intent for good, before the first byte of it or its fallback.

        Raises:
            UnsentError: It could not be noted, so the message must not leave.
            UnknownOutcomeError: Somebody else has changed it in the journal.
        """

    def stayed(self) -> None:
        """Note that it has not left after all, and is what it was."""

    def look(self) -> UnsentError | None:
        """Return why the journal does not let it leave any more."""

    def came_back(self) -> None:
        """Note that it left and did nothing, and may leave again."""

    def put_aside(self) -> None:
        """Note that it did nothing, and leave it to others until it may leave."""

    def settle(self, outcome: Outcome, *, is_withdrawn: bool) -> None:
        """Note how it ended."""


class Rule(Protocol):
    """What a message is held against just before its first byte."""

    def look(self, *, is_outside: bool) -> UnsentError | None:
        """Return why it may not leave at this instant.

        Args:
            is_outside: It would reach its recipient outside an open window.
        """


class Shipment:
    """One message on its way, and who wants to know its outcome.

    Only its own methods write what changes; `Shipments.move` alone moves it.
    """

    __slots__ = (
        "ahead_count",
        "attempt_count",
        "call_id",
        "context",
        "deadline",
        "fell_back",
        "flow",
        "handed_over_at",
        "host",
        "index",
        "is_bulk_begun",
        "is_single",
        "is_watched",
        "landed_at",
        "lane",
        "last_error",
        "left_at",
        "message",
        "needs_slot",
        "on_settled",
        "page",
        "place",
        "recipient",
        "rule",
        "sender_id",
        "stage",
        "submitted_at",
        "takes_spare",
        "task",
        "turn",
        "was_checked",
        "window_check",
        "withdrawn",
        "withdrawn_late",
    )
    # From its submission on:
    submitted_at: float  # on the loop's clock
    call_id: int
    host: str | None  # whom it is sent to
    context: Context
    is_watched: bool  # somebody wants to know of each step
    left_at: float  # on the loop's clock, from its first handing over on
    landed_at: float  # its request had ended

    def __init__(  # noqa: PLR0913  # each is a fact of the message
        self,
        *,
        message: Message,
        sender_id: int,
        lane: Lane,
        window_check: WindowCheck,
        on_settled: OnSettled,
        flow: Hashable = None,
        deadline: float | None = None,
        is_single: bool = False,
        takes_spare: bool = False,
    ) -> None:
        self.message: Message = message
        self.sender_id: int = sender_id
        self.recipient: tuple[int, str] = (sender_id, message.recipient_phone)
        self.lane: Lane = lane
        self.window_check: WindowCheck = window_check
        self.on_settled: OnSettled = on_settled
        self.flow: Hashable = flow
        self.deadline: float | None = deadline
        self.index: int | None = None  # its place in the source of its run
        self.is_single: bool = is_single  # somebody waits for this one alone
        self.takes_spare: bool = takes_spare  # a connection made ahead is for it
        self.page: Page | None = None  # where a journal is told of it
        self.rule: Rule | None = None  # of its run, or its call
        self.stage: Stage = Stage.MADE
        self.attempt_count: int = 0
        self.handed_over_at: datetime | None = None
        self.was_checked: bool = False
        self.fell_back: bool = False  # to its template
        self.withdrawn: UnsentError | RejectedError | None = None
        self.withdrawn_late: UnsentError | RejectedError | None = None
        self.needs_slot: bool = True  # its window was not known as closed
        self.ahead_count: int = 0  # messages that waited when it came
        self.last_error: AutocallsError | None = None  # if its time were up now
        self.place: Place[Shipment] | None = None  # in the lanes
        self.is_bulk_begun: bool = False  # it holds one of bulk's connections, or will
        self.turn: Turn | None = None  # at the gate, of the attempt under way
        self.task: asyncio.Task[None] | None = None

    def number(self, index: int) -> None:
        """Note its place in the source of its run."""
        self.index = index

    def note_in(self, page: Page | None) -> None:
        """Have a journal told of it, if there is one."""
        self.page = page

    def hold_against(self, rule: Rule) -> None:
        """Have it held against a rule just before its first byte."""
        self.rule = rule

    def note_arrival(self, *, needs_slot: bool, ahead_count: int) -> None:
        """Note what it found when it was submitted."""
        self.needs_slot = needs_slot
        self.ahead_count = ahead_count

    def submit(
        self, *, at: float, call_id: int, host: str | None, is_watched: bool
    ) -> None:
        """Note that it was submitted, in this context."""
        self.submitted_at = at
        self.call_id = call_id
        self.host = host
        self.context = copy_context()
        self.is_watched = is_watched

    def enter(self, stage: Stage) -> Stage:
        """Come to a stage, and return the one before; `Shipments.move` alone asks.

        Raises:
            RuntimeError: There is no such move.
        """
        before = self.stage
        if stage not in ALLOWED[before]:
            msg = f"a message cannot go from {before.name} to {stage.name}"
            raise RuntimeError(msg)
        self.stage = stage
        return before

    def queue(self, place: "Place[Shipment]") -> None:
        """Note its place in the lanes."""
        self.place = place

    def promote(self) -> None:
        """Move to the interactive lane."""
        self.lane = Lane.INTERACTIVE

    def hold(self, place: "Place[Shipment]", *, lane: Lane) -> None:
        """Note that it is held, out of a lane that need not be its own."""
        self.place = place
        self.lane = lane
        self.is_bulk_begun = lane is Lane.BULK

    def start(
        self,
        sending: Coroutine[object, object, None],
        *,
        if_never_run: Callable[[asyncio.Task[None]], object],
    ) -> None:
        """Start the task that sends it, in its submitter's context.

        Args:
            sending: What the task runs; it calls `note_started()` first.
            if_never_run: Called in its place where the task is cancelled before its
                first step.
        """
        loop = asyncio.get_running_loop()
        self.task = loop.create_task(sending, context=self.context)
        self.task.add_done_callback(if_never_run, context=self.context)

    def note_started(
        self, *, if_never_run: Callable[[asyncio.Task[None]], object]
    ) -> None:
        """Note that its task runs."""
        if self.task is not None:  # an eager task runs before it is returned
            self.task.remove_done_callback(if_never_run)

    def come_to_gate(self, *, intends: bool) -> Turn:
        """Return the turn of a new attempt."""
        assert self.place is not None  # noqa: S101  # it is held
        self.turn = Turn(self.lane, self.place.order, intends=intends)
        return self.turn

    def leave(self, *, at: float) -> None:
        """Note when it is handed over: now."""
        self.attempt_count += 1
        self.left_at = at
        self.handed_over_at = utc_now()

    def land(self, *, at: float) -> None:
        """Note when its request has ended: now."""
        self.landed_at = at

    def fall_back(self) -> None:
        """Go on with its template."""
        self.fell_back = True

    @property
    def text(self) -> str | None:
        """What it says, if it is free text; a template's text is not known here."""
        message = self.message
        if isinstance(message, FreeformMessage) and not self.fell_back:
            return message.message
        return None

    def withdraw(self, error: UnsentError | RejectedError) -> None:
        """Note that it must not leave any more."""
        self.withdrawn = error

    def withdraw_late(self, error: UnsentError | RejectedError) -> None:
        """Note that it must not leave again: it has left, and may come back."""
        self.withdrawn_late = error

    def come_back(self) -> None:
        """Note that it surely did nothing: who wanted it back meanwhile may have it."""
        self.withdrawn = self.withdrawn or self.withdrawn_late

    def note_failed(self, error: AutocallsError) -> None:
        """Note what it came to if its time were up now."""
        self.last_error = error

    def note_checked(self) -> None:
        """Note that its window was asked for, or known."""
        self.was_checked = True

    def end(self) -> None:
        """Drop what refers back to it: its place, its turn and its task."""
        self.place = self.turn = self.task = None

    @property
    def recipient_phone(self) -> str:
        """Whom the message is for."""
        return self.message.recipient_phone

    @property
    def pair(self) -> Pair:
        """Who writes to whom."""
        return Pair(sender_id=self.sender_id, recipient_phone=self.recipient_phone)

    def record_queued(self) -> "records.Queued":
        """Return what an observer is told as it is taken in."""
        return records.Queued(
            call_id=self.call_id,
            at=self.submitted_at,
            message=self.message,
            sender_id=self.sender_id,
            lane=self.lane,
            host=self.host,
        )

    def record_checked(
        self, state: WindowState, *, was_asked: bool, at: float
    ) -> "records.Checked":
        """Return what an observer is told of its window."""
        return records.Checked(
            call_id=self.call_id,
            at=at,
            message=self.message,
            state=state,
            was_asked=was_asked,
        )

    def record_handed_over(self) -> "records.HandedOver":
        """Return what an observer is told as it leaves: now."""
        return records.HandedOver(
            call_id=self.call_id,
            at=self.left_at,
            message=self.message,
            attempt=self.attempt_count,
            waited=self.left_at - self.submitted_at,
        )

    def record_answered(self, seen: Seen) -> "records.Answered":
        """Return what an observer is told of how a request has ended."""
        return records.Answered(
            call_id=self.call_id,
            at=self.landed_at,
            message=self.message,
            attempt=self.attempt_count,
            seen=seen,
            round_trip=self.landed_at - self.left_at,
        )

    def record_settled(self, outcome: Outcome, *, at: float) -> "records.Settled":
        """Return what an observer is told of its outcome."""
        return records.Settled(
            call_id=self.call_id,
            at=at,
            message=self.message,
            outcome=outcome,
            waited=at - self.submitted_at,
        )
