"""A run's side of the journal: what may be sent again, and what became of it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from os import PathLike
from typing import Protocol

from autocalls_async.errors import (
    AuthenticationError,
    InsufficientBalanceError,
    RateLimitedError,
    SenderOfflineError,
    UnsentError,
)
from autocalls_async.journal import (
    Draft,
    Journal,
    JournalError,
    JournalStateError,
    State,
)
from autocalls_async.journal.entry import MAY_LEAVE, Settled
from autocalls_async.keys import QuietKey, derive_key, from_content, to_content
from autocalls_async.models import Message
from autocalls_async.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent

NOT_ITS_FAULT = (
    AuthenticationError,
    InsufficientBalanceError,
    RateLimitedError,
    SenderOfflineError,
)
"""Refusals that say nothing about the message: the next run sends it again."""


class NoteFallback(Protocol):
    """Takes note that a fallback went to a recipient."""

    def __call__(self, sender_id: int, recipient: str, /, *, at: datetime) -> None:
        """Note when it was."""


class Page:
    """One message's page in the ledger: told just before it leaves, and after."""

    def __init__(
        self, journal: Journal, key: str, *, on_end: Callable[[str], None]
    ) -> None:
        self._journal = journal
        self._key = QuietKey(key)
        self._on_end = on_end
        self._has_intent = False

    async def leaving(self, *, fell_back: bool) -> None:
        """Note the intent for good, before the first byte of it or its fallback.

        Raises:
            UnsentError: It could not be noted, so the message must not leave.
        """
        self._has_intent = True
        try:
            await self._journal.intend(self._key, fell_back=fell_back)
        except (JournalError, JournalStateError) as error:
            raise UnsentError(detail=f"it could not be noted: {error}") from error

    def came_back(self) -> None:
        """Note that it did nothing, and may leave again."""
        if self._has_intent:
            self._has_intent = False
            self._journal.settle(self._key, state=State.UNSENT)

    def settle(self, outcome: Outcome, *, is_withdrawn: bool) -> None:
        """Note how it ended."""
        self._on_end(self._key)
        if is_withdrawn and not self._has_intent:
            return  # it stays what it was: nothing was tried
        match outcome:
            case Accepted(sent=sent):
                self._journal.settle(
                    self._key,
                    state=State.ACCEPTED,
                    whatsapp_message_id=sent.whatsapp_message_id,
                )
            case Rejected(error=error) | Unsent(error=error) | Unknown(error=error):
                self._journal.settle(
                    self._key,
                    state=_state(outcome),
                    error=type(error).__name__,
                    error_code=error.error_code,
                    detail=str(error),
                )


class Ledger:
    """Where a run looks up what it may send: a journal, opened here or lent open."""

    def __init__(self, journal: Journal | str | PathLike[str]) -> None:
        self._is_ours = isinstance(journal, str | PathLike)
        self.journal = _journal(journal)
        self._under_way: set[str] = set()

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
            sender_id = from_content(entry.content).sender_id
            if sender_id is not None and entry.handed_over_at is not None:
                note(sender_id, entry.recipient_phone, at=entry.handed_over_at)

    async def admit(self, batch: Iterable[tuple[Message, int]]) -> list[Page | None]:
        """Take messages and their senders in; `None` for what was seen to already.

        Raises:
            JournalConflictError: The key of one stands for another message.
            JournalError: They could not be kept.
        """
        drafts = [_draft(message, sender_id) for message, sender_id in batch]
        states = await self.journal.admit_many(drafts)
        return [self._open_page(d.key, s) for d, s in zip(drafts, states, strict=True)]

    def _open_page(self, key: str, state: State) -> Page | None:
        if key in self._under_way or state not in MAY_LEAVE:
            return None
        self._under_way.add(key)
        return Page(self.journal, key, on_end=self._under_way.discard)

    async def aclose(self) -> None:
        """Make all durable, and close what was opened here."""
        if self._is_ours:
            await self.journal.aclose()
        else:
            await self.journal.flush()


def _draft(message: Message, sender_id: int) -> Draft:
    content = to_content(message, sender_id)
    return Draft(
        key=message.key or derive_key(content),
        content=content,
        recipient_phone=message.recipient_phone,
    )


def _state(outcome: Rejected | Unsent | Unknown) -> Settled:
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

    return SqliteJournal(journal)
