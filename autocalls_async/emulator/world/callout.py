"""What is called out: the record of one callout, and when it is tried again.

Pure: no I/O, no clock, no asyncio. Retries are those of the API reference,
"Read-receipts webhook" and "Conversation-ended webhook", read 2026-11-26. No page
documents a retry for messages that a flow forwards: those go once.
"""

from collections.abc import Mapping
from enum import StrEnum

from attrs import define, field, frozen

_PAUSES = (30.0, 60.0, 120.0)
_TOO_MANY = 429


class Kind(StrEnum):
    """What is told."""

    RECEIPT = "receipt"
    INBOUND = "inbound"
    ENDED = "ended"


class State(StrEnum):
    """How far a callout is."""

    WAITING = "waiting"
    UNDER_WAY = "under way"
    DONE = "done"
    GIVEN_UP = "given up"


@frozen(kw_only=True)
class Attempt:
    """One exchange."""

    due: float
    """When it was to be made, in seconds since the callout was made."""

    at: float
    """When it was made, in seconds on the emulator's clock."""

    status: int | None = None
    error: str | None = None
    """Why there was no answer."""

    answer: str = field(default="", repr=False)
    seconds: float = 0.0
    """How long it took, in real seconds."""

    @property
    def is_taken(self) -> bool:
        """Whether the other side said that all is well."""
        return self.status is not None and 200 <= self.status < 300


@define(kw_only=True)
class Callout:
    """One thing that somebody's program is told, with all its attempts."""

    id: int
    kind: Kind
    url: str
    headers: Mapping[str, str] = field(repr=False)
    raw: bytes = field(repr=False)
    label: str
    phone: str
    message: int | None = None
    """The number of the message that it is about."""

    made_at: float
    state: State = State.WAITING
    next_at: float | None = None
    attempts: list[Attempt] = field(factory=list)

    @property
    def line(self) -> tuple[Kind, str]:
        """What goes one after another: the receipts, or the messages, of a person."""
        return self.kind, self.phone

    def begin(self) -> None:
        """Let an attempt be under way."""
        self.state, self.next_at = State.UNDER_WAY, None

    def note(self, attempt: Attempt) -> float | None:
        """Take in how an attempt ended.

        Returns:
            When to make the next one; None if it was the last.
        """
        self.attempts.append(attempt)
        pause = pause_after(self)
        self.next_at = None if pause is None else self.made_at + attempt.due + pause
        if attempt.is_taken:
            self.state = State.DONE
        else:
            self.state = State.GIVEN_UP if pause is None else State.WAITING
        return self.next_at

    def give_up(self) -> None:
        """Let no further attempt be made by itself."""
        self.state, self.next_at = State.GIVEN_UP, None


def pause_after(callout: Callout) -> float | None:
    """Return the seconds from the last attempt to the next; None if it was the last."""
    last = callout.attempts[-1]
    made = len(callout.attempts)
    if last.is_taken or made > len(_PAUSES) or not _is_tried_again(callout.kind, last):
        return None
    return _PAUSES[made - 1]


def _is_tried_again(kind: Kind, last: Attempt) -> bool:
    match kind:
        case Kind.RECEIPT:
            status = last.status
            return status is None or status == _TOO_MANY or status >= 500
        case Kind.ENDED:
            return True
        case _:
            return False
