"""The journal of one account in PostgreSQL; its one owner is the account's holder.

What a file's lock is to the SQLite journal, the lease and the epoch are to this one.
"""

from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from attrs import define

from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.ending import to_ending_text
from autocalls_async.cluster.protocol.entries import read_page
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.protocol.lease import Hold, Lease, let_go, now, take
from autocalls_async.cluster.protocol.resolving import resolve
from autocalls_async.cluster.protocol.writer import Told, Writer
from autocalls_async.journal import (
    Draft,
    Entry,
    JournalConflictError,
    JournalError,
    JournalLockedError,
    JournalRepeatError,
    JournalStateError,
    State,
)
from autocalls_async.journal.entry import (
    MAY_LEAVE,
    Claims,
    Doubted,
    Ending,
    Resolved,
    SettledState,
    check_resolution,
    clean,
)

T = TypeVar("T")

FRESH_SECONDS = 1.0
"""An intent leaves before it is so old, or not at all: the next holder is quiet for
longer, so that nothing of its own comes before."""

_COUNTS = "SELECT state, count(*) FROM autocalls.message WHERE account = %s GROUP BY 1"
_STATE = "SELECT state FROM autocalls.message WHERE account = %s AND key = %s"
_ADMIT = """
SELECT autocalls.admit(%s, %s, %s, %s, %s, %s, %s::bigint, %s, %s)
"""
_REACHED = """
SELECT person, max(handed_over_at) FROM autocalls.message
WHERE account = %s AND sender_id = %s AND outside_window AND handed_over_at > %s
  AND state IN ('in flight', 'accepted', 'unknown') GROUP BY person ORDER BY 2
"""
_HAS_ACCOUNT = "SELECT name FROM autocalls.account WHERE name = %s"


@define(eq=False)
class _Open:
    """What there is while it is open."""

    hold: Hold
    fault: JournalStateError | None = None


class PostgresJournal:
    """The messages of one account, noted by whoever holds it.

    Args:
        account: Its name.
        database: Where it is read.
        writer: Commits what is noted, for all accounts of the worker.
        lease: The worker's.
        keeps_order: Nothing leaves before what was put in earlier for the same
            recipient and waits, as where it came back.
    """

    def __init__(
        self,
        account: str,
        *,
        database: Database,
        writer: Writer,
        lease: Lease,
        keeps_order: bool = False,
    ) -> None:
        self._keeps_order = keeps_order
        self._account = account
        self._database = database
        self._writer = writer
        self._lease = lease
        self._claims = Claims()
        self._open: _Open | None = None
        self._intended_at: dict[str, float] = {}
        self._read: dict[str, State] = {}
        self._refused: set[str] = set()

    @property
    def hold(self) -> Hold:
        """The hold on the account."""
        return self._opened().hold

    async def open(self) -> int:
        """Become the account's holder, and take what was in flight for unknown."""
        if self._open is not None:
            msg = "the journal is open already"
            raise RuntimeError(msg)
        hold = await self._ask(take(self._database, self._account, self._lease))
        if hold is None:
            raise await self._locked()
        self._claims = Claims()
        self._open = _Open(hold)
        return hold.lost_count

    def note_read(self, key: str) -> None:
        """Note that a message was just read from the table: it can be admitted."""
        self._read[key] = State.NEW

    def claim(self, key: str, *, owner: object, person: str | None = None) -> bool:
        """Let this owner alone have a message; return whether it was free."""
        self._opened()
        return self._claims.claim(key, owner=owner, person=person)

    def release(self, key: str, *, owner: object) -> None:
        """Let others claim the message, if it is this owner's."""
        self._claims.release(key, owner=owner)

    async def admit(self, key: str, *, content: str, recipient_phone: str) -> State:
        """Add a message as new, unless it is there; return the state it has."""
        draft = Draft(key=key, content=content, recipient_phone=recipient_phone)
        return (await self.admit_many([draft]))[0]

    async def admit_many(self, drafts: Iterable[Draft]) -> list[State]:
        """Do `admit()` for each; what was just read from the table costs nothing."""
        self._opened()
        return [await self._admit(draft) for draft in drafts]

    async def intend(
        self,
        key: str,
        *,
        fell_back: bool = False,
        outside_window: bool = False,
        once: bool = False,
    ) -> None:
        """Note, for good and under this epoch, that this message is about to leave."""
        hold = self._opened().hold
        asked_at = now()
        facts = (fell_back, outside_window, once, self._keeps_order)
        self._refused.add(str(key))
        try:
            is_allowed = await self._writer.intend(hold, str(key), facts)
        except ClusterError as error:
            raise self._failure(error) from None
        if not is_allowed:
            raise await self._refusal(str(key), once=once)
        self._refused.discard(str(key))
        self._intended_at[str(key)] = asked_at

    def take_refused(self, key: str) -> bool:
        """Whether the last intent of a message was not noted; asked once."""
        was_refused = key in self._refused
        self._refused.discard(key)
        return was_refused

    def may_leave(self, key: str) -> bool:
        """Whether the lease is good at this instant, and the intent fresh."""
        if self._open is None or not self._open.hold.is_good():
            return False
        intended_at = self._intended_at.get(str(key))
        return intended_at is None or now() < intended_at + FRESH_SECONDS

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
        """Note how an attempt ended, to be made durable with the next commit."""
        opened = self._opened()
        self._intended_at.pop(str(key), None)
        is_left = state in MAY_LEAVE and (
            opened.hold.is_ending
            or not opened.hold.is_good()
            or str(key) in self._refused
        )
        facts = (error, error_code, detail, to_ending_text(ending))
        if is_left:  # no end: the next holder sends it
            facts = (None, None, None, None)
        number = None if whatsapp_message_id is None else str(whatsapp_message_id)
        words = (str(state), number, *map(_storable, facts))
        missed = self._note_missed
        self._writer.settle(Told(opened.hold, str(key), words, missed))

    async def flush(self) -> None:
        """Wait until all that was noted is durable."""
        opened = self._opened()
        await self._ask(self._writer.flush())
        if (fault := opened.fault) is not None:
            opened.fault = None
            state = await self._state_of(fault.key)
            raise JournalStateError(fault.key, state, fault.wanted)

    async def counts(self) -> Mapping[State, int]:
        """Return how many messages are in each state."""
        await self._settled()
        rows = await self._ask(self._database.fetch(_COUNTS, self._account))
        return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}

    async def entries(
        self, *states: State, fell_back: bool = False
    ) -> AsyncIterator[Entry]:
        """Yield the messages in these states, or all, in the order of addition.

        Those whose contents are forgotten are left out.
        """
        await self._settled()
        after, which = 0, states or tuple(State)
        while page := await self._ask(
            read_page(
                self._database, self._account, *which, after=after, fell_back=fell_back
            )
        ):
            for _, entry in page:
                yield entry
            after = page[-1][0]

    async def reached(
        self, sender_id: int, *, since: datetime
    ) -> AsyncIterator[tuple[str, datetime]]:
        """Yield whom a sender wrote to outside a window, with the last time of each."""
        await self._settled()
        values = (self._account, sender_id, since)
        for person, at in await self._ask(self._database.fetch(_REACHED, *values)):
            yield person, at

    async def resolve(
        self, keys: Iterable[str], *, state: Resolved, was: Doubted = State.UNKNOWN
    ) -> int:
        """Settle messages as the user decided; all of them or none."""
        await self._settled()
        check_resolution(state, was)
        chosen = list(dict.fromkeys(map(str, keys)))
        return await resolve(
            self._database, self._account, chosen, state=state, was=was
        )

    async def aclose(self) -> None:
        """Make all durable and let go of the account. A second call does nothing."""
        if self._open is None:
            return
        try:
            await self.flush()
        finally:
            hold, self._open = self._open.hold, None
            await self._ask(let_go(self._database, hold))

    # Below

    async def _admit(self, draft: Draft) -> State:
        if (state := self._read.pop(str(draft.key), None)) is not None:
            return state
        await self._settled()
        row = await self._ask(
            self._database.value(
                _ADMIT,
                self._account,
                str(draft.key),
                draft.content,
                draft.recipient_phone,
                draft.identity,
                draft.person,
                draft.sender_id,
                draft.once,
                draft.is_claimed,
            )
        )
        if row == "conflict":
            raise JournalConflictError(str(draft.key))
        return State(row)

    async def _settled(self) -> None:
        """Let what was told before come first."""
        self._opened()
        await self._ask(self._writer.flush())

    async def _refusal(self, key: str, *, once: bool) -> Exception:
        """Return why an intent was refused."""
        state = await self._state_of(key)
        if not self._opened().hold.is_good() or (state in MAY_LEAVE and not once):
            return self._failure("another worker holds the account, or it is paused")
        if state in MAY_LEAVE:
            return JournalRepeatError(key)
        return JournalStateError(key, state, "handed over")

    def _note_missed(self, told: Told) -> None:
        opened = self._open
        if opened is not None and opened.hold is told.hold and told.hold.is_good():
            wanted = f"settled as {told.facts[0]}"
            opened.fault = opened.fault or JournalStateError(told.key, None, wanted)

    async def _state_of(self, key: str) -> State | None:
        values = (_STATE, self._account, key)
        found = await self._ask(self._database.value(*values))
        return None if found is None else State(found)

    async def _locked(self) -> JournalError:
        name = await self._ask(self._database.value(_HAS_ACCOUNT, self._account))
        if name is None:
            return self._failure("there is no such account; add it first")
        detail = "another worker holds it, or it is paused"
        return JournalLockedError(path=_path(self._account), detail=detail)

    def _failure(self, error: ClusterError | str) -> JournalError:
        detail = error if isinstance(error, str) else error.detail
        return JournalError(path=_path(self._account), detail=detail)

    async def _ask(self, asked: Awaitable[T]) -> T:
        """Wait for something of the database, whose failures are the journal's."""
        try:
            return await asked
        except ClusterError as error:
            raise self._failure(error) from None

    def _opened(self) -> _Open:
        if self._open is None:
            msg = "the journal is not open"
            raise RuntimeError(msg)
        return self._open


def _storable(text: str | None) -> str | None:
    """Return what the table can hold: the service's codes may be any text."""
    return text and (clean(text) or "").replace("\0", "\\x00")


def _path(account: str) -> Path:
    return Path(f"of account {account.replace('/', '_')}")
