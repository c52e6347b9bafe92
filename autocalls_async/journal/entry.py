"""What a journal keeps, and what every journal can do.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from attrs import field, frozen

from autocalls_async.journal.keys import show_key
from autocalls_async.model.checks import check_key
from autocalls_async.model.masking import forgetful_class, mask_phone_repr
from autocalls_async.model.naming import show_in


class State(StrEnum):
    """What became of a message so far."""

    NEW = "new"
    IN_FLIGHT = "in flight"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNSENT = "unsent"
    UNKNOWN = "unknown"


Settled: TypeAlias = Literal[
    State.ACCEPTED, State.REJECTED, State.UNSENT, State.UNKNOWN
]
"""The states in which a message can end."""

Resolved: TypeAlias = Literal[State.ACCEPTED, State.NEW]
"""What a user can decide about an unknown one."""

MAY_LEAVE = frozenset({State.NEW, State.UNSENT})
"""The states from which a message may be handed over: it surely never was."""

SETTLES_FROM: Mapping[State, frozenset[State]] = {
    State.ACCEPTED: frozenset({State.IN_FLIGHT}),
    State.UNKNOWN: frozenset({State.IN_FLIGHT}),
    State.REJECTED: frozenset({State.IN_FLIGHT, *MAY_LEAVE}),
    State.UNSENT: frozenset({State.IN_FLIGHT, *MAY_LEAVE}),
}
"""For each end, where it can be reached from.

Only what was handed over can be accepted or unknown. Our own check of the
window can refuse a message that never left.
"""

LOST_ERROR = "UnknownOutcomeError"
LOST_DETAIL = "the run ended before an answer came"
RESOLVED_DETAIL = "resolved by the user"


@forgetful_class
@frozen(kw_only=True)
class Draft:
    """A message to be added to a journal.

    Args:
        key: What identifies it across runs: 1 to 255 characters.
        content: What to send, from `keys.to_content()`.
        recipient_phone: Whom it is for.

    Raises:
        ValueError: The key cannot identify a message.
    """

    key: str = field(validator=check_key.on_field, repr=show_key)
    content: str = field(repr=False)
    recipient_phone: str = field(repr=mask_phone_repr)


@frozen(kw_only=True)
class Entry:
    """What a journal knows of one message.

    Attributes:
        content: What to send; `keys.from_content()` makes it a message again.
        attempt_count: How often it was about to be handed over.
        handed_over_at: When it last was; `None` where it surely was not.
        fell_back: It was the message's `fallback` that was.
        settled_at: When its state was learnt, or set by the user.
        error: The class of the error that it ended with.
        error_code: The service's code for it.
        detail: What was seen, in our words.
    """

    key: str = field(repr=show_key)
    content: str = field(repr=False)
    recipient_phone: str = field(repr=mask_phone_repr)
    state: State = State.NEW
    attempt_count: int = 0
    added_at: datetime
    handed_over_at: datetime | None = None
    fell_back: bool = False
    settled_at: datetime | None = None
    whatsapp_message_id: int | None = None
    error: str | None = None
    error_code: str | None = field(default=None, repr=False)
    detail: str | None = field(default=None, repr=False)


def clean(text: str | None) -> str | None:
    """Return what a file can hold: the service's codes may have half of a pair."""
    return text and text.encode("utf-8", "backslashreplace").decode()


class Claims:
    """Who has which message of an open journal to itself."""

    def __init__(self) -> None:
        self._owners: dict[str, object] = {}

    def claim(self, key: str, *, owner: object) -> bool:
        """Let this owner alone have a message; return whether it was free."""
        if key in self._owners:
            return False
        self._owners[key] = owner
        return True

    def release(self, key: str, *, owner: object) -> None:
        """Let others claim it, if it is this owner's."""
        if self._owners.get(key) is owner:
            del self._owners[key]


class Journal(Protocol):
    """What became of each message of a campaign, across runs and crashes.

    One process at a time opens it, uses it and closes it; several runs in it may
    be lent the open journal. What it is told is kept in the order in which it
    was told.

    Whoever means to hand a message over claims it first, then admits it, and
    lets go of it after settling it. A claim keeps off others who ask for it; it
    lives as long as the journal is open, and is written nowhere.
    """

    async def open(self) -> int:
        """Become its one owner, and take what was in flight for unknown.

        Returns:
            How many messages became unknown.

        Raises:
            JournalLockedError: Another process owns it; the text says which.
            JournalError: It cannot be read or written.
        """

    def claim(self, key: str, *, owner: object) -> bool:
        """Let this owner alone have a message; return whether it was free.

        Args:
            key: Of a message that need not be there yet.
            owner: Any object: compared by what it is, not by what it holds.

        Returns:
            Whether it was free. To an owner that has it already it is not.
        """

    def release(self, key: str, *, owner: object) -> None:
        """Let others claim the message, if it is this owner's; else do nothing."""

    async def admit(self, key: str, *, content: str, recipient_phone: str) -> State:
        """Add a message as new, unless it is there; return the state it has.

        Raises:
            JournalConflictError: It is there with another content.
            JournalError: It could not be kept.
            ValueError: The key cannot identify a message.
        """

    async def admit_many(self, drafts: Iterable[Draft]) -> list[State]:
        """Do `admit()` for each, at a fraction of the cost; some hundreds at a time.

        Raises:
            JournalConflictError: One is there with another content. Those
                before it were added.
            JournalError: They could not be kept.
        """

    async def intend(self, key: str, *, fell_back: bool = False) -> None:
        """Note, for good, that this message, or its fallback, is about to leave.

        When this returns, the note survives a power cut. Where it raises or is
        cancelled, nothing may be sent; then settle it as unsent.

        Raises:
            JournalStateError: It may have left before, or is not there.
            JournalError: It could not be noted.
        """

    def settle(
        self,
        key: str,
        *,
        state: Settled,
        whatsapp_message_id: int | None = None,
        error: str | None = None,
        error_code: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Note how an attempt ended; at once, to be made durable with the next commit.

        It neither waits nor raises, so that it can be called while a task is
        being cancelled. What goes wrong is raised by the next `flush()` or
        `aclose()`.

        A message that will be tried again is settled as unsent first.
        """

    async def flush(self) -> None:
        """Wait until all that was noted is durable.

        Raises:
            JournalError: It could not be kept. It is tried again by the next
                `flush()` or `aclose()`.
            JournalStateError: Something was settled that could not be.
        """

    async def counts(self) -> Mapping[State, int]:
        """Return how many messages are in each state."""

    def entries(self, *states: State, fell_back: bool = False) -> AsyncIterator[Entry]:
        """Yield the messages in these states, or all, in the order of addition.

        Args:
            states: None means all.
            fell_back: Only those whose fallback was handed over.
        """

    async def resolve(self, keys: Iterable[str], *, state: Resolved) -> int:
        """Settle unknown messages as the user decided; all of them or none.

        Returns:
            How many they were.

        Raises:
            JournalStateError: One is not unknown, or is not there.
            JournalError: It could not be kept.
        """

    async def aclose(self) -> None:
        """Make all durable and let go of the journal. A second call does nothing.

        Raises:
            JournalError: Something could not be kept. It is closed all the same.
            JournalStateError: Something was settled that could not be.
        """


show_in("autocalls_async.journal", "Draft", "Entry", "Journal", "State", of=globals())
