"""The way of a message: its lane, the window, the gate, the exchange, an outcome.

A message in hand belongs to the client, not to whoever waits for it. Until it
is handed over it can be withdrawn, and is then surely unsent; after that its
request is left to end, and its answer is accounted for.
"""

import asyncio
from collections.abc import Callable, Hashable
from contextlib import suppress
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from itertools import count

from attrs import evolve

from autocalls_async.engine.attempts import Exchange
from autocalls_async.engine.gate import Gate, GatePassage, HeldBack, Line
from autocalls_async.engine.observers import Telling
from autocalls_async.engine.shipment import (
    Job,
    Page,
    Settle,
    cut_short,
    faulty,
    turned_back,
    unknown,
    unsent,
)
from autocalls_async.engine.telemetry import (
    Paused,
    QueueStatus,
)
from autocalls_async.engine.window_check import WindowGuard
from autocalls_async.http.loop import loop_time
from autocalls_async.http.replies import Reply, read_sent
from autocalls_async.http.requests import send_request
from autocalls_async.http.transport.late import LateLine
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    AutocallsError,
    QueueFullError,
    RateLimitedError,
    RejectedError,
    TemplateRequiredError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.messages import Message, TemplateMessage
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from autocalls_async.policy.admission import (
    estimated_wait,
    full,
    hopeless,
    paused_beyond,
)
from autocalls_async.policy.lanes import Lane, Lanes
from autocalls_async.policy.lanes import Place as Ticket
from autocalls_async.policy.verdict import DECISIONS, Again, Kind, Seen

HELD_SECONDS = 2.0
"""So much work, at the pace, is checked and connected ahead of its turn: enough to
hide both, and so little that no connection waits long and no window closes."""

TOGETHER_SECONDS = 0.1
"""Cancellations this close to each other have one cause."""

SPARED_CONNECTIONS = 2
"""Of a lent session's pool, so many are never held by bulk messages."""

MAX_IN_HAND = 64
"""Messages of one lane that are checked and connected ahead, at whatever pace."""


_CALL_IDS = count(1)  # one count for all clients, whose logs may be one


class _SendPassage(GatePassage):
    """A send's way out: the window is judged last, just before it connects."""

    def __init__(
        self,
        dispatcher: "Dispatcher",
        job: Job,
        *,
        order: int,
        is_free_text: bool = True,
    ) -> None:
        super().__init__(dispatcher.send_gate, lane=job.lane, order=order)
        self.takes_spare = job.takes_spare
        self.connects_late = job.lane is Lane.BULK and dispatcher.connects_bulk_late
        self._dispatcher = dispatcher
        self._job = job
        self._is_free_text = is_free_text

    async def prepare(self) -> None:
        await super().prepare()
        guard = self._dispatcher.guard
        if self._is_free_text and not guard.knows_open(self._job, loop_time()):
            await guard.check(self._job)

    def look(self, line: Line, now: float) -> None:
        job = self._job
        if job.withdrawn is not None:  # by a step since it was last told to wait
            raise job.withdrawn
        if job.deadline is not None and now >= job.deadline:
            raise UnsentError(detail="its time was up before it could leave")
        super().look(line, now)
        if self._is_free_text and self._dispatcher.guard.knows_closed(job, now):
            raise HeldBack

    async def leave(self, line: Line) -> None:
        page = self._job.page
        if isinstance(line, LateLine):
            self.intend = partial(_stand_and_note, line, page, not self._is_free_text)
        elif page is not None:
            self.intend = partial(page.leaving, fell_back=not self._is_free_text)
        try:
            await super().leave(line)
        except HeldBack:
            if self._job.page:
                self._job.page.came_back()
            raise
        # Nothing is awaited between here and the first byte.
        self._dispatcher.note_handed_over(self._job, at=self.left_at)

    def note_failed(self, error: AutocallsError) -> None:
        self._job.last_error = error

    def landed(self, seen: Seen, *, retry_after: float | None) -> None:
        super().landed(seen, retry_after=retry_after)
        if self._job.handed_over:
            self._dispatcher.note_answered(self._job, seen)
        if DECISIONS[Kind.SEND, seen].again is Again.YES:
            self._dispatcher.note_back(self._job)
            if self._job.page:
                self._job.page.came_back()


async def _stand_and_note(
    line: LateLine,
    page: Page | None,
    fell_back: bool,  # noqa: FBT001
) -> None:
    await line.stand()
    if page is not None:
        await page.leaving(fell_back=fell_back)


class Dispatcher:
    """Takes messages in, and gives each of them its one outcome."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        send_gate: Gate,
        guard: WindowGuard,
        telling: Telling,
        max_queued: int | None = None,
    ) -> None:
        self.send_gate = send_gate
        self.guard = guard
        self._telling = telling
        self._exchange = exchange
        at_pace = round(HELD_SECONDS / send_gate.pace.limit.gap)
        self._hand_count = min(max(1, at_pace), MAX_IN_HAND)
        self._lanes: Lanes[Job] = Lanes()
        self._max_queued = max_queued
        self._jobs: dict[Job, None] = {}  # in the order of submission
        self._waiting_singles: set[Job] = set()
        self._slotless_count = 0  # of those here, how many need no slot
        self._pool_size = exchange.pool_size
        self._bulk_begun: set[Job] = set()  # those that hold a connection, or will
        self._empty = asyncio.Event()
        self._empty.set()
        self._in_hand: dict[Lane, set[Job]] = {lane: set() for lane in Lane}
        self._under_way: dict[Hashable, Job] = {}
        self._closed = False
        self._cut_off_count = 0
        self._cut_off_at = 0.0

    @property
    def connects_bulk_late(self) -> bool:
        """Whether bulk may hold no connection before its turn has come."""
        return self._pool_size <= SPARED_CONNECTIONS

    # Taking in

    def submit(self, job: Job) -> None:
        """Take a message in; its `settle` is called exactly once."""
        job.submitted_at = loop_time()
        job.call_id = next(_CALL_IDS)
        job.context = copy_context()
        job.is_watched = self._telling.is_heard
        if self._closed:
            self._settle(job, unsent(job, "the client is closed"))
            return
        self._jobs[job] = None
        self._slotless_count += not job.needs_slot
        self._empty.clear()
        job.ticket = self._lanes.push(
            job, lane=job.lane, recipient=job.recipient, flow=job.flow
        )
        ahead = self._under_way.get(job.recipient)
        if ahead is not None and job.lane is Lane.INTERACTIVE:
            self._promote(ahead)
        if job.is_watched:
            self._telling.tell(job.record_queued())
        self.take_ahead()

    @property
    def status(self) -> QueueStatus:
        """How busy the queue is. It costs the same however long the queue."""
        now, pace = loop_time(), self.send_gate.pace
        queued = self._lanes.oldest()
        held = [job for in_hand in self._in_hand.values() for job in in_hand]
        waits = [now - job.submitted_at for job in (*held, queued) if job]
        waiting = {lane: self._waiting(lane) for lane in Lane}
        return QueueStatus(
            interactive=waiting[Lane.INTERACTIVE],
            bulk=waiting[Lane.BULK],
            in_flight=len(self._jobs) - sum(waiting.values()),
            oldest_wait=max(waits, default=0.0),
            sends_in_last_second=pace.sends_in_last_second(now),
            estimated_wait=estimated_wait(waiting, pace, now=now),
            paused_seconds=max(0.0, pace.not_before - now),
            limiter_wait=self.send_gate.limiter_wait,
        )

    def _waiting(self, lane: Lane) -> int:
        return self._lanes.depth(lane) + len(self._in_hand[lane])

    def _check_room(self, job: Job) -> None:
        """Refuse at once what would surely wait in vain.

        Raises:
            QueueFullError: Too many wait already, or longer than its time.
            RateLimitedError: The service has asked for a pause that is longer.
        """
        job.ahead_count = self._waiting(Lane.INTERACTIVE)
        if job.lane is Lane.BULK:
            job.ahead_count += self._waiting(Lane.BULK)
        now, pace = loop_time(), self.send_gate.pace
        refusal: QueueFullError | RateLimitedError | None = None
        most = self._max_queued
        if most is not None and len(self._waiting_singles) >= most:
            refusal = full(most, wait_seconds=self.status.estimated_wait)
        elif job.needs_slot:
            ahead_count = job.ahead_count - self._slotless_count
            refusal = paused_beyond(job.deadline, pace, now=now) or hopeless(
                job.deadline, ahead_count, pace, now=now
            )
        if refusal is not None:
            refusal.recipient_phone = job.recipient_phone
            raise refusal

    async def send(self, make_job: Callable[[Settle], Job]) -> Outcome:
        """Take a message in and wait for its outcome, up to its deadline.

        Raises:
            QueueFullError: Too many wait already, or longer than its time.
            RateLimitedError: The service has asked for a pause that is longer.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        job = make_job(partial(_resolve, future))
        job.needs_slot = not self.guard.knows_closed(job, loop.time())
        self._check_room(job)
        self._waiting_singles.add(job)
        self.submit(job)
        if job.takes_spare:  # made while its window is asked for, or its turn comes
            self._exchange.make_ahead(Kind.SEND)
        timer = None
        if job.deadline is not None:
            timer = loop.call_at(job.deadline, self._expire, job, future)
        try:
            outcome = await future
            if job.takes_spare:  # the next is likely
                self._exchange.make_ahead(Kind.SEND)
                self._exchange.make_ahead(Kind.READ)
        except asyncio.CancelledError:
            error = UnsentError(detail="its caller was cancelled")
            if self.withdraw(job, error):
                self._note_cut_off()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return outcome

    def withdraw(self, job: Job, error: UnsentError | RejectedError) -> bool:
        """Take a message back; `False` if it may have left already.

        It ends with this error, at once or a moment later.
        """
        if job.handed_over or job not in self._jobs:
            return False
        job.withdrawn = error
        outcome = turned_back(job, error)
        if job.ticket and self._lanes.remove(job.ticket):
            self._settle(job, outcome)
        elif job.task:
            job.task.cancel()
        return True

    def _expire(self, job: Job, future: asyncio.Future[Outcome]) -> None:
        """Tell who waits that the time is up: they learn no more of the message."""
        error = self._reason_of_expiry(job)
        if self.withdraw(job, error):
            _resolve(future, turned_back(job, error))
        else:
            _resolve(future, unknown(job, "its time was up before an answer came"))

    def _reason_of_expiry(self, job: Job) -> UnsentError | RejectedError:
        """Return what was last seen, or else why its time was up."""
        if isinstance(job.last_error, UnsentError | RejectedError):
            return job.last_error
        why = ""
        if self._exchange.reachability.is_down():
            why = ": the service cannot be reached"
        elif job.ahead_count:
            why = f": {job.ahead_count} messages waited before it"
        return UnsentError(detail=f"its time was up before it could leave{why}")

    # On the way

    def take_ahead(self) -> None:
        """Begin with as many messages as may be checked and connected ahead."""
        if not self._lanes:
            return
        for lane, in_hand in self._in_hand.items():
            while self._has_room(lane) and (ticket := self._lanes.pop(lane)):
                job = ticket.item
                in_hand.add(job)
                if lane is Lane.BULK:
                    self._bulk_begun.add(job)
                # A bulk message before a reply to the same recipient goes with it.
                job.lane = lane
                self._under_way[ticket.recipient] = job
                # In the context of whoever submitted it, not of who made room.
                job.task = asyncio.create_task(
                    self._outcome_of(job, ticket), context=job.context
                )
                # Not in the task: one that is cancelled at once never begins.
                job.task.add_done_callback(partial(self._end, job, ticket))

    def _has_room(self, lane: Lane) -> bool:
        """Whether one more of a lane may be checked and connected ahead."""
        if len(self._in_hand[lane]) >= self._hand_count:
            return False
        # Of a lent pool, bulk leaves the last connections to replies.
        return lane is Lane.INTERACTIVE or len(self._bulk_begun) < max(
            1, self._pool_size - SPARED_CONNECTIONS
        )

    def _promote(self, job: Job) -> None:
        """Let a bulk message that a reply waits for go with the interactive ones."""
        if job in self._in_hand[Lane.BULK]:
            self._in_hand[Lane.BULK].discard(job)
            self._in_hand[Lane.INTERACTIVE].add(job)
        job.lane = Lane.INTERACTIVE
        if job.passage is not None:
            job.passage.promote()
        self.take_ahead()

    def note_handed_over(self, job: Job, *, at: float) -> None:
        """Give its place to the next: it is under way now."""
        job.handed_over = True
        job.attempt_count += 1
        job.left_at = at
        job.handed_over_at = datetime.now(UTC)
        if job.is_watched:
            self._telling.tell(job.record_handed_over())
        self._in_hand[job.lane].discard(job)
        self._waiting_singles.discard(job)
        self.take_ahead()

    def note_back(self, job: Job) -> None:
        """Take it in hand again: it surely did nothing, and may leave once more."""
        if job.handed_over:
            job.handed_over = False
            self._in_hand[job.lane].add(job)
            if job.flow is None:
                self._waiting_singles.add(job)

    def note_answered(self, job: Job, seen: Seen) -> None:
        """Tell how a request that was handed over has ended."""
        if job.is_watched:
            self._telling.tell(job.record_answered(seen, at=loop_time()))
        if seen is Seen.RATE_LIMITED:
            now = loop_time()
            if (pause := self.send_gate.pace.not_before - now) > 0:
                self._telling.tell(Paused(at=now, seconds=pause))
                self._tell_of_pause(now)

    def _tell_of_pause(self, now: float) -> None:
        """End those at once whose time is up before the pause is over."""
        for job in list(self._waiting_singles):
            refusal = paused_beyond(job.deadline, self.send_gate.pace, now=now)
            if refusal is not None:
                self.withdraw(job, refusal)

    async def _outcome_of(self, job: Job, ticket: Ticket[Job]) -> Outcome:
        message = job.message
        try:
            return Accepted(message=message, sent=await self._hand_over(job, ticket))
        except RejectedError as error:
            return Rejected(message=message, error=error)
        except UnsentError as error:
            return Unsent(message=message, error=error)
        except UnknownOutcomeError as error:
            error.handed_over_at = job.handed_over_at
            return Unknown(message=message, error=error)

    async def _hand_over(self, job: Job, ticket: Ticket[Job]) -> SentMessage:
        passage = job.passage = _SendPassage(self, job, order=ticket.order)
        try:
            reply = await self._call(job, job.message, passage)
        except TemplateRequiredError as error:
            self.guard.learn_refused(job, error)
            template = self.guard.take_fallback(job, error)
            if template is None:
                raise
            return await self._fall_back(job, ticket, template)
        sent = read_sent(reply)
        self.guard.learn_sent(job, sent.session_status, reply)
        return sent

    async def _fall_back(
        self, job: Job, ticket: Ticket[Job], template: TemplateMessage
    ) -> SentMessage:
        """Send the template in place of a free text that was surely not sent."""
        job.handed_over = False
        if job.page:
            job.page.came_back()
        passage = job.passage = _SendPassage(
            self, job, order=ticket.order, is_free_text=False
        )
        try:
            reply = await self._call(job, template, passage)
        except (RejectedError, UnsentError):
            self.guard.return_fallback(job)
            raise
        return evolve(read_sent(reply), fell_back=True)

    async def _call(self, job: Job, message: Message, passage: _SendPassage) -> Reply:
        request = send_request(message, sender_id=job.sender_id)
        return await self._exchange.call(request, passage, deadline=job.deadline)

    def _end(self, job: Job, ticket: Ticket[Job], task: asyncio.Task[Outcome]) -> None:
        self._in_hand[job.lane].discard(job)
        self._bulk_begun.discard(job)
        self._under_way.pop(ticket.recipient, None)
        self._lanes.done(ticket)
        if task.cancelled():
            outcome = cut_short(job)
            if job.withdrawn is None and not job.handed_over:
                self._note_cut_off()
        elif error := task.exception():
            outcome = faulty(job, error)  # no message ends in silence
        else:
            outcome = task.result()
        # Else each failure would be a cycle: job, task, error, frames, job.
        job.task = job.ticket = job.passage = None
        if not isinstance(outcome, Accepted):
            outcome.error.__traceback__ = None
        self._settle(job, outcome)
        self.take_ahead()

    def _settle(self, job: Job, outcome: Outcome) -> None:
        if job in self._jobs:
            del self._jobs[job]
            self._slotless_count -= not job.needs_slot
        self._waiting_singles.discard(job)
        if not self._jobs:
            self._empty.set()
        if job.is_watched or isinstance(outcome, Unknown):
            record = job.record_settled(outcome, at=loop_time())
            job.context.run(self._telling.tell, record)
        job.settle(outcome)

    # The end

    @property
    def cut_off_count(self) -> int:
        """Messages that wait here, or did when all tasks were cancelled just now."""
        return len(self._jobs) + self._cut_off_count

    def _note_cut_off(self) -> None:
        """Count those that are cancelled together, as at the end of a program."""
        now = loop_time()
        if now > self._cut_off_at + TOGETHER_SECONDS:
            self._cut_off_count = 0
        self._cut_off_at = now
        self._cut_off_count += 1

    async def aclose(self, *, drain_timeout: float) -> None:
        """Take nothing more in, let what is here end, and settle the rest."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_timeout):
                await self._empty.wait()
        for job in list(self._jobs):
            error = UnsentError(detail="the client was closed")
            if not self.withdraw(job, error) and job.task:
                job.task.cancel()
        await self._empty.wait()


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
