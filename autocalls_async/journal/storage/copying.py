"""Whole copies of a journal, and copies that become journals of their own.

Everything here blocks.
"""

import os
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from attrs import frozen

from autocalls_async.journal.entry import LOST_ERROR, MAY_LEAVE
from autocalls_async.journal.errors import JournalError
from autocalls_async.journal.storage.file import JournalFile
from autocalls_async.journal.storage.reading import JournalReader
from autocalls_async.journal.storage.rows import to_failure, to_number
from autocalls_async.journal.storage.schema import any_of
from autocalls_async.journal.storage.store import lose_in_flight

DOUBTED_DETAIL = "it may have been sent after this copy was made"

_DOUBT = (
    "UPDATE messages SET state = 'unknown', settled_at = ?, error = ?, detail = ?"  # noqa: S608  # our own words
    f" WHERE state IN ({any_of(MAY_LEAVE)})"
)


@frozen
class Adopted:
    """What adopting a copy changed.

    Attributes:
        lost_count: Messages in flight when it was made; now unknown.
        doubted_count: Messages that could have left since; now unknown, too.
    """

    lost_count: int
    doubted_count: int


def copy_journal(source: Path, to: Path) -> bool:
    """Copy a journal whole, also while a run writes it.

    Args:
        source: The journal.
        to: A file that is not there yet.

    Returns:
        Whether it was open, and not closed cleanly: then nothing is sent by the
        copy until it was adopted.

    Raises:
        FileExistsError: Something is at `to`.
        JournalError: It cannot be read, or the copy cannot be written.
    """
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        with JournalReader(source) as reader:
            is_open = reader.is_open
            # The texts and numbers in it are nobody else's business.
            os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            _fill(part, reader, to)
        os.link(part, to)  # which replaces nothing
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return is_open


def _fill(part: Path, reader: JournalReader, to: Path) -> None:
    failure = None
    try:
        with closing(sqlite3.connect(part)) as copied:
            reader.copy_to(copied)
    except sqlite3.Error as error:
        failure = to_failure(to, error)
    if failure is not None:
        raise failure
    with part.open("rb") as file:
        os.fsync(file.fileno())


def adopt(path: Path, *, at: datetime, as_unknown: bool) -> Adopted:
    """Take a copy for a journal of its own, from now on.

    Args:
        path: The copy.
        at: The time now.
        as_unknown: Take what could have been sent since it was made for unknown,
            so that nobody gets it twice.

    Raises:
        JournalError: It is whole, or cannot be used.
    """
    with JournalReader(path) as reader:
        if reader.holder is not None:
            raise reader.holder
        if reader.doubt is None:
            detail = "it is no copy that lacks anything; there is nothing to adopt"
            raise JournalError(path=path, detail=detail)
    lost_count = doubted_count = 0

    def change(db: sqlite3.Connection) -> None:
        nonlocal lost_count, doubted_count
        lost_count = lose_in_flight(db, to_number(at))
        if as_unknown:
            row = (to_number(at), LOST_ERROR, DOUBTED_DETAIL)
            doubted_count = db.execute(_DOUBT, row).rowcount

    JournalFile(path, at=at, first_work=change, is_adopted=True).close()
    return Adopted(lost_count, doubted_count)
