"""A run's side of the journal: what may be sent again, and what became of it."""

from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Protocol, TypeAlias

from attrs import evolve

from autocalls_async.clock import utc_now
from autocalls_async.journal import (
    Draft,
    Entry,
    Journal,
    JournalError,
    JournalRepeatError,
    JournalStateError,
    State,
)
from autocalls_async.journal.entry import SettledState
from autocalls_async.journal.keys import (
    QuietKey,
    derive_key,
    from_content,
    show_key,
    to_content,
)
from autocalls_async.model.errors import (
    AuthenticationError,
    InsufficientBalanceError,
    RateLimitedError,
    RejectedError,
    SenderOfflineError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.messages import Message
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent

NOT_ITS_FAULT = (
    AuthenticationError,
    InsufficientBalanceError,
    RateLimitedError,
    SenderOfflineError,
)
"""Refusals that say nothing about the message: the next run sends it again."""

Refused: TypeAlias = deque[tuple[tuple[str, str | None], str]]
"""Why messages were refused, by error and code, and their keys."""

_MOST_TAKEN_BACK = 1_000

_SPENT = (State.IN_FLIGHT, State.ACCEPTED, State.UNKNOWN)


class NoteFallback(Protocol):
    """Takes note that a fallback went to a recipient."""

    def __call__(self, sender_id: int, recipient: str, /, *, at: datetime) -> None:
        """Note when it was."""


class LedgerPage:
    """One message's page in the ledger: told just before it leaves, and after.

    From `claim()` until `settle()` or `let_go()` the message is this page's alone,
    whoever else uses the journal.
    """

    def __init__(
        self, journal: Journal, key: str, *, refused: Refused, person: str | None
    ) -> None:
        self._journal = journal
        self._key = QuietKey(key)
        self._refused = refused
        self._person = person  # who is to get this one alone
        self._stays: SettledState = State.UNSENT  # where it has not left
        self._has_intent = False
        self._is_lost = False

    def open(self, state: State) -> bool:
        """Begin with one that is in this state; let go of it if it may not leave."""
        match state:
            case State.NEW | State.UNSENT:
                self._stays = state
                return True
        self.let_go()
        return False

    def claim(self) -> bool:
        """Claim the message, unless another page has it; return whether it was free."""
        return self._journal.claim(self._key, owner=self, person=self._person)

    def let_go(self) -> None:
        """Leave the message to others, if it is this page's."""
        self._journal.release(self._key, owner=self)

    async def leaving(self, *, fell_back: bool, outside_window: bool) -> None:
        """Note the intent for good, before the first byte of it or its fallback.

        Raises:
            UnsentError: It could not be noted, so the message must not leave.
            UnknownOutcomeError: Somebody else did something with it, who asked
                for no claim.
        """
        self._has_intent = True
        try:
            await self._journal.intend(
                self._key,
                fell_back=fell_back,
                outside_window=outside_window,
                once=self._person is not None,
            )
        except JournalError as error:
            raise _unnoted(error) from error
        except JournalRepeatError:
            detail = "its recipient has, or may have, had another from the journal"
            raise UnsentError(detail=detail) from None
        except JournalStateError as error:
            if error.state is None:  # it was withdrawn: there is nothing to settle
                self._has_intent, self._is_lost = False, True
                raise UnsentError(detail="it was taken out of the journal") from error
            # How it stands is theirs to settle: as unsent it would leave twice.
            self._has_intent, self._is_lost = False, True
            detail = f"somebody else changed it in the journal: {error}"
            raise UnknownOutcomeError(detail=detail) from error

    def look(self) -> UnsentError | None:
        """Return why it must not leave any more, at its last look."""
        if self._journal.may_leave(self._key):
            return None
        return UnsentError(detail="its journal belongs to another process now")

    def stayed(self) -> None:
        """Note that it has not left after all, and is what it was."""
        if self._has_intent:
            self._has_intent = False
            self._journal.settle(self._key, state=self._stays)

    def came_back(self) -> None:
        """Note that it left and did nothing, and may leave again."""
        self._stays = State.UNSENT
        self.stayed()

    def put_aside(self) -> None:
        """Leave it to others until it may leave; it has done nothing."""
        try:
            self.stayed()
        finally:
            self.let_go()

    def settle(self, outcome: Outcome, *, is_withdrawn: bool) -> None:
        """Note how it ended, and let go of it."""
        try:
            if self._is_lost:
                pass
            elif is_withdrawn:
                self.stayed()
            else:
                self._note(outcome)
        finally:
            self.let_go()

    def _note(self, outcome: Outcome) -> None:
        match outcome:
            case Accepted(sent=sent):
                self._journal.settle(
                    self._key,
                    state=State.ACCEPTED,
                    whatsapp_message_id=sent.whatsapp_message_id,
                    ending=sent,
                )
            case Rejected(error=error) | Unsent(error=error) | Unknown(error=error):
                state = _state(outcome)
                if state is State.REJECTED:
                    reason = type(error).__name__, error.error_code
                    self._refused.append((reason, str(self._key)))
                self._journal.settle(
                    self._key,
                    state=state,
                    error=type(error).__name__,
                    error_code=error.error_code,
                    detail=str(error),
                    ending=error,
                )


def _unnoted(error: JournalError) -> UnsentError:
    detail = f"it could not be noted: {error.summary}"
    return UnsentError(detail=detail, remedy=error.advice or None)


class Ledger:
    """Where a run looks up what it may send: a journal, opened here or lent open.

    Args:
        journal: Its path, or itself.
        once: Nobody gets a second message by it.
    """

    def __init__(
        self, journal: Journal | str | PathLike[str], *, once: bool = False
    ) -> None:
        self._once = once
        self._refused: Refused = deque(maxlen=_MOST_TAKEN_BACK)
        self._is_ours = isinstance(journal, str | PathLike)
        self._path = (
            Path(journal)
            if isinstance(journal, str | PathLike)
            else Path("that was lent")
        )
        self.journal: Journal = _journal(journal)

    async def open(self, note_fallback: NoteFallback) -> None:
        """Become the journal's owner, unless it was lent open.

        Args:
            note_fallback: Told of each fallback that went out in an earlier run.

        Raises:
            JournalError: It cannot be used; another process may own it.
        """
        if self._is_ours:
            await self.journal.open()
        try:
            await self._tell_of_fallbacks(note_fallback)
        except BaseException:
            await self.aclose()
            raise

    async def _tell_of_fallbacks(self, note: NoteFallback) -> None:
        entries = self.journal.entries(State.ACCEPTED, State.UNKNOWN, fell_back=True)
        async for entry in entries:
            sender_id = self._read(entry).sender_id
            if sender_id is not None and entry.handed_over_at is not None:
                note(sender_id, entry.recipient_phone, at=entry.handed_over_at)

    def _read(self, entry: Entry) -> Message:
        try:
            return from_content(entry.content)
        except ValueError:
            detail = (
                f"the content of message {show_key(entry.key)} cannot be read; "
                "a later version may have written it, or it is damaged"
            )
        # Raised here, where the other is over: it may quote the content.
        raise JournalError(path=self._path, detail=detail)

    async def admit(
        self, batch: Iterable[tuple[Message, int]]
    ) -> list[LedgerPage | None]:
        """Admit messages and their senders; `None` for what others see to.

        They were seen to already, or another run, or an equal message of this
        one, is about to. So was or is another message for the same person, where
        nobody is to get a second one.

        Raises:
            JournalConflictError: The key of one stands for another message.
            JournalError: They could not be kept.
        """
        drafts = [self._draft(message, sender_id) for message, sender_id in batch]
        pages = [self._page(draft) for draft in drafts]
        # Claimed before the states are read: whoever had one has told its end by
        # then, and nobody can change it afterwards.
        are_ours = [page.claim() for page in pages]
        claimed = zip(drafts, are_ours, strict=True)
        try:
            states = await self.journal.admit_many(
                [evolve(draft, is_claimed=is_ours) for draft, is_ours in claimed]
            )
        except BaseException:
            for page in pages:
                page.let_go()
            raise
        found = zip(pages, are_ours, states, strict=True)
        return [
            page if is_ours and page.open(state) else None
            for page, is_ours, state in found
        ]

    def _draft(self, message: Message, sender_id: int) -> Draft:
        content = to_content(message, sender_id)
        return Draft(
            key=message.key or derive_key(content),
            content=content,
            recipient_phone=message.recipient_phone,
            once=self._once,
        )

    def _page(self, draft: Draft) -> LedgerPage:
        person = draft.person if self._once else None
        return LedgerPage(self.journal, draft.key, refused=self._refused, person=person)

    async def take_back(self, error: RejectedError) -> None:
        """Make new what this run was refused for the reason of this error.

        Of the last thousand refusals, whatever has not changed meanwhile.

        Raises:
            JournalError: It could not be kept.
        """
        reason = type(error).__name__, error.error_code
        keys = [key for why, key in self._refused if why == reason]
        await self.journal.flush()
        with suppress(JournalStateError):
            await self.journal.resolve(keys, state=State.NEW, was=State.REJECTED)

    async def count_spent(self) -> int:
        """Return how many messages have left, or may have."""
        counts = await self.journal.counts()
        return sum(counts[state] for state in _SPENT)

    def reached(
        self, sender_id: int, *, since: datetime
    ) -> AsyncIterator[tuple[str, datetime]]:
        """Yield whom a sender has written to outside a window, and when last."""
        return self.journal.reached(sender_id, since=since)

    async def aclose(self) -> None:
        """Make all durable, and close what was opened here."""
        if self._is_ours:
            await self.journal.aclose()
        else:
            await self.journal.flush()


def _state(outcome: Rejected | Unsent | Unknown) -> SettledState:
    match outcome:
        case Rejected(error=error):
            return State.UNSENT if isinstance(error, NOT_ITS_FAULT) else State.REJECTED
        case Unsent():
            return State.UNSENT
        case Unknown():
            return State.UNKNOWN


def _journal(journal: Journal | str | PathLike[str]) -> Journal:
    if not isinstance(journal, str | PathLike):
        return journal
    # Most programs have no journal, and need no SQLite.
    from autocalls_async.journal import SqliteJournal  # noqa: PLC0415

    return SqliteJournal(journal, now=utc_now)
