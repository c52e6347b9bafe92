"""The rows of a journal in SQLite, for its owner; `reading` shows them to others.

Everything here blocks, and belongs to one thread.

Write-ahead logging with `synchronous=FULL` puts a commit on the disk before it
returns; with `NORMAL` a power cut would lose the last ones. What need not
survive one, the adding of new messages, is committed with `NORMAL`: the next
full commit syncs the same log, and with it all that stands before.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing, suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from autocalls_async.journal.entry import (
    LOST_DETAIL,
    LOST_ERROR,
    MAY_LEAVE,
    RESOLVED_DETAIL,
    SETTLES_FROM,
    Draft,
    Entry,
    Resolved,
    State,
)
from autocalls_async.journal.errors import (
    JournalConflictError,
    JournalError,
    JournalStateError,
)
from autocalls_async.journal.lock import OwnerLock
from autocalls_async.journal.rows import (
    PAGE,
    to_entry,
    to_failure,
    to_instant,
    to_state,
)

APPLICATION_ID = 0x41434A4C  # "ACJL", at a fixed place of the file
SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0
PAGE_COUNT = 256
"""Entries read at a time."""


_SCHEMA = f"""
CREATE TABLE messages (
  id INTEGER PRIMARY KEY, -- the order of addition
  key TEXT NOT NULL UNIQUE,
  content TEXT NOT NULL,
  recipient_phone TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ({", ".join(f"'{s}'" for s in State)})),
  attempt_count INTEGER NOT NULL DEFAULT 0,
  added_at INTEGER NOT NULL, -- microseconds since 1970; the others likewise
  handed_over_at INTEGER,
  fell_back INTEGER NOT NULL DEFAULT 0 CHECK (fell_back IN (0, 1)),
  settled_at INTEGER,
  whatsapp_message_id TEXT, -- the service may outgrow 64 bits
  error TEXT,
  error_code TEXT,
  detail TEXT
) STRICT;
CREATE INDEX messages_by_state ON messages (state);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


def _any_of(states: Iterable[State]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


def _settling(state: State, since: Iterable[State]) -> str:
    """Write the statement that settles a row, if it is in one of these states."""
    unsent = ", handed_over_at = NULL, fell_back = 0" if state in MAY_LEAVE else ""
    return (
        f"UPDATE messages SET state = '{state}', settled_at = ?,"  # noqa: S608  # our own words
        f" whatsapp_message_id = ?, error = ?, error_code = ?, detail = ?{unsent}"
        f" WHERE key = ? AND state IN ({_any_of(since)})"
    )


_FIND = "SELECT state FROM messages WHERE key = ?"
_COMPARE = "SELECT state, content = ? FROM messages WHERE key = ?"
_ADD = (
    "INSERT INTO messages (key, content, recipient_phone, added_at, state)"
    " VALUES (?, ?, ?, ?, 'new') ON CONFLICT (key) DO NOTHING"
)
_LOSE = (
    "UPDATE messages SET state = ?, settled_at = ?, error = ?, detail = ?"
    " WHERE state = ?"
)
_LEAVE = (
    "UPDATE messages SET state = 'in flight',"  # noqa: S608  # our own words
    " attempt_count = attempt_count + 1, handed_over_at = ?, fell_back = ?,"
    " settled_at = NULL, whatsapp_message_id = NULL, error = NULL, error_code = NULL,"
    f" detail = NULL WHERE key = ? AND state IN ({_any_of(MAY_LEAVE)})"
)
_SETTLE = {state: _settling(state, since) for state, since in SETTLES_FROM.items()}
_RESOLVE = {
    state: _settling(state, {State.UNKNOWN}) for state in (State.ACCEPTED, State.NEW)
}


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
        with ExitStack() as undo:
            self._lock = OwnerLock(path)
            self._lock.take(at=to_instant(at))
            undo.callback(self._lock.release)
            failure = None
            try:
                self._db = undo.enter_context(closing(_connect(path)))
                self.lost_count: int = self._prepare(at)
            except sqlite3.Error as error:
                failure = to_failure(path, error)
            if failure is not None:
                raise failure
            undo.pop_all()

    def close(self) -> None:
        """Close the file, and then let go of the lock."""
        try:
            self._db.close()
        finally:
            self._lock.release()

    def run(self, steps: Sequence[Step]) -> Done:
        """Do the steps in one transaction: all that change something, or none.

        A step that is against the rules changes nothing and spoils no other.
        """
        durabilities = {step.durability for step in steps}
        if durabilities == {Durability.READ}:
            return [self._read(step) for step in steps], None
        try:
            self._sync(is_full=Durability.DURABLE in durabilities)
            self._db.execute("BEGIN IMMEDIATE")
            results = [self._do(step) for step in steps]
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            failure = to_failure(self._path, error)
            self._roll_back()
            return [
                self._read(step) if step.durability is Durability.READ else failure
                for step in steps
            ], failure
        return results, None

    # Steps

    def admit(self, drafts: Iterable[Draft], at: int) -> list[State]:
        """Add what is not there, and return the state of each."""
        return [self._admit(draft, at) for draft in drafts]

    def intend(self, key: str, at: int, fell_back: bool) -> None:  # noqa: FBT001  # a step's
        """Note that it, or its fallback, is about to leave."""
        self._change(_LEAVE, (at, fell_back, key), wanted="handed over")

    def settle(self, key: str, state: State, at: int, facts: Sequence[Any]) -> None:
        """Note how it ended, with its id, error, error code and detail."""
        self._change(_SETTLE[state], (at, *facts, key), wanted=f"settled as {state}")

    def resolve(self, keys: Sequence[str], state: Resolved, at: int) -> int:
        """Settle unknown ones: all or none."""
        is_new = state is State.NEW
        settled_at, detail = (None, None) if is_new else (at, RESOLVED_DETAIL)
        row = (settled_at, None, None, None, detail)
        self._db.execute("SAVEPOINT resolving")
        try:
            for key in keys:
                self._change(_RESOLVE[state], (*row, key), wanted="resolved")
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
        sql = PAGE.format(", ".join("?" * len(states)))
        rows = self._db.execute(sql, (after, *states, fell_back, PAGE_COUNT)).fetchall()
        return [to_entry(row) for row in rows], rows[-1][0] if rows else after

    # Below

    def _admit(self, draft: Draft, at: int) -> State:
        # Tracers show a failed frame's variables: none of these holds a message.
        added = self._db.execute(
            _ADD, (draft.key, draft.content, draft.recipient_phone, at)
        )
        if added.rowcount == 1:
            return State.NEW
        found = self._db.execute(_COMPARE, (draft.content, draft.key)).fetchone()
        state, is_same = found
        if not is_same:
            raise JournalConflictError(draft.key)
        return to_state(state)

    def _change(self, sql: str, row: tuple[Any, ...], *, wanted: str) -> None:
        """Change the one row whose key is the last of `row`, if it may be."""
        # Looked at row by row: the sum over several would hide one that missed.
        if self._db.execute(sql, row).rowcount != 1:
            key = row[-1]
            found = self._db.execute(_FIND, (key,)).fetchone()
            raise JournalStateError(key, to_state(found[0]) if found else None, wanted)

    def _prepare(self, at: int) -> int:
        """Make the table if there is none, and lose what was in flight."""
        has_none = is_new(self._db, self._path)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA fullfsync = ON")  # macOS: the drive's cache too
        if has_none:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT")
        row = (State.UNKNOWN, at, LOST_ERROR, LOST_DETAIL, State.IN_FLIGHT)
        return self._db.execute(_LOSE, row).rowcount

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


def is_new(db: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file is nobody's yet; it is not touched if it is not ours.

    Raises:
        JournalError: It is another program's, or another version's.
    """
    application, version, count = (
        db.execute(sql).fetchone()[0]
        for sql in (
            "PRAGMA application_id",
            "PRAGMA user_version",
            "SELECT count(*) FROM sqlite_schema",
        )
    )
    if (application, version, count) == (0, 0, 0):
        return True
    if application != APPLICATION_ID:
        detail = (
            f"it is another program's database (application id {application}, "
            f"version {version}, {count} tables and indexes); name another file"
        )
        raise JournalError(path=path, detail=detail)
    if version != SCHEMA_VERSION:
        detail = (
            f"it has version {version}, and this version of the library reads "
            f"version {SCHEMA_VERSION}; use the one that wrote it"
        )
        raise JournalError(path=path, detail=detail)
    return False


def _connect(path: Path) -> sqlite3.Connection:
    file = path.resolve()  # SQLite would take the name ":memory:" for an order
    try:
        # The texts and numbers in it are nobody else's business.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        detail = f"it cannot be opened for writing ({error.strerror})"
        raise JournalError(path=path, detail=detail) from error
    return sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
