"""When freeform text may be sent: the 24-hour messaging window.

Pure: no I/O, no clock, no asyncio. Instants are on the loop's clock, which no
one can set: a wrong system clock neither opens nor closes a window.

Source: API reference, "session-status": the window is 24 hours from the
recipient's last message, and each new one restarts it. A template does not
open it.
"""

from collections import OrderedDict
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from autocalls_async.model.answers import SessionStatus
from autocalls_async.model.values.naming import show_in

WINDOW_SECONDS = 24 * 60 * 60.0

MARGIN_SECONDS = 60.0
"""A window about to close counts as unknown: a message may wait before it leaves."""

RECHECK_SECONDS = 5.0
"""A closed window is believed no longer than this after it was asked for: the recipient
may have written."""

MAX_REMEMBERED = 15_000
"""Windows kept in memory, the latest used: 5 MB when full."""


class WindowCheck(Enum):
    """When a send asks the service for the window first."""

    AUTO = "auto"  # unless an open one is known
    ALWAYS = "always"
    NEVER = "never"  # leave it to the service's own refusal


class WindowState(Enum):
    """Whether freeform text may be sent now."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


_Pair: TypeAlias = tuple[int, str]

_Window: TypeAlias = tuple[bool, float, float, SessionStatus | None]
"""What was last learnt about one sender and recipient: whether it is open, until when
that is believed, when it was learnt (both on the loop's clock), and, where it is
closed, what the service said of it.

A tuple of plain values, since the garbage collector lets go of those. The objects of a
class, 15,000 of them, had it look through all there is once in 10,000 messages, for a
tenth of the time of these.
"""


def seconds_remaining(
    status: SessionStatus, *, told_at: datetime | None
) -> float | None:
    """Return for how long free text stays allowed, `None` where nobody can know.

    Args:
        status: What the service said.
        told_at: The service's own time of saying so, from its `Date` header.
            With it `expires_at` needs no clock of ours.
    """
    if not status.can_send_freeform:
        return 0.0
    if status.minutes_remaining is not None:
        # Bounded first: an int of the service's may be too large for a float.
        return min(max(status.minutes_remaining, 0), 24 * 60) * 60.0
    if status.expires_at is None or told_at is None:
        return None
    seconds = (status.expires_at - told_at).total_seconds()
    return min(max(seconds, 0.0), WINDOW_SECONDS)


class WindowMemory:
    """What was learnt about windows, for a bounded number of recipients."""

    def __init__(self, *, most: int = MAX_REMEMBERED) -> None:
        self._most = most
        self.closing_count: int = 0
        """How often a window was learnt to be closed."""
        self._windows: OrderedDict[_Pair, _Window] = OrderedDict()
        self._fell_back: OrderedDict[_Pair, datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def judge(self, sender_id: int, recipient: str, *, now: float) -> WindowState:
        """Return what is known of this window now.

        Returns:
            `UNKNOWN` where nothing is known, where an open window is about to
            close, and where a closed one may have opened since: ask the service.
        """
        pair = sender_id, recipient
        window = self._windows.get(pair)
        if window is None:
            return WindowState.UNKNOWN
        is_open, until, *_ = window
        if now >= until:
            return WindowState.UNKNOWN
        self._windows.move_to_end(pair)
        return WindowState.OPEN if is_open else WindowState.CLOSED

    def last_status(self, sender_id: int, recipient: str) -> SessionStatus | None:
        """Return what the service said when it last found this window closed."""
        window = self._windows.get((sender_id, recipient))
        return None if window is None else window[-1]

    def learn(
        self,
        sender_id: int,
        recipient: str,
        status: SessionStatus,
        *,
        now: float,
        told_at: datetime | None,
        asked_at: float | None = None,
    ) -> None:
        """Learn what the service said, in an answer that arrived `now`.

        What was learnt after it was asked, at `asked_at`, is newer and stays.
        """
        if not status.can_send_freeform:
            self.note_closed(sender_id, recipient, status, now=now, asked_at=asked_at)
            return
        seconds = seconds_remaining(status, told_at=told_at) or 0.0
        until = now + seconds - MARGIN_SECONDS
        self._remember((sender_id, recipient), (True, until, now, None))

    def note_inbound(
        self, sender_id: int, recipient: str, *, now: float, age_seconds: float = 0.0
    ) -> None:
        """Note that the recipient wrote so long ago: 24 hours from then.

        What was learnt since is newer and stays, as does a window that is open
        for longer.
        """
        written_at = now - age_seconds
        until = written_at + WINDOW_SECONDS - MARGIN_SECONDS
        pair = sender_id, recipient
        known = self._windows.get(pair)
        if until <= now or (known is not None and _outlasts(known, written_at, until)):
            return
        self._remember(pair, (True, until, written_at, None))

    def note_closed(
        self,
        sender_id: int,
        recipient: str,
        status: SessionStatus | None,
        *,
        now: float,
        asked_at: float | None = None,
    ) -> None:
        """Note that the service refused free text, with what it said of the window.

        What was learnt after it was asked, at `asked_at`, is newer and stays. An
        answer that was long on its way may be out of date already.
        """
        pair = sender_id, recipient
        if asked_at is None:
            asked_at = now
        elif (known := self._windows.get(pair)) is not None:
            *_, learnt_at, _ = known
            if learnt_at > asked_at:
                return
        self.closing_count += 1
        self._remember(pair, (False, asked_at + RECHECK_SECONDS, now, status))

    def forget(self, sender_id: int, recipient: str) -> None:
        """Make this window unknown, as after a template."""
        self._windows.pop((sender_id, recipient), None)

    def take_fallback(
        self,
        sender_id: int,
        recipient: str,
        *,
        at: datetime,
        closed_at: datetime | None,
    ) -> bool:
        """Take the one template that may go in place of free text while it is closed.

        Args:
            sender_id: Whose window it is.
            recipient: Whom it is for.
            at: Aware time of now.
            closed_at: When the window closed; `None` where it never was open, or
                nobody knows.

        Returns:
            `False` if it was taken since the window was last open.
        """
        last = self._fell_back.get((sender_id, recipient))
        if last is not None and (closed_at is None or closed_at <= last):
            return False
        self.note_fallback(sender_id, recipient, at=at)
        return True

    def note_fallback(self, sender_id: int, recipient: str, *, at: datetime) -> None:
        """Note that it was taken at this aware time."""
        self._fell_back[sender_id, recipient] = at
        if len(self._fell_back) > self._most:
            self._fell_back.popitem(last=False)

    def return_fallback(self, sender_id: int, recipient: str) -> None:
        """Let it be taken again: it surely was not sent."""
        self._fell_back.pop((sender_id, recipient), None)

    def _remember(self, pair: _Pair, window: _Window) -> None:
        is_open, *_ = window
        if is_open:
            self._fell_back.pop(pair, None)
        self._windows[pair] = window
        self._windows.move_to_end(pair)
        if len(self._windows) > self._most:
            self._windows.popitem(last=False)


def _outlasts(window: _Window, written_at: float, until: float) -> bool:
    """Whether it says more than a message that opens the window until then."""
    is_open, believed_until, learnt_at, _ = window
    return believed_until >= until if is_open else learnt_at > written_at


show_in("autocalls_async", "WindowCheck", "WindowState", of=globals())
