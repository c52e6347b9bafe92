"""Lets free text pass only into an open window, which is asked for where unknown."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from autocalls_async.clock import loop_time, utc_now
from autocalls_async.engine.asking.reads import Reads, Unread
from autocalls_async.engine.shipment import Shipment
from autocalls_async.engine.telemetry.observers import Telling
from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import session_status_request
from autocalls_async.model.answers import ConversationStatus, SessionStatus
from autocalls_async.model.errors import (
    AutocallsError,
    RateLimitedError,
    TemplateRequiredError,
    UnavailableError,
    UnreachableError,
    UnsentError,
)
from autocalls_async.model.later import Later
from autocalls_async.model.messages import FreeformMessage, Pair, TemplateMessage
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.windows import WindowCheck, WindowMemory, WindowState

if TYPE_CHECKING:
    from autocalls_async.http import replies
else:
    # cattrs comes with the first answer
    replies = Later("autocalls_async.http.replies")

# Looked up once: before CPython 3.12 a member costs ten times a global name.
_NEVER = WindowCheck.NEVER
_ALWAYS = WindowCheck.ALWAYS
_OPEN = WindowState.OPEN


class WindowGuard:
    """Lets free text pass only into an open window, and learns from every answer."""

    def __init__(
        self,
        reads: Reads,
        *,
        memory: WindowMemory,
        telling: Telling,
    ) -> None:
        self._reads = reads
        self._telling = telling
        self._memory = memory

    @property
    def closing_count(self) -> int:
        """How often a window was learnt to be closed: until then none has closed."""
        return self._memory.closing_count

    def knows_open(self, shipment: Shipment, now: float) -> bool:
        """Whether nobody needs to be asked, or told, of a message's window."""
        message = shipment.message
        if shipment.window_check is _NEVER or type(message) is TemplateMessage:
            return True
        if shipment.is_watched or shipment.window_check is _ALWAYS:
            return False
        return self._judge(shipment, now) is _OPEN

    def knows_closed(self, shipment: Shipment, now: float) -> bool:
        """Whether its window was found closed, a moment ago."""
        if not self._memory.closing_count:
            return False
        message = shipment.message
        if shipment.window_check is _NEVER or type(message) is TemplateMessage:
            return False
        return self._judge(shipment, now) is WindowState.CLOSED

    def is_open(self, pair: Pair) -> bool:
        """Whether a window is known to be open now."""
        known = self._memory.judge(
            pair.sender_id, pair.recipient_phone, now=loop_time()
        )
        return known is _OPEN

    def is_outside(self, shipment: Shipment) -> bool:
        """Whether what leaves would be for somebody whose window is not known open.

        Free text never is: the service takes none outside a window.
        """
        is_text = isinstance(shipment.message, FreeformMessage)
        if is_text and not shipment.fell_back:
            return False
        return not self.is_open(shipment.pair)

    async def check(self, shipment: Shipment) -> AutocallsError | None:
        """Make sure, as far as wanted, that a message's window is open.

        Returns:
            A `TemplateRequiredError` where it is closed, an `UnsentError` where nobody
            can tell just now, another refusal of the question, or nothing.
        """
        is_free_text = isinstance(shipment.message, FreeformMessage)
        if not is_free_text or shipment.window_check is _NEVER:
            return None
        state = self._judge(shipment, loop_time())
        if shipment.window_check is _ALWAYS and not shipment.was_checked:
            state = WindowState.UNKNOWN
        shipment.note_checked()
        if was_unknown := state is WindowState.UNKNOWN:
            found = await self._ask_for(shipment)
            if not isinstance(found, WindowState):
                return found
            state = found
        if shipment.is_watched:
            self._telling.tell(
                shipment.record_checked(state, was_asked=was_unknown, at=loop_time())
            )
        if state is not WindowState.CLOSED:
            return None
        last = self._memory.last_status(shipment.sender_id, shipment.recipient_phone)
        return TemplateRequiredError(
            recipient_phone=shipment.recipient_phone, session_status=last
        )

    async def ask(
        self,
        pair: Pair,
        *,
        deadline: float | None,
        lane: Lane = Lane.BULK,
        on_failure: Callable[[Unread], None] | None = None,
    ) -> ConversationStatus | Unread:
        """Ask the service for a window, and learn the answer."""
        request = session_status_request(
            sender_id=pair.sender_id, recipient_phone=pair.recipient_phone
        )
        asked_at = loop_time()
        reply = await self._reads.read(
            request, deadline=deadline, lane=lane, on_failure=on_failure
        )
        if isinstance(reply, Unread):
            return reply
        try:
            status = replies.read_conversation(reply)
        except UnavailableError as error:
            return Unread(error, is_away=False)
        self._learn(
            pair.sender_id,
            pair.recipient_phone,
            status.session_status,
            reply,
            asked_at=asked_at,
            answered_at=loop_time(),
        )
        return status

    def learn_sent(
        self, shipment: Shipment, status: SessionStatus | None, reply: Reply
    ) -> None:
        """Learn from an accepted message what its answer says of the window."""
        if isinstance(shipment.message, TemplateMessage):
            # One page says that a template opens a window, another that only
            # the recipient does. The status request decides.
            self._memory.forget(shipment.sender_id, shipment.recipient_phone)
        elif status is not None:
            self._learn(
                shipment.sender_id,
                shipment.recipient_phone,
                status,
                reply,
                asked_at=shipment.left_at,
                answered_at=shipment.landed_at,
            )

    def learn_refused(self, shipment: Shipment, error: TemplateRequiredError) -> None:
        """Learn from the service's own refusal, which is the last word."""
        self._memory.note_closed(
            shipment.sender_id,
            shipment.recipient_phone,
            error.session_status,
            now=loop_time(),
            asked_at=shipment.left_at,
        )

    def take_fallback(
        self, shipment: Shipment, error: TemplateRequiredError
    ) -> TemplateMessage | None:
        """Return the template that goes in place of a free text, once while closed."""
        message = shipment.message
        if not isinstance(message, FreeformMessage) or message.fallback is None:
            return None
        closed = error.session_status
        if not self._memory.take_fallback(
            shipment.sender_id,
            shipment.recipient_phone,
            at=utc_now(),
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

    def return_fallback(self, shipment: Shipment) -> None:
        """Give it back: it surely was not sent."""
        self._memory.return_fallback(shipment.sender_id, shipment.recipient_phone)

    def _judge(self, shipment: Shipment, now: float) -> WindowState:
        phone = shipment.message.recipient_phone
        return self._memory.judge(shipment.sender_id, phone, now=now)

    async def _ask_for(self, shipment: Shipment) -> WindowState | AutocallsError:
        status = await self.ask(
            shipment.pair,
            deadline=shipment.deadline,
            lane=shipment.lane,
            on_failure=partial(_note_failed, shipment),
        )
        if isinstance(status, Unread):
            return _unchecked(shipment, status)
        if status.session_status.can_send_freeform:
            return _OPEN
        # They may have written, and been noted, while the answer was on its way.
        state = self._judge(shipment, loop_time())
        return _OPEN if state is _OPEN else WindowState.CLOSED

    def _learn(
        self,
        sender_id: int,
        phone: str,
        status: SessionStatus,
        reply: Reply,
        *,
        asked_at: float,
        answered_at: float,
    ) -> None:
        is_told = status.minutes_remaining is not None  # then no date is needed
        self._memory.learn(
            sender_id,
            phone,
            status,
            now=answered_at,
            told_at=None if is_told else reply.told_at(),
            asked_at=asked_at,
        )


def _note_failed(shipment: Shipment, unread: Unread) -> None:
    shipment.note_failed(_unchecked(shipment, unread))


def _unchecked(shipment: Shipment, unread: Unread) -> AutocallsError:
    """Return what becomes of a message whose window nobody can tell."""
    error = unread.error
    if not isinstance(error, UnavailableError | RateLimitedError):
        return error
    is_away = shipment.deadline is None or unread.is_away  # it has waited long
    kind = UnreachableError if is_away else UnsentError
    why, remedy = "the service's rate limit was hit", None
    if isinstance(error, UnavailableError):
        why, remedy = error.detail, error.remedy
    unchecked = kind(
        detail=f"its window could not be checked: {why}",
        recipient_phone=shipment.recipient_phone,
        status=error.status,
        error_code=error.error_code,
        attempts=error.attempts,
        host=error.host,
        remedy=remedy,
    )
    unchecked.__cause__ = error
    return unchecked
