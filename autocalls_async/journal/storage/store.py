"""The rows of a journal in SQLite, for its owner; `reading` shows them to others.

Everything here blocks, and belongs to one thread.

Write-ahead logging with `synchronous=FULL` puts a commit on the disk before it
returns; with `NORMAL` a power cut would lose the last ones. What need not
survive one, the adding of new messages, is committed with `NORMAL`: the next
full commit syncs the same log, and with it all that stands before.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from autocalls_async.journal.entry import (
    LOST_DETAIL,
    LOST_ERROR,
    MAY_CHANGE,
    MAY_HAVE_REACHED,
    MAY_LEAVE,
    RESOLVED_DETAIL,
    SETTLES_FROM,
    Doubted,
    Draft,
    Entry,
    Resolved,
    State,
)
from autocalls_async.journal.errors import (
    JournalConflictError,
    JournalError,
    JournalRepeatError,
    JournalStateError,
)
from autocalls_async.journal.storage.file import JournalFile
from autocalls_async.journal.storage.rows import (
    page_of,
    to_entry,
    to_failure,
    to_instant,
    to_kept_instant,
    to_state,
)
from autocalls_async.journal.storage.schema import SCHEMA_VERSION, any_of

PAGE_COUNT = 256
"""Entries read at a time."""


def _settling(state: State, since: Iterable[State]) -> str:
    """Write the statement that settles a row, if it is in one of these states."""
    unsent = f", {_UNSENT}" if state in MAY_LEAVE else ""
    return (
        f"UPDATE messages SET state = '{state}', settled_at = ?,"  # noqa: S608  # our own words
        f" whatsapp_message_id = ?, error = ?, error_code = ?, detail = ?{unsent}"
        f" WHERE key = ? AND state IN ({any_of(since)})"
    )


_UNSENT = "handed_over_at = NULL, fell_back = 0, outside_window = 0"
_FIND = "SELECT state FROM messages WHERE key = ?"
_COMPARE = "SELECT state, identity = ? FROM messages WHERE key = ?"
_ADD = (
    "INSERT INTO messages (content, recipient_phone, sender_id, identity, person, key,"
    " added_at, state) VALUES (?, ?, ?, ?, ?, ?, ?, 'new') ON CONFLICT (key) DO NOTHING"
)
_REPLACE = (
    "UPDATE messages SET content = ?, recipient_phone = ?, sender_id = ?,"
    " identity = ?, person = ?{} WHERE key = ?"
)
_RESPELL = _REPLACE.format("")
_CHANGE = _REPLACE.format(
    f", state = 'new', settled_at = NULL, whatsapp_message_id = NULL, error = NULL,"
    f" error_code = NULL, detail = NULL, {_UNSENT}"
)
_OTHER = (
    "SELECT state FROM messages WHERE person = ? AND key <> ?"  # noqa: S608  # our own words
    f" AND state IN ({any_of(MAY_HAVE_REACHED)}) LIMIT 1"
)
_PERSON = "SELECT person FROM messages WHERE key = ?"
_REACHED = (
    "SELECT person, max(handed_over_at) AS at FROM messages"  # noqa: S608  # our own words
    " WHERE outside_window = 1 AND sender_id = ? AND handed_over_at > ?"
    f" AND state IN ({any_of(MAY_HAVE_REACHED)}) GROUP BY person"
    " HAVING (at, person) > (?, ?) ORDER BY at, person LIMIT ?"
)
_LOSE = (
    "UPDATE messages SET state = ?, settled_at = ?, error = ?, detail = ?"
    " WHERE state = ?"
)
_LEAVE = (
    "UPDATE messages SET state = 'in flight',"  # noqa: S608  # our own words
    " attempt_count = attempt_count + 1, handed_over_at = ?, fell_back = ?,"
    " outside_window = ?,"
    " settled_at = NULL, whatsapp_message_id = NULL, error = NULL, error_code = NULL,"
    f" detail = NULL WHERE key = ? AND state IN ({any_of(MAY_LEAVE)})"
)
_SETTLE = {state: _settling(state, since) for state, since in SETTLES_FROM.items()}
_RESOLVE = {
    (state, was): _settling(state, {was})
    for state in (State.ACCEPTED, State.NEW)
    for was in (State.UNKNOWN, State.REJECTED)
}


def lose_in_flight(db: sqlite3.Connection, at: int) -> int:
    """Mark what was in flight as unknown, and return how many that were."""
    row = (State.UNKNOWN, at, LOST_ERROR, LOST_DETAIL, State.IN_FLIGHT)
    return db.execute(_LOSE, row).rowcount


class Durability(Enum):
    """What a step asks of the disk."""

    READ = "it changes nothing"
    LAZY = "it need not survive a power cut"
    DURABLE = "it must survive a power cut"


class Step(NamedTuple):
    """Something to do with the rows, alone or in one transaction with others."""

    durability: Durability
    work: "Callable[..., Any]"
    arguments: tuple[Any, ...] = ()
    """What the work is given, after the store."""

    def __repr__(self) -> str:
        return (
            f"Step({self.durability.name}, {self.work.__name__})"  # keys may be numbers
        )


Done: TypeAlias = tuple[list[Any], JournalError | None]
"""What each step gave, be it an error; and why nothing was kept, if so."""


class Store:
    """A journal's file, open and locked.

    Args:
        path: Where the file is, or is to be.
        at: The time now; times are in microseconds since 1970.

    Raises:
        JournalError: It cannot be used; nothing is held then.
    """

    def __init__(self, path: Path, *, at: int) -> None:
        if sqlite3.sqlite_version_info < (3, 37):
            detail = f"SQLite {sqlite3.sqlite_version} is too old; it needs 3.37"
            raise JournalError(path=path, detail=detail)
        self._path = path
        self._is_full = True
        self._has_intent = False
        self.lost_count = 0

        def lose(db: sqlite3.Connection) -> None:
            self.lost_count = lose_in_flight(db, at)

        self._file = JournalFile(path, at=to_instant(at), first_work=lose)
        self._db = self._file.db

    def close(self) -> None:
        """Close the file, and then let go of the lock."""
        self._file.close()

    def checkpoint(self) -> None:
        """Bring what was committed into the main file, if nobody is in the way."""
        with suppress(sqlite3.Error):  # the next commit will tell of a disk in trouble
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def run(self, steps: Sequence[Step]) -> Done:
        """Do the steps in one transaction: all that change something, or none.

        A step that is against the rules changes nothing and spoils no other.
        """
        durabilities = {step.durability for step in steps}
        if durabilities == {Durability.READ}:
            return [self._read(step) for step in steps], None
        try:
            return self._commit(steps, is_full=Durability.DURABLE in durabilities), None
        except sqlite3.Error as error:
            failure = to_failure(self._path, error)
        except JournalError as error:
            failure = error
        self._roll_back()
        return [
            self._read(step) if step.durability is Durability.READ else failure
            for step in steps
        ], failure

    def _commit(self, steps: Sequence[Step], *, is_full: bool) -> list[Any]:
        self._has_intent = False
        self._sync(is_full=is_full)
        self._file.check_place()
        self._db.execute("BEGIN IMMEDIATE")
        results = [self._do(step) for step in steps]
        self._file.count_commit()
        self._db.execute("COMMIT")
        self._file.note_commit(has_intent=self._has_intent)
        return results

    # Steps

    def admit(self, drafts: Iterable[Draft], at: int) -> list[State]:
        """Add what is not there, and return the state of each."""
        return [self._admit(draft, at) for draft in drafts]

    def intend(self, key: str, at: int, facts: Sequence[bool], once: bool) -> None:  # noqa: FBT001  # a step's
        """Note that it is about to leave, and: as its fallback, outside a window."""
        if once:
            found = self._db.execute(_PERSON, (key,)).fetchone()
            if found is not None and self._other(key, found[0]) is not None:
                raise JournalRepeatError(key)
        self._change(_LEAVE, (at, *facts, key), wanted="handed over")
        self._has_intent = True

    def settle(self, key: str, state: State, at: int, facts: Sequence[Any]) -> None:
        """Note how it ended, with its id, error, error code and detail."""
        settled_at = None if state is State.NEW else at
        row = (settled_at, *facts, key)
        self._change(_SETTLE[state], row, wanted=f"settled as {state}")

    def resolve(
        self, keys: Sequence[str], state: Resolved, was: Doubted, at: int
    ) -> int:
        """Settle what the user decided about: all or none."""
        is_new = state is State.NEW
        settled_at, detail = (None, None) if is_new else (at, RESOLVED_DETAIL)
        row = (settled_at, None, None, None, detail)
        self._db.execute("SAVEPOINT resolving")
        try:
            for key in keys:
                self._change(_RESOLVE[state, was], (*row, key), wanted="resolved")
        except JournalStateError:
            self._db.execute("ROLLBACK TO resolving")
            raise
        finally:
            if self._db.in_transaction:  # a disk in trouble may have ended it
                self._db.execute("RELEASE resolving")
        return len(keys)

    def counts(self) -> dict[State, int]:
        """Return how many are in each state."""
        rows = self._db.execute("SELECT state, count(*) FROM messages GROUP BY state")
        return dict.fromkeys(State, 0) | {
            to_state(state): count for state, count in rows
        }

    def page(
        self,
        states: Sequence[State],
        after: int,
        fell_back: bool,  # noqa: FBT001  # a step's
    ) -> tuple[list[Entry], int]:
        """Return the next entries in these states, and where they end."""
        sql = page_of(len(states), version=SCHEMA_VERSION)
        rows = self._db.execute(sql, (after, *states, fell_back, PAGE_COUNT)).fetchall()
        return [to_entry(row) for row in rows], rows[-1][0] if rows else after

    def reached(
        self, sender_id: int, since: int, after: tuple[int, str]
    ) -> list[tuple[str, int]]:
        """Return the next people whom a sender wrote to outside a window, and when."""
        row = (sender_id, since, *after, PAGE_COUNT)
        found = self._db.execute(_REACHED, row).fetchall()
        for _, at in found:
            to_kept_instant(at)  # else it is damaged
        return found

    # Below

    def _admit(self, draft: Draft, at: int) -> State:
        # Tracers show a failed frame's variables: none of these holds a message.
        if draft.once and (had := self._other(draft.key, draft.person)) is not None:
            return had
        if draft.is_claimed and self._add(draft, at):
            return State.NEW
        found = self._db.execute(_COMPARE, (draft.identity, draft.key)).fetchone()
        state, is_same = found or (State.NEW, True)
        kept = to_state(state)
        if draft.is_claimed and kept in MAY_CHANGE:
            sql = _RESPELL if is_same else _CHANGE
            self._db.execute(sql, (*_columns(draft), draft.key))
            return kept if is_same else State.NEW
        if not is_same:
            raise JournalConflictError(draft.key)
        return kept

    def _add(self, draft: Draft, at: int) -> bool:
        added = self._db.execute(_ADD, (*_columns(draft), draft.key, at))
        return added.rowcount == 1

    def _other(self, key: str, person: str) -> State | None:
        """Return the state of another message that a person had, or may have had."""
        found = self._db.execute(_OTHER, (person, key)).fetchone()
        return None if found is None else to_state(found[0])

    def _change(self, sql: str, row: tuple[Any, ...], *, wanted: str) -> None:
        """Change the one row whose key is the last of `row`, if it may be."""
        # Looked at row by row: the sum over several would hide one that missed.
        if self._db.execute(sql, row).rowcount != 1:
            key = row[-1]
            found = self._db.execute(_FIND, (key,)).fetchone()
            raise JournalStateError(key, to_state(found[0]) if found else None, wanted)

    def _sync(self, *, is_full: bool) -> None:
        if is_full is not self._is_full:
            level = "FULL" if is_full else "NORMAL"
            self._db.execute(f"PRAGMA synchronous = {level}")
            self._is_full = is_full

    def _roll_back(self) -> None:
        # A disk in trouble may refuse this too: then the next BEGIN is refused.
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _do(self, step: Step) -> Any:  # noqa: ANN401  # what the step gives
        try:
            return step.work(self, *step.arguments)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001  # it is raised where it was asked
            return error

    def _read(self, step: Step) -> Any:  # noqa: ANN401  # what the step gives
        try:
            return self._do(step)
        except sqlite3.Error as error:
            return to_failure(self._path, error)


def _columns(draft: Draft) -> tuple[object, ...]:
    return (
        draft.content,
        draft.recipient_phone,
        draft.sender_id,
        draft.identity,
        draft.person,
    )
