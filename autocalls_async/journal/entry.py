"""What a journal keeps, and what every journal can do.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from attrs import field, frozen

from autocalls_async.journal.keys import identity_of, sender_of, show_key
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.checks import check_key
from autocalls_async.model.errors import AutocallsError
from autocalls_async.model.persons import person_of
from autocalls_async.model.values.masking import forgetful_class, mask_phone_repr
from autocalls_async.model.values.naming import show_in


class State(StrEnum):
    """What became of a message so far."""

    NEW = "new"
    IN_FLIGHT = "in flight"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNSENT = "unsent"
    UNKNOWN = "unknown"


SettledState: TypeAlias = Literal[
    State.ACCEPTED, State.REJECTED, State.UNSENT, State.UNKNOWN, State.NEW
]
"""The states in which an attempt can end: as new where it was not made after all."""

Ending: TypeAlias = SentMessage | AutocallsError
"""The answer of a service that accepted it, or else why it did not."""

Resolved: TypeAlias = Literal[State.ACCEPTED, State.NEW]
"""What a user can decide about an unknown one."""

Doubted: TypeAlias = Literal[State.UNKNOWN, State.REJECTED]
"""The states about which a user can decide."""

MAY_LEAVE = frozenset({State.NEW, State.UNSENT})
"""The states from which a message may be handed over: it surely never was."""

MAY_HAVE_REACHED = frozenset({State.IN_FLIGHT, State.ACCEPTED, State.UNKNOWN})
"""The states of messages that somebody has, or may have, had."""

MAY_CHANGE = MAY_LEAVE | {State.REJECTED}
"""The states in which another content can take a message's place: nobody had it."""

SETTLES_FROM: Mapping[State, frozenset[State]] = {
    State.ACCEPTED: frozenset({State.IN_FLIGHT}),
    State.UNKNOWN: frozenset({State.IN_FLIGHT}),
    State.REJECTED: frozenset({State.IN_FLIGHT, *MAY_LEAVE}),
    State.UNSENT: frozenset({State.IN_FLIGHT, *MAY_LEAVE}),
    State.NEW: frozenset({State.IN_FLIGHT, State.NEW}),
}
"""For each end, where it can be reached from.

Only what was handed over can be accepted or unknown. Our own check of the
window can refuse a message that never left. One that is withdrawn while its intent
is on its way to the disk may be new still, and stays so.
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
        once: It is for nobody who has, or may have, had another message of the
            journal.
        is_claimed: Whoever adds it has it to themselves. Else it is only held
            against what is there, and nothing is added or changed.

    Raises:
        ValueError: The key cannot identify a message.
    """

    key: str = field(validator=check_key.on_field, repr=show_key)
    content: str = field(repr=False)
    recipient_phone: str = field(repr=mask_phone_repr)
    once: bool = False
    is_claimed: bool = True

    @property
    def identity(self) -> str:
        """The same for equal messages, whatever their keys and fallbacks."""
        return identity_of(self.content)

    @property
    def person(self) -> str:
        """The same for each spelling of the recipient's number."""
        return person_of(self.recipient_phone)

    @property
    def sender_id(self) -> int | None:
        """Whom it goes out from; `None` where the content does not say."""
        return sender_of(self.content)


@frozen(kw_only=True)
class Entry:
    """What a journal knows of one message.

    Attributes:
        content: What to send; `keys.from_content()` makes it a message again.
        attempt_count: How often it was about to be handed over.
        handed_over_at: When it last was; `None` where it surely was not.
        fell_back: It was the message's `fallback` that was.
        outside_window: It went to somebody whose window was not known to be open.
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
    outside_window: bool = False
    settled_at: datetime | None = None
    whatsapp_message_id: int | None = None
    error: str | None = None
    error_code: str | None = field(default=None, repr=False)
    detail: str | None = field(default=None, repr=False)

    @property
    def identity(self) -> str:
        """The same for equal messages, whatever their keys and fallbacks."""
        return identity_of(self.content)

    @property
    def person(self) -> str:
        """The same for each spelling of the recipient's number."""
        return person_of(self.recipient_phone)

    @property
    def has_own_key(self) -> bool:
        """Whether whoever sent it gave it a key, which is not its identity."""
        return self.key != self.identity


def clean(text: str | None) -> str | None:
    """Return what a file can hold: the service's codes may have half of a pair."""
    return text and text.encode("utf-8", "backslashreplace").decode()


class Claims:
    """Who has which messages, and which people, of an open journal to themselves."""

    def __init__(self) -> None:
        self._owners: dict[str, object] = {}
        self._people: dict[str, str] = {}
        self._person_of: dict[str, str] = {}

    def claim(self, key: str, *, owner: object, person: str | None = None) -> bool:
        """Claim a message for this owner alone; return whether it was free."""
        if key in self._owners or person in self._people:
            return False
        self._owners[key] = owner
        if person is not None:
            self._people[person] = key
            self._person_of[key] = person
        return True

    def release(self, key: str, *, owner: object) -> None:
        """Release a message that this owner has claimed."""
        if self._owners.get(key) is owner:
            del self._owners[key]
            if (person := self._person_of.pop(key, None)) is not None:
                del self._people[person]


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

    def claim(self, key: str, *, owner: object, person: str | None = None) -> bool:
        """Claim a message for this owner alone; return whether it was free.

        Args:
            key: Of a message that need not be there yet.
            owner: Any object: compared by what it is, not by what it holds.
            person: Whoever it is for, as `Draft.person` says, to be claimed with
                it: both or neither.

        Returns:
            Whether it was free. To an owner that has it already it is not.
        """

    def release(self, key: str, *, owner: object) -> None:
        """Release a message that this owner has claimed; else do nothing."""

    async def admit(self, key: str, *, content: str, recipient_phone: str) -> State:
        """Add a message as new, unless it is there; return the state it has.

        Another content takes the place of one that nobody had: which is new,
        unsent or rejected. Then it is new. Another fallback, or another spelling
        of the number, makes no other message.

        Raises:
            JournalConflictError: It is there with another content, which
                somebody has, or may have, had.
            JournalError: It could not be kept.
            ValueError: The key cannot identify a message.
        """

    async def admit_many(self, drafts: Iterable[Draft]) -> list[State]:
        """Do `admit()` for each, at a fraction of the cost; some hundreds at a time.

        Returns:
            The state of each. One that is to be its person's only one is not
            added where that person has, or may have, had another: then it is
            the state of that.

        Raises:
            JournalConflictError: One is there with another content, which
                somebody has had, or has claimed. Those before it were added.
            JournalError: They could not be kept.
        """

    async def intend(
        self,
        key: str,
        *,
        fell_back: bool = False,
        outside_window: bool = False,
        once: bool = False,
    ) -> None:
        """Note, for good, that this message, or its fallback, is about to leave.

        When this returns, the note survives a power cut. Where it raises or is
        cancelled, nothing may be sent; then settle it as unsent.

        Args:
            key: The message's.
            fell_back: Its fallback is.
            outside_window: It goes to somebody whose window is not known to be
                open; `reached()` tells of it.
            once: Only if its person has, and may have, had no other.

        Raises:
            JournalStateError: It may have left before, or is not there.
            JournalRepeatError: Its person has, or may have, had another.
            JournalError: It could not be noted.
        """

    def may_leave(self, key: str) -> bool:
        """Whether this process still owns the journal, as far as this message goes.

        It is asked at the last look before the first byte, and neither waits nor
        raises. Where it says no, settle the message as unsent.
        """

    def settle(
        self,
        key: str,
        *,
        state: SettledState,
        whatsapp_message_id: int | None = None,
        error: str | None = None,
        error_code: str | None = None,
        detail: str | None = None,
        ending: Ending | None = None,
    ) -> None:
        """Note how an attempt ended; at once, to be made durable with the next commit.

        It neither waits nor raises, so that it can be called while a task is
        being cancelled. What goes wrong is raised by the next `flush()` or
        `aclose()`.

        A message that will be tried again is settled as unsent first.

        Args:
            key: The message's.
            state: How it ended.
            whatsapp_message_id: The service's id, where it was accepted.
            error: The class of the error that it ended with.
            error_code: The service's code for it.
            detail: What was seen, in our words.
            ending: The answer or the error itself, for a journal from which others
                tell of it; one in a file keeps no more than the other arguments.
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

    def reached(
        self, sender_id: int, *, since: datetime
    ) -> AsyncIterator[tuple[str, datetime]]:
        """Yield whom a sender wrote to outside a window, with the last time of each.

        What is in flight, accepted or unknown counts; the oldest come first.

        Args:
            sender_id: The sender.
            since: An aware time; what was handed over later counts.
        """

    async def resolve(
        self, keys: Iterable[str], *, state: Resolved, was: Doubted = State.UNKNOWN
    ) -> int:
        """Settle messages as the user decided; all of them or none.

        Args:
            keys: Of the messages.
            state: What they become: accepted, or new, to be sent again.
            was: What they are. What was rejected can only become new.

        Returns:
            How many they were.

        Raises:
            JournalStateError: One is in another state, or is not there.
            JournalError: It could not be kept.
            ValueError: What was rejected was not accepted.
        """

    async def aclose(self) -> None:
        """Make all durable and let go of the journal. A second call does nothing.

        Raises:
            JournalError: Something could not be kept. It is closed all the same.
            JournalStateError: Something was settled that could not be.
        """


def check_resolution(state: Resolved, was: Doubted) -> None:
    """Raise `ValueError` unless a user can decide so."""
    if was is State.REJECTED and state is not State.NEW:
        msg = "what was rejected can be sent again, as new; it was not accepted"
        raise ValueError(msg)


show_in("autocalls_async.journal", "Draft", "Entry", "Journal", "State", of=globals())
