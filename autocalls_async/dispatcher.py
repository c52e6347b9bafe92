"""The way of a message: its lane, the window, the gate, the exchange, an outcome.

A message in hand belongs to the client, not to whoever waits for it. Until it
is handed over it can be withdrawn, and is then surely unsent; after that its
request is left to end, and its answer is accounted for.
"""

import asyncio
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from attrs import define, field

from autocalls_async.errors import (
    RateLimitedError,
    RejectedError,
    TemplateRequiredError,
    UnavailableError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.exchange import Exchange
from autocalls_async.lanes import Lane, Lanes, Ticket
from autocalls_async.models import (
    ConversationStatus,
    FreeformMessage,
    Message,
    SentMessage,
    SessionStatus,
    TemplateMessage,
)
from autocalls_async.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from autocalls_async.ratelimit import Gate, GatePassage
from autocalls_async.verdict import DECISIONS, Again, Kind, Seen
from autocalls_async.window import WindowCheck, WindowMemory, WindowState
from autocalls_async.wire import (
    Reply,
    Request,
    read_conversation,
    read_sent,
    send_request,
    session_status_request,
)

HELD_SECONDS = 2.0
"""So much work, at the pace, is checked and connected ahead of its turn: enough to
hide both, and so little that no connection waits long and no window closes."""

MAX_IN_HAND = 64
"""Messages of one lane that are checked and connected ahead, at whatever pace."""

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
    was_checked: bool = False
    handed_over: bool = False
    withdrawn: UnsentError | None = None
    ticket: "Ticket[Job] | None" = field(default=None, init=False)
    task: "asyncio.Task[None] | None" = field(default=None, init=False)


class _SendPassage(GatePassage):
    """A send's way out: the window is judged last, just before it connects."""

    def __init__(self, dispatcher: "Dispatcher", job: Job, *, order: int) -> None:
        super().__init__(dispatcher.send_gate, lane=job.lane, order=order)
        self._dispatcher = dispatcher
        self._job = job

    async def prepare(self) -> None:
        await super().prepare()
        await self._dispatcher.check_window(self._job)

    async def leave(self) -> None:
        await super().leave()
        # Nothing is awaited between here and the first byte.
        self._job.handed_over = True
        self._dispatcher.note_handed_over(self._job)

    def landed(self, seen: Seen, *, retry_after: float | None) -> None:
        super().landed(seen, retry_after=retry_after)
        if DECISIONS[Kind.SEND, seen].again is Again.YES:
            self._job.handed_over = False


class Dispatcher:
    """Takes messages in, and gives each of them its one outcome."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        send_gate: Gate,
        read_gate: Gate,
        windows: WindowMemory,
    ) -> None:
        self.send_gate = send_gate
        self._read_gate = read_gate
        self._exchange = exchange
        self._windows = windows
        at_pace = round(HELD_SECONDS / send_gate.pace.limit.gap)
        self._hand_count = min(max(1, at_pace), MAX_IN_HAND)
        self._lanes: Lanes[Job] = Lanes()
        self._jobs: set[Job] = set()
        self._in_hand: dict[Lane, set[Job]] = {lane: set() for lane in Lane}
        self._closed = False

    # Taking in

    def submit(self, job: Job) -> None:
        """Take a message in; its `settle` is called exactly once."""
        if self._closed:
            job.settle(_unsent(job, "the client is closed"))
            return
        job.submitted_at = _now()
        self._jobs.add(job)
        recipient = (job.sender_id, job.message.recipient_phone)
        job.ticket = self._lanes.push(
            job, lane=job.lane, recipient=recipient, flow=job.flow
        )
        self.take_ahead()

    async def send(self, make_job: Callable[[Settle], Job]) -> Outcome:
        """Take a message in and wait for its outcome, up to its deadline."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        job = make_job(partial(_resolve, future))
        self.submit(job)
        seconds = None if job.deadline is None else job.deadline - _now()
        try:
            await asyncio.wait([future], timeout=seconds)
        except asyncio.CancelledError:
            self.withdraw(job, UnsentError(detail="its caller was cancelled"))
            raise
        return future.result() if future.done() else self._expire(job)

    def withdraw(self, job: Job, error: UnsentError) -> bool:
        """Take a message back; `False` if it may have left already.

        It ends as `Unsent` with this error, at once or a moment later.
        """
        if job.handed_over or job not in self._jobs:
            return False
        error.recipient_phone = job.message.recipient_phone
        job.withdrawn = error
        if job.ticket and self._lanes.remove(job.ticket):
            self._settle(job, Unsent(message=job.message, error=error))
        elif job.task:
            job.task.cancel()
        return True

    def _expire(self, job: Job) -> Outcome:
        error = UnsentError(detail="its time was up before it could leave")
        if self.withdraw(job, error):
            return Unsent(message=job.message, error=error)
        return _unknown(job, "its time was up before an answer came")

    # On the way

    def take_ahead(self) -> None:
        """Begin with as many messages as may be checked and connected ahead."""
        for lane, in_hand in self._in_hand.items():
            while len(in_hand) < self._hand_count and (ticket := self._lanes.pop(lane)):
                job = ticket.item
                in_hand.add(job)
                # A bulk message before a reply to the same recipient goes with it.
                job.lane = lane
                job.task = asyncio.create_task(self._carry(job, ticket))

    def note_handed_over(self, job: Job) -> None:
        """Give its place to the next: it is under way now."""
        self._in_hand[job.lane].discard(job)
        self.take_ahead()

    async def _carry(self, job: Job, ticket: Ticket[Job]) -> None:
        try:
            outcome = await self._outcome_of(job, ticket)
        except asyncio.CancelledError:
            self._end(job, ticket, _cut_short(job))
            if job.withdrawn is None:
                raise
        else:
            self._end(job, ticket, outcome)

    async def _outcome_of(self, job: Job, ticket: Ticket[Job]) -> Outcome:
        message = job.message
        try:
            return Accepted(message=message, sent=await self._hand_over(job, ticket))
        except RejectedError as error:
            return Rejected(message=message, error=error)
        except UnsentError as error:
            return Unsent(message=message, error=error)
        except UnknownOutcomeError as error:
            return Unknown(message=message, error=error)
        except Exception as error:  # noqa: BLE001  # no message ends in silence
            return _faulty(job, error)

    async def _hand_over(self, job: Job, ticket: Ticket[Job]) -> SentMessage:
        request = send_request(job.message, sender_id=job.sender_id)
        passage = _SendPassage(self, job, order=ticket.order)
        try:
            reply = await self._exchange.call(request, passage, deadline=job.deadline)
        except TemplateRequiredError as error:
            self._learn_closed(job, error)
            raise
        sent = read_sent(reply)
        self._learn_sent(job, sent, reply)
        return sent

    def _end(self, job: Job, ticket: Ticket[Job], outcome: Outcome) -> None:
        self._in_hand[job.lane].discard(job)
        self._lanes.done(ticket)
        self._settle(job, outcome)
        self.take_ahead()

    def _settle(self, job: Job, outcome: Outcome) -> None:
        self._jobs.discard(job)
        job.settle(outcome)

    # The window

    async def check_window(self, job: Job) -> None:
        """Make sure, as far as wanted, that the window is open.

        Raises:
            TemplateRequiredError: It is closed.
            UnsentError: Nobody can tell just now.
        """
        is_free_text = isinstance(job.message, FreeformMessage)
        if not is_free_text or job.window_check is WindowCheck.NEVER:
            return
        phone = job.message.recipient_phone
        state = self._windows.judge(job.sender_id, phone, now=_now())
        if job.window_check is WindowCheck.ALWAYS and not job.was_checked:
            state = WindowState.UNKNOWN
        job.was_checked = True
        if state is WindowState.UNKNOWN:
            state = await self._ask_for(job)
        if state is WindowState.CLOSED:
            raise TemplateRequiredError(
                recipient_phone=phone,
                session_status=self._windows.last_status(job.sender_id, phone),
            )

    async def _ask_for(self, job: Job) -> WindowState:
        try:
            status = await self.session_status(
                job.sender_id,
                job.message.recipient_phone,
                lane=job.lane,
                deadline=job.deadline,
            )
        except (UnavailableError, RateLimitedError) as error:
            raise UnsentError(
                detail=f"its window could not be checked: {error}",
                recipient_phone=job.message.recipient_phone,
            ) from error
        is_open = status.session_status.can_send_freeform
        return WindowState.OPEN if is_open else WindowState.CLOSED

    async def session_status(
        self, sender_id: int, phone: str, *, lane: Lane, deadline: float | None
    ) -> ConversationStatus:
        """Ask the service for a window, and learn the answer."""
        request = session_status_request(sender_id=sender_id, recipient_phone=phone)
        reply = await self.read(request, lane=lane, deadline=deadline)
        status = read_conversation(reply)
        self._learn(sender_id, phone, status.session_status, reply)
        return status

    async def read(
        self, request: Request, *, lane: Lane, deadline: float | None
    ) -> Reply:
        """Make a call that changes nothing, at the reads' own pace.

        Raises:
            RejectedError: The service said no.
            UnavailableError: No usable answer came in time.
        """
        passage = GatePassage(self._read_gate, lane=lane)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._exchange.call(request, passage, deadline=deadline)
        except TimeoutError:
            detail = "the call's time was up"
            raise UnavailableError(detail=detail) from None

    def _learn(
        self, sender_id: int, phone: str, status: SessionStatus, reply: Reply
    ) -> None:
        self._windows.learn(
            sender_id, phone, status, now=_now(), told_at=reply.told_at()
        )

    def _learn_sent(self, job: Job, sent: SentMessage, reply: Reply) -> None:
        phone = job.message.recipient_phone
        if isinstance(job.message, TemplateMessage):
            # One page says that a template opens a window, another that only
            # the recipient does. The status request decides.
            self._windows.forget(job.sender_id, phone)
        elif sent.session_status is not None:
            self._learn(job.sender_id, phone, sent.session_status, reply)

    def _learn_closed(self, job: Job, error: TemplateRequiredError) -> None:
        if error.status is not None:  # the service's own word, not our check's
            self._windows.note_closed(
                job.sender_id,
                job.message.recipient_phone,
                error.session_status,
                now=_now(),
            )

    # The end

    async def aclose(self, *, drain_timeout: float) -> None:
        """Take nothing more in, let what is here end, and settle the rest."""
        self._closed = True
        await self._drain(drain_timeout)
        for job in list(self._jobs):
            self.withdraw(job, UnsentError(detail="the client was closed"))
        tasks = [job.task for job in self._jobs if job.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while tasks := [job.task for job in self._jobs if job.task]:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)


def _unsent(job: Job, detail: str) -> Unsent:
    error = UnsentError(detail=detail, recipient_phone=job.message.recipient_phone)
    return Unsent(message=job.message, error=error)


def _unknown(job: Job, detail: str) -> Unknown:
    error = UnknownOutcomeError(
        detail=detail, recipient_phone=job.message.recipient_phone, attempts=1
    )
    return Unknown(message=job.message, error=error)


def _cut_short(job: Job) -> Outcome:
    """Say how a message ended whose task was cancelled."""
    if job.handed_over:
        return _unknown(job, "the client was closed before an answer came")
    if job.withdrawn is not None:
        return Unsent(message=job.message, error=job.withdrawn)
    return _unsent(job, "its task was cancelled")


def _faulty(job: Job, error: Exception) -> Outcome:
    """Say how a message ended that met a fault nobody foresaw."""
    detail = f"an unexpected fault ({type(error).__name__})"
    outcome = _unknown(job, detail) if job.handed_over else _unsent(job, detail)
    outcome.error.__cause__ = error
    return outcome
