"""The messaging windows of one account: asked for, learnt, and judged before a send."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from autocalls_async.engine.attempts import Exchange
from autocalls_async.engine.gate import Gate, GatePassage
from autocalls_async.engine.observers import Telling
from autocalls_async.engine.shipment import Job
from autocalls_async.http.loop import loop_time
from autocalls_async.http.replies import Reply, read_conversation
from autocalls_async.http.requests import Request, session_status_request
from autocalls_async.model.answers import ConversationStatus, SessionStatus
from autocalls_async.model.checks import (
    choose_sender,
    read_age_seconds,
    read_inbound_phone,
)
from autocalls_async.model.errors import (
    AutocallsError,
    RateLimitedError,
    TemplateRequiredError,
    UnavailableError,
    UnreachableError,
    UnsentError,
)
from autocalls_async.model.messages import FreeformMessage, Pair, TemplateMessage
from autocalls_async.model.naming import show_in
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.windows import WindowCheck, WindowMemory, WindowState


class Windows:
    """What the client knows of messaging windows."""

    def __init__(
        self,
        memory: WindowMemory,
        default_sender_id: int | None,
        *,
        on_inbound: Callable[[], None],
        check_home: Callable[[], None],
    ) -> None:
        self._memory = memory
        self._on_inbound = on_inbound
        self._default_sender_id = default_sender_id
        self._check_home = check_home

    def note_inbound(
        self,
        recipient_phone: str,
        *,
        sender_id: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """Note that this recipient has written to us.

        For 24 hours from then no check is needed before free text to them, as
        long as they are among the 15,000 recipients heard of last. For a minute a
        connection is kept ready, so that the reply takes one round trip.

        A thread hands it to the event loop:
        `loop.call_soon_threadsafe(client.windows.note_inbound, phone)`.

        Args:
            recipient_phone: E.164, `+14155550123`; also without the plus, as Meta
                writes the numbers of those who wrote.
            sender_id: Whom they wrote to; `None` means the client's default.
            at: When they wrote, an aware time; `None` and a time in the future
                mean now. A message that was forwarded three hours late opens
                their window for 21 hours.

        Raises:
            ValueError: An argument breaks its rule, or there is no sender.
            RuntimeError: The client is closed, or this is not its event loop.
        """
        self._check_home()
        try:
            sender = choose_sender(sender_id, self._default_sender_id)
            age = 0.0
            if at is not None:
                age = read_age_seconds("at", at, now=datetime.now(UTC))
            phone = read_inbound_phone("recipient_phone", recipient_phone)
            self._memory.note_inbound(sender, phone, now=loop_time(), age_seconds=age)
        finally:
            del recipient_phone  # tracers show a failed frame's variables
        self._on_inbound()


class WindowGuard:
    """Lets free text pass only into an open window, and learns from every answer."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        read_gate: Gate,
        memory: WindowMemory,
        telling: Telling,
    ) -> None:
        self._exchange = exchange
        self._telling = telling
        self._read_gate = read_gate
        self._memory = memory

    def knows_open(self, job: Job, now: float) -> bool:
        """Whether nobody needs to be asked, or told, of a message's window."""
        message = job.message
        if job.window_check is WindowCheck.NEVER or type(message) is TemplateMessage:
            return True
        if job.is_watched or job.window_check is WindowCheck.ALWAYS:
            return False
        known = self._memory.judge(job.sender_id, job.recipient_phone, now=now)
        return known is WindowState.OPEN

    def knows_closed(self, job: Job, now: float) -> bool:
        """Whether its window has closed, or was found closed, since it was checked."""
        message = job.message
        if job.window_check is WindowCheck.NEVER or type(message) is TemplateMessage:
            return False
        known = self._memory.judge(job.sender_id, job.recipient_phone, now=now)
        return known is WindowState.CLOSED

    async def check(self, job: Job) -> None:
        """Make sure, as far as wanted, that a message's window is open.

        Raises:
            TemplateRequiredError: It is closed.
            UnsentError: Nobody can tell just now.
        """
        is_free_text = isinstance(job.message, FreeformMessage)
        if not is_free_text or job.window_check is WindowCheck.NEVER:
            return
        state = self._memory.judge(job.sender_id, job.recipient_phone, now=loop_time())
        if job.window_check is WindowCheck.ALWAYS and not job.was_checked:
            state = WindowState.UNKNOWN
        job.was_checked = True
        if was_unknown := state is WindowState.UNKNOWN:
            state = await self._ask_for(job)
        if job.is_watched:
            self._telling.tell(
                job.record_checked(state, was_asked=was_unknown, at=loop_time())
            )
        if state is WindowState.CLOSED:
            last = self._memory.last_status(job.sender_id, job.recipient_phone)
            raise TemplateRequiredError(
                recipient_phone=job.recipient_phone, session_status=last
            )

    async def ask(
        self,
        pair: Pair,
        *,
        deadline: float | None,
        passage: GatePassage | None = None,
    ) -> ConversationStatus:
        """Ask the service for a window, and learn the answer."""
        request = session_status_request(
            sender_id=pair.sender_id, recipient_phone=pair.recipient_phone
        )
        asked_at = loop_time()
        reply = await self.read(request, deadline=deadline, passage=passage)
        status = read_conversation(reply)
        self._learn(
            pair.sender_id,
            pair.recipient_phone,
            status.session_status,
            reply,
            asked_at=asked_at,
        )
        return status

    async def read(
        self,
        request: Request,
        *,
        deadline: float | None,
        passage: GatePassage | None = None,
    ) -> Reply:
        """Make a call that changes nothing, at the reads' own pace.

        Args:
            request: What to ask.
            deadline: When its time is up.
            passage: Its way through the gate; a user's question goes behind the
                checks of sends.

        Raises:
            RejectedError: The service said no.
            UnavailableError: No usable answer came in time.
        """
        if passage is None:
            passage = GatePassage(self._read_gate, lane=Lane.BULK)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._exchange.call(request, passage, deadline=deadline)
        except TimeoutError:
            if passage.last_error is not None:  # what was last seen says more
                raise passage.last_error from None
            is_down = self._exchange.reachability.is_down()
            raise UnavailableError(
                detail="the call's time was up",
                host=self._exchange.host,
                attempts=0 if is_down else 1,
            ) from None

    def learn_sent(self, job: Job, status: SessionStatus | None, reply: Reply) -> None:
        """Learn from an accepted message what its answer says of the window."""
        if isinstance(job.message, TemplateMessage):
            # One page says that a template opens a window, another that only
            # the recipient does. The status request decides.
            self._memory.forget(job.sender_id, job.recipient_phone)
        elif status is not None:
            self._learn(
                job.sender_id, job.recipient_phone, status, reply, asked_at=job.left_at
            )

    def learn_refused(self, job: Job, error: TemplateRequiredError) -> None:
        """Learn from the service's own refusal, which is the last word."""
        if error.status is not None:  # else it was our check that found it
            self._memory.note_closed(
                job.sender_id,
                job.recipient_phone,
                error.session_status,
                now=loop_time(),
                asked_at=job.left_at,
            )

    def take_fallback(
        self, job: Job, error: TemplateRequiredError
    ) -> TemplateMessage | None:
        """Give the template that goes in place of a free text, once while closed."""
        message = job.message
        if not isinstance(message, FreeformMessage) or message.fallback is None:
            return None
        closed = error.session_status
        if not self._memory.take_fallback(
            job.sender_id,
            job.recipient_phone,
            at=datetime.now(UTC),
            closed_at=closed.expired_at if closed else None,
        ):
            return None
        return TemplateMessage(
            recipient_phone=message.recipient_phone,
            template_id=message.fallback.template_id,
            variables=message.fallback.variables,
        )

    def note_fallback(self, sender_id: int, recipient: str, /, *, at: datetime) -> None:
        """Note one that went out before, as a journal tells."""
        self._memory.note_fallback(sender_id, recipient, at=at)

    def return_fallback(self, job: Job) -> None:
        """Give it back: it surely was not sent."""
        self._memory.return_fallback(job.sender_id, job.recipient_phone)

    async def _ask_for(self, job: Job) -> WindowState:
        try:
            status = await self.ask(
                job.pair,
                passage=_CheckPassage(self._read_gate, job),
                deadline=job.deadline,
            )
        except (UnavailableError, RateLimitedError) as error:
            raise _unchecked(job, error) from error
        if status.session_status.can_send_freeform:
            return WindowState.OPEN
        # They may have written, and been noted, while the answer was on its way.
        state = self._memory.judge(job.sender_id, job.recipient_phone, now=loop_time())
        return WindowState.OPEN if state is WindowState.OPEN else WindowState.CLOSED

    def _learn(
        self,
        sender_id: int,
        phone: str,
        status: SessionStatus,
        reply: Reply,
        *,
        asked_at: float,
    ) -> None:
        is_told = status.minutes_remaining is not None  # then no date is needed
        self._memory.learn(
            sender_id,
            phone,
            status,
            now=loop_time(),
            told_at=None if is_told else reply.told_at(),
            asked_at=asked_at,
        )


class _CheckPassage(GatePassage):
    """The way of a message's check, which may be the last that is seen of it."""

    def __init__(self, gate: Gate, job: Job) -> None:
        super().__init__(gate, lane=job.lane)
        self._job = job

    def note_failed(self, error: AutocallsError) -> None:
        super().note_failed(error)
        self._job.last_error = _unchecked(self._job, error)


def _unchecked(job: Job, error: AutocallsError) -> UnsentError:
    """Return what becomes of a message whose window nobody can tell."""
    is_away = job.deadline is None or not error.attempts  # it has waited long
    kind = UnreachableError if is_away else UnsentError
    why, remedy = "the service's rate limit was hit", None
    if isinstance(error, UnavailableError):
        why, remedy = error.detail, error.remedy
    return kind(
        detail=f"its window could not be checked: {why}",
        recipient_phone=job.recipient_phone,
        status=error.status,
        error_code=error.error_code,
        attempts=error.attempts,
        host=error.host,
        remedy=remedy,
    )


show_in("autocalls_async", "Windows", of=globals())
