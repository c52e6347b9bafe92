"""What SQLite gives, made ours: a row into an entry, an error into one of ours.

A damaged file may hold anything anywhere. What cannot be ours is taken for
damage, and neither its values nor SQLite's words about them go any further.
"""

import re
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import UnionType
from typing import Any

from autocalls_async.journal.entry import Entry, State
from autocalls_async.journal.errors import JournalError

_PAGE = (
    "SELECT id, key, content, recipient_phone, state, attempt_count, added_at,"
    " handed_over_at, settled_at, whatsapp_message_id, error, error_code, detail,"
    " fell_back, {outside}"
    # With its index, each page would sort all that are in these states.
    " FROM messages WHERE id > ? AND +state IN ({states}) AND fell_back >= ?"
    " ORDER BY id LIMIT ?"
)


def page_of(state_count: int, *, version: int) -> str:
    """Write the query for a page of entries in so many states.

    It takes the id that the page begins after, the states, whether the messages
    fell back, and how many at most.
    """
    outside = "0" if version == 1 else "outside_window"
    return _PAGE.format(outside=outside, states=", ".join("?" * state_count))


_STATES = frozenset(map(str, State))
_INT = re.compile(r"-?[0-9]{1,4000}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_DAMAGED = "it is damaged", "its disk is at fault, or something else wrote to it"
_TAKEN = "it is locked", "close the other program that has it open"
_WORDS = {
    sqlite3.SQLITE_FULL: ("its disk is full", "make room, and run it again"),
    sqlite3.SQLITE_READONLY: (
        "it is read-only",
        "make the file and its folder writable",
    ),
    sqlite3.SQLITE_NOTADB: ("it is no database", "name another file"),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_BUSY: _TAKEN,
    sqlite3.SQLITE_LOCKED: _TAKEN,
}
_OTHERWISE = "SQLite refused it", "see whether its disk and file are in order"

_OLDEST, _NEWEST = 0, 2**53  # from 1970 into 2255
_SHAPE: tuple[type | UnionType, ...] = (
    *(int, str, str, str, str, int, int),
    *(int | None, int | None, str | None, str | None, str | None, str | None),
    *(int, int),
)
"""Of the columns in a page; a damaged file may hold anything in any of them."""


def to_number(at: datetime) -> int:
    """Return an aware time in microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def to_instant(number: int) -> datetime:
    """Return the aware UTC time."""
    return _EPOCH + number * _MICROSECOND


class DamagedError(sqlite3.DatabaseError):
    """What SQLite took for a row is none of ours."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    sqlite_errorname = "SQLITE_CORRUPT"


class BusyError(sqlite3.OperationalError):
    """Another program reads the file, and will not let it go."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY
    sqlite_errorname = "SQLITE_BUSY"


def to_failure(path: Path, error: sqlite3.Error) -> JournalError:
    """Return what SQLite would not do, and what to do about it.

    Its own words may quote what is in the file. So they go no further, nor does
    the error: raise this where that is no longer being handled, or Python would
    keep it as the context.
    """
    # The module's own errors have no code: a text in the file is not UTF-8.
    name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    what, advice = _WORDS.get(code & 0xFF, _OTHERWISE)
    return JournalError(path=path, detail=f"{what} ({name}); {advice}")


def to_state(value: object) -> State:
    """Return the state that is in its column."""
    if value not in _STATES:
        raise DamagedError
    return State(value)


def to_entry(row: Sequence[Any]) -> Entry:
    """Return the entry that is in the columns of a page."""
    if not all(map(isinstance, row, _SHAPE)):
        raise DamagedError
    handed_over_at, settled_at, number = row[7:10]
    return Entry(
        key=row[1],
        content=row[2],
        recipient_phone=row[3],
        state=to_state(row[4]),
        attempt_count=row[5],
        added_at=to_kept_instant(row[6]),
        handed_over_at=None
        if handed_over_at is None
        else to_kept_instant(handed_over_at),
        settled_at=None if settled_at is None else to_kept_instant(settled_at),
        whatsapp_message_id=None if number is None else _to_int(number),
        error=row[10],
        error_code=row[11],
        detail=row[12],
        fell_back=bool(row[13]),
        outside_window=bool(row[14]),
    )


def to_kept_instant(number: object) -> datetime:
    """Return the aware UTC time that is in a column."""
    if not isinstance(number, int) or not _OLDEST <= number < _NEWEST:
        raise DamagedError
    return to_instant(number)


def _to_int(digits: str) -> int:
    if not _INT.fullmatch(digits):
        raise DamagedError
    return int(digits)
