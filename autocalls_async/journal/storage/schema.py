"""The tables of a journal's file, and how an older file comes to have them.

Everything here blocks. A file is made with its tables in one step, by SQLite's
rollback journal: whoever copies it while it is written gets the tables, too.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from autocalls_async.journal.entry import MAY_HAVE_REACHED, MAY_LEAVE, State
from autocalls_async.journal.errors import JournalCopyError, JournalError
from autocalls_async.journal.keys import digest_of, identity_of, sender_of
from autocalls_async.journal.storage.rows import DamagedError
from autocalls_async.model.persons import person_of

APPLICATION_ID = 0x41434A4C  # "ACJL", at a fixed place of the file
SCHEMA_VERSION = 2
FIRST_VERSION = 1
"""Journals of every version since this one can be read and gone on with."""


def any_of(states: Iterable[State]) -> str:
    """Return states as SQL lists them."""
    return ", ".join(f"'{state}'" for state in sorted(states))


_MESSAGES = f"""
CREATE TABLE messages (
  id INTEGER PRIMARY KEY, -- the order of addition
  key TEXT NOT NULL UNIQUE,
  identity TEXT NOT NULL, -- equal for equal messages, whatever their keys
  content TEXT NOT NULL,
  sender_id INTEGER, -- NULL where a content does not say
  recipient_phone TEXT NOT NULL,
  person TEXT NOT NULL, -- the same for each spelling of the number
  state TEXT NOT NULL CHECK (state IN ({any_of(State)})),
  attempt_count INTEGER NOT NULL DEFAULT 0,
  added_at INTEGER NOT NULL, -- microseconds since 1970, as the others
  handed_over_at INTEGER,
  fell_back INTEGER NOT NULL DEFAULT 0 CHECK (fell_back IN (0, 1)),
  outside_window INTEGER NOT NULL DEFAULT 0 CHECK (outside_window IN (0, 1)),
  settled_at INTEGER,
  whatsapp_message_id TEXT, -- the service may outgrow 64 bits
  error TEXT,
  error_code TEXT,
  detail TEXT
) STRICT;
CREATE INDEX messages_by_state ON messages (state);
CREATE INDEX messages_by_person ON messages (person);
CREATE INDEX messages_outside ON messages (sender_id, handed_over_at)
  WHERE outside_window = 1;
"""

_STANDING = """
CREATE TABLE standing (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  commit_number INTEGER NOT NULL, -- of the last commit
  is_open INTEGER NOT NULL CHECK (is_open IN (0, 1)) -- until it is closed cleanly
) STRICT;
INSERT INTO standing VALUES (1, 1, 1);
"""

_MARKS = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""

_TABLES = _MESSAGES + _STANDING + _MARKS  # no comment has a semicolon

_COPY = """
INSERT INTO messages (id, key, identity, content, sender_id, recipient_phone, person,
  state, attempt_count, added_at, handed_over_at, fell_back, settled_at,
  whatsapp_message_id, error, error_code, detail)
SELECT id, key, identity_of(content), content, sender_of(content), recipient_phone,
  person_of(recipient_phone), state, attempt_count, added_at, handed_over_at,
  fell_back, settled_at, whatsapp_message_id, error, error_code, detail
FROM first_messages
"""

_IS_DERIVED = "key <> identity AND key = digest_of(content)"
"""A key of the first schema, where an identity held the fallback and the spelling."""


class FileState(NamedTuple):
    """How far a journal's file has come, and whether its last owner closed it."""

    commit_number: int
    is_open: bool


def read_version(db: sqlite3.Connection, path: Path) -> int:
    """Return a file's schema; 0 where it is nobody's yet. It is not touched.

    Raises:
        JournalCopyError: It was copied before its tables came.
        JournalError: It is another program's, or a later version's.
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
        _check_empty(path)
        return 0
    if application != APPLICATION_ID:
        detail = (
            f"it is another program's database (application id {application}, "
            f"version {version}, {count} tables and indexes); name another file"
        )
        raise JournalError(path=path, detail=detail)
    if not FIRST_VERSION <= version <= SCHEMA_VERSION:
        detail = (
            f"it has version {version}, and this version of the library reads "
            f"version {SCHEMA_VERSION}; use the one that wrote it"
        )
        raise JournalError(path=path, detail=detail)
    return int(version)


def _check_empty(path: Path) -> None:
    size_bytes = path.stat().st_size
    if size_bytes:
        detail = (
            f"it has {size_bytes:,} bytes and no tables, as a copy has that was made "
            "while a run wrote it; take the journal itself, or copy it by "
            "`autocalls journal copy`"
        )
        raise JournalCopyError(path=path, detail=detail)


def read_standing(db: sqlite3.Connection) -> FileState:
    """Return how far the file has come."""
    found = db.execute("SELECT commit_number, is_open FROM standing").fetchone()
    if found is None or not all(isinstance(value, int) for value in found):
        raise DamagedError
    return FileState(found[0], bool(found[1]))


def make_tables(db: sqlite3.Connection) -> None:
    """Give a new file its tables, marked open, all at once."""
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT")


def migrate(db: sqlite3.Connection) -> None:
    """Bring a file of the first schema to this one, marked open; whole or not at all.

    A key that was derived then becomes the one that is derived now. Where two
    messages would have one, it is that of which somebody has, or may have, had; what
    was never sent of the other is dropped.
    """
    for function in (digest_of, identity_of, person_of, sender_of):
        db.create_function(function.__name__, 1, function, deterministic=True)
    db.execute("BEGIN IMMEDIATE")
    db.execute("ALTER TABLE messages RENAME TO first_messages")
    db.execute("DROP INDEX messages_by_state")
    for statement in _TABLES.split(";"):
        db.execute(statement)
    db.execute(_COPY)
    db.execute("DROP TABLE first_messages")
    _rename_keys(db)
    db.execute("COMMIT")


def _rename_keys(db: sqlite3.Connection) -> None:
    had, others = any_of(MAY_HAVE_REACHED), any_of(set(State) - MAY_HAVE_REACHED)
    never_sent = any_of(MAY_LEAVE)
    db.execute("CREATE INDEX by_identity ON messages (identity)")
    # What somebody had comes first: a row that was never sent makes way for it.
    db.execute(
        f"DELETE FROM messages WHERE key = identity AND state IN ({never_sent})"  # noqa: S608  # our own words
        " AND EXISTS (SELECT 1 FROM messages AS other WHERE"
        f" other.identity = messages.identity AND other.state IN ({had})"
        " AND other.key <> other.identity AND other.key = digest_of(other.content))"
    )
    for states in (had, others):
        db.execute(
            "UPDATE OR IGNORE messages SET key = identity"  # noqa: S608  # our own words
            f" WHERE {_IS_DERIVED} AND state IN ({states})"
        )
    db.execute(
        f"DELETE FROM messages WHERE {_IS_DERIVED} AND state IN ({never_sent})"  # noqa: S608  # our own words
    )
    db.execute("DROP INDEX by_identity")
