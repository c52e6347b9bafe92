"""A journal's file, open and its own: what it is told apart from, and how.

Everything here blocks. The rules, which a kill at any moment keeps:

- The main file has its tables before anything else is in it, and a mark that it is
  open before anything is sent by it. A clean close takes the mark away.
- The lock file is told first that it will be open, then the journal itself; the
  other way round at the end.
- The lock file's number is that of the last commit that noted an intent, written
  when that commit is on the disk and before the message leaves. So a file that ends
  before it lacks something that may have been sent.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from autocalls_async import system
from autocalls_async.journal.errors import JournalCopyError, JournalError
from autocalls_async.journal.lock import Memory, OwnerLock
from autocalls_async.journal.storage.rows import BusyError, to_failure
from autocalls_async.journal.storage.schema import (
    SCHEMA_VERSION,
    FileState,
    make_tables,
    migrate,
    read_standing,
    read_version,
)

BUSY_SECONDS = 5.0

Identity: TypeAlias = tuple[int, int]
"""Device and inode."""


class JournalFile:
    """A journal's file, open and locked.

    Args:
        path: Where the file is, or is to be.
        at: The time now.
        first_work: Done with it in the commit that marks it open.
        is_adopted: Somebody answers for what it may lack.

    Attributes:
        db: The connection to it.

    Raises:
        JournalCopyError: It may lack what was sent.
        JournalError: It cannot be used; nothing is held then.
    """

    def __init__(
        self,
        path: Path,
        *,
        at: datetime,
        first_work: Callable[[sqlite3.Connection], None],
        is_adopted: bool = False,
    ) -> None:
        self._path = path
        self._is_adopted = is_adopted
        self._real = (
            path.resolve()
        )  # SQLite would take the name ":memory:" for an order
        self._number = 0
        with ExitStack() as undo:
            self._lock = OwnerLock(path)
            self._lock.take(at=at)
            undo.callback(self._lock.release)
            failure = None
            try:
                check_presence(path, self._lock.memory)
                self.db: sqlite3.Connection = undo.enter_context(
                    closing(self._connect())
                )
                self._open(first_work)
            except sqlite3.Error as error:
                failure = to_failure(path, error)
            if failure is not None:
                raise failure
            self._identities = {name: _identity(name) for name in self._names()}
            undo.pop_all()

    def close(self) -> None:
        """Mark it closed and close it, and then let go of the lock.

        Raises:
            JournalError: It is not the file that was opened any more, or cannot be
                written.
        """
        failure = None
        try:
            self.check_place()
            self._mark_closed()
        except sqlite3.Error as error:
            failure = to_failure(self._path, error)
        finally:
            try:
                self.db.close()
            finally:
                self._lock.release()
        if failure is not None:
            raise failure

    def check_place(self) -> None:
        """Make sure that what is written goes where the next run will look.

        Raises:
            JournalError: The file, or its log, was deleted or replaced.
        """
        for name, identity in self._identities.items():
            found = _identity(name)
            if found != identity:
                what = "is gone" if found is None else "was replaced"
                detail = (
                    f"{name.name} {what} while it was in use; put back what was there,"
                    " with its -wal, before another run"
                )
                raise JournalError(path=self._path, detail=detail)

    def count_commit(self) -> None:
        """Give the commit that is being made its number."""
        self.db.execute("UPDATE standing SET commit_number = commit_number + 1")

    def note_commit(self, *, has_intent: bool) -> None:
        """Note that the commit is on the disk, before anything leaves by it."""
        self._number += 1
        if has_intent:
            self._lock.note(self._number)

    # Opening

    def _connect(self) -> sqlite3.Connection:
        try:
            if not self._real.exists():
                self._make()
            os.close(os.open(self._real, os.O_RDWR))
        except OSError as error:
            detail = f"it cannot be opened for writing ({error.strerror})"
            raise JournalError(path=self._path, detail=detail) from error
        return _connect(self._real)

    def _make(self) -> None:
        """Make the file beside its place, and put it there with its tables.

        Whoever copied an empty one would have a new journal while this one sends.
        """
        part = self._real.with_name(f".{self._real.name}.part")
        with suppress(FileNotFoundError):
            part.unlink()  # another process was killed just here
        # The texts and numbers in it are nobody else's business.
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(_connect(part)) as db:
            make_tables(db)
        inode = part.stat().st_ino
        self._lock.remember(Memory(inode=inode, commit_number=0, is_open=True))
        part.rename(self._real)
        system.sync_folder(self._real.parent)

    def _open(self, first_work: Callable[[sqlite3.Connection], None]) -> None:
        version = read_version(self.db, self._path)
        memory = self._lock.memory
        if version == SCHEMA_VERSION and not self._is_adopted:
            check_memory(self._path, read_standing(self.db), memory)
        is_known = version and memory is not None and not self._is_adopted
        number = memory.commit_number if is_known and memory else 0
        inode = self._real.stat().st_ino
        self._lock.remember(Memory(inode=inode, commit_number=number, is_open=True))
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("PRAGMA fullfsync = ON")  # macOS: the drive's cache too
        if not version:
            make_tables(self.db)
        self.db.execute("PRAGMA journal_mode = WAL")
        if version and version < SCHEMA_VERSION:
            migrate(self.db)
        self._mark(is_open=True, first_work=first_work)
        # Whoever copies the main file alone shall get the tables and the mark.
        is_busy, *_ = self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise BusyError

    def _mark(
        self,
        *,
        is_open: bool,
        first_work: Callable[[sqlite3.Connection], None] = lambda _: None,
    ) -> None:
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("BEGIN IMMEDIATE")
        first_work(self.db)
        self.count_commit()
        self.db.execute("UPDATE standing SET is_open = ?", (is_open,))
        self._number = read_standing(self.db).commit_number
        self.db.execute("COMMIT")
        memory = self._lock.memory
        if memory is not None and not is_open:
            self._lock.remember(
                Memory(inode=memory.inode, commit_number=self._number, is_open=False)
            )

    def _mark_closed(self) -> None:
        try:
            self._mark(is_open=False)
        except sqlite3.OperationalError:  # a full disk: what it holds is whole
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            self._lock.give_room()
            self._mark(is_open=False)

    def _names(self) -> tuple[Path, Path]:
        return self._real, Path(f"{self._real}-wal")


def _connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)


def check_presence(path: Path, memory: Memory | None) -> None:
    """Refuse to begin anew where a journal was that is gone, or was emptied.

    One that was closed may be removed, and whoever did so meant it; nobody empties one.

    Raises:
        JournalCopyError: It may lack what was sent.
    """
    if memory is None or not memory.commit_number:
        return
    is_gone = not path.exists()
    if not is_gone and path.stat().st_size:
        return
    if memory.is_open:
        what = "it is gone: a run that was cut off had"
    elif is_gone:
        return
    else:
        what = "it is empty: a run had"
    detail = (
        f"{what} brought it to commit {memory.commit_number:,}; put it back, or remove"
        f" {path.name}.lock to begin anew"
    )
    raise JournalCopyError(path=path, detail=detail)


def check_memory(path: Path, standing: FileState, memory: Memory | None) -> None:
    """Hold a journal against what its lock file remembers.

    Raises:
        JournalCopyError: It may lack what was sent.
    """
    number = standing.commit_number
    if memory is not None and memory.commit_number > number:
        what = (
            f"it ends at commit {number:,}, and a message was handed over by commit"
            f" {memory.commit_number:,}: its -wal is missing, or an older copy took"
            " its place"
        )
    elif _is_another(path, standing, memory):
        what = "it is a copy of a journal that was open, and may lack what was sent"
    else:
        return
    advice = f"go on with the whole one, or see `autocalls journal adopt {path}`"
    raise JournalCopyError(path=path, detail=f"{what}; {advice}")


def _is_another(path: Path, standing: FileState, memory: Memory | None) -> bool:
    """Whether the one that was open, and not closed, is another file than this."""
    if memory is None:
        return standing.is_open
    is_same = memory.inode == path.stat().st_ino
    return not is_same and (standing.is_open or memory.is_open)


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
