"""A journal looked at beside its owner: nothing is changed, and nothing made.

Everything here blocks. All that is read is of one moment.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import evolve

from autocalls_async.journal.entry import LOST_DETAIL, LOST_ERROR, Entry, State
from autocalls_async.journal.errors import (
    JournalCopyError,
    JournalError,
    JournalLockedError,
)
from autocalls_async.journal.keys import digest_of
from autocalls_async.journal.lock import OwnerLock
from autocalls_async.journal.storage.file import BUSY_SECONDS, check_memory
from autocalls_async.journal.storage.rows import page_of, to_entry, to_failure
from autocalls_async.journal.storage.schema import (
    FIRST_VERSION,
    read_standing,
    read_version,
)


class JournalReader:
    """Reads a journal, also while a campaign writes it.

    Nobody becomes its owner until it is closed, unless somebody is already.
    What was in flight when its last owner ended is read as unknown: the next
    one takes it for that.

    Args:
        path: The journal's file.

    Attributes:
        holder: Who owns it now, if anybody.
        doubt: Why nothing would be sent by it: it may lack what was sent.
        is_open: It was not closed cleanly, or not yet.

    Raises:
        JournalError: There is none, or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.holder: JournalLockedError | None = None
        self.doubt: JournalCopyError | None = None
        self.is_open: bool = False
        _check_is_file(path)
        with ExitStack() as undo:
            lock = OwnerLock(path)
            undo.callback(lock.release)
            try:
                lock.share()
            except JournalLockedError as error:
                self.holder = error
            failure = None
            try:
                self._db = undo.enter_context(closing(_connect_reader(path)))
                self._version = self._check(lock)
            except sqlite3.Error as error:
                failure = to_failure(path, error)
            if failure is not None:
                raise failure
            self._undo = undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._undo.close()

    def entries(self, *states: State) -> Iterator[Entry]:
        """Yield the messages in these states, or all, in the order of addition.

        Raises:
            JournalError: It cannot be read any further.
        """
        rows = self._rows()
        while (row := self._next(rows)) is not None:
            entry = self._judge(row)
            if not states or entry.state in states:
                yield entry

    def _rows(self) -> Iterator[Entry]:
        every = tuple(State)
        sql = page_of(len(every), version=self._version)
        yield from map(to_entry, self._db.execute(sql, (0, *every, False, -1)))

    def _next(self, rows: Iterator[Entry]) -> Entry | None:
        try:
            return next(rows, None)
        except sqlite3.Error as error:
            failure = to_failure(self._path, error)
        raise failure

    def _check(self, lock: OwnerLock) -> int:
        self._db.execute("BEGIN")  # all that follows is of one moment
        version = read_version(self._db, self._path)
        if not version:
            raise JournalError(path=self._path, detail="it is empty; name another file")
        if version == FIRST_VERSION:
            self.is_open = self.holder is not None
            return version
        standing = read_standing(self._db)
        self.is_open = standing.is_open
        if self.holder is None:
            try:
                check_memory(self._path, standing, lock.memory)
            except JournalCopyError as error:
                self.doubt = error
        return version

    def copy_to(self, db: sqlite3.Connection) -> None:
        """Write all that is read into another database.

        Raises:
            sqlite3.Error: It cannot be read, or written there.
        """
        self._db.backup(db)

    def _judge(self, entry: Entry) -> Entry:
        if self._version == FIRST_VERSION:
            entry = _as_of_now(entry)
        if self.holder is not None or entry.state is not State.IN_FLIGHT:
            return entry
        lost = State.UNKNOWN
        return evolve(entry, state=lost, error=LOST_ERROR, detail=LOST_DETAIL)


def _as_of_now(entry: Entry) -> Entry:
    """Return an entry of the first schema with the key that it has in this one."""
    is_derived = entry.key == digest_of(entry.content)
    return evolve(entry, key=entry.identity) if is_derived else entry


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        raise JournalError(path=path, detail="it is a folder; name the file in it")
    try:
        path.open("rb").close()
    except FileNotFoundError:
        raise JournalError(path=path, detail="there is no such file") from None
    except OSError as error:
        detail = f"it cannot be read ({error.strerror})"
        raise JournalError(path=path, detail=detail) from error


def _connect_reader(path: Path) -> sqlite3.Connection:
    """Open the file to be read.

    Without a write-ahead log nobody has it open, nor will, as we share the
    lock. Then SQLite is told so, or it would make a log and leave it there.
    """
    file = path.resolve()
    is_closed = not Path(f"{file}-wal").exists()
    options = "mode=ro&immutable=1" if is_closed else "mode=ro"
    return sqlite3.connect(
        f"{file.as_uri()}?{options}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
    )
