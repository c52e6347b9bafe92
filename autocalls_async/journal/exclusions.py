"""People who must get nothing more, for good: a list in a file.

It blocks, for some microseconds a look and a commit's time a change.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any, Self

from attrs import field, frozen

from autocalls_async.journal.errors import JournalError
from autocalls_async.journal.lock import make_private
from autocalls_async.journal.storage.rows import to_failure, to_instant, to_number
from autocalls_async.model.checks import check_phone, check_text, is_e164
from autocalls_async.model.persons import person_of
from autocalls_async.model.values.masking import forgetful, mask_phone_repr
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain

APPLICATION_ID = 0x4143584C  # "ACXL", at a fixed place of the file
_BUSY_SECONDS = 5.0
_SCHEMA = (
    "CREATE TABLE exclusions (person TEXT PRIMARY KEY, phone TEXT NOT NULL,"
    " added_at INTEGER NOT NULL, reason TEXT) STRICT, WITHOUT ROWID"
)


@frozen(kw_only=True)
class Exclusion(Plain):
    """Somebody who must get nothing more.

    Attributes:
        phone: Their number, as it was added.
        reason: In whose words ever; it may be theirs.
    """

    phone: str = field(repr=mask_phone_repr)
    added_at: datetime
    reason: str | None = field(default=None, repr=False)


class ExclusionList:
    """Whom not to write to, whatever the spelling of their number.

    It is what `exclude=` of a campaign takes, and several processes may use it at
    once: who is added meanwhile is left out from then on. The numbers in the file are
    not encrypted; it is made readable for its owner alone.

    ```python
    stopped = ExclusionList("exclusions.db")

    @hooks.on_message
    async def answer(event: InboundMessage, chat: Chat) -> None:
        if event.text.strip().lower() == "stop":
            stopped.add(event.phone, reason="wrote stop")
    ```

    Args:
        path: Where the file is, or is to be.

    Raises:
        JournalError: It cannot be used.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = Lock()  # a campaign may ask in another thread
        failure = None
        try:
            self._db = _connect(self._path)
        except sqlite3.Error as error:
            failure = to_failure(self._path, error)
        if failure is not None:
            raise failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, phone: object) -> bool:
        if not is_e164(phone):
            return False
        sql = "SELECT 1 FROM exclusions WHERE person = ?"
        return bool(self._do(sql, person_of(phone)))

    def __iter__(self) -> Iterator[Exclusion]:
        rows = self._do(
            "SELECT phone, added_at, reason FROM exclusions ORDER BY added_at"
        )
        for phone, at, reason in rows:
            yield Exclusion(phone=phone, added_at=to_instant(at), reason=reason)

    def __len__(self) -> int:
        count: int = self._do("SELECT count(*) FROM exclusions")[0][0]
        return count

    @forgetful
    def add(self, phone: str, *, reason: str | None = None) -> bool:
        """Add somebody for good, and return whether they were not in it.

        Raises:
            ValueError: That is no number in E.164, or the reason no text.
            JournalError: It could not be kept.
        """
        person = person_of(check_phone("phone", phone))
        if reason is not None:
            check_text("reason", reason)
        at = to_number(datetime.now(UTC))
        sql = "INSERT INTO exclusions VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        return bool(self._do(f"{sql} RETURNING 1", person, phone, at, reason))

    @forgetful
    def remove(self, phone: str) -> bool:
        """Remove a recipient, and return whether they were listed.

        Raises:
            ValueError: That is no number in E.164.
            JournalError: It could not be kept.
        """
        person = person_of(check_phone("phone", phone))
        sql = "DELETE FROM exclusions WHERE person = ? RETURNING 1"
        return bool(self._do(sql, person))

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        self._db.close()

    def _do(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        failure = None
        try:
            with self._lock:
                return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            failure = to_failure(self._path, error)
        raise failure


def is_list(path: Path) -> bool:
    """Whether a file is a list of this kind."""
    try:
        if not path.is_file():  # a pipe can be read but once
            return False
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    return head[:15] == b"SQLite format 3" and head[68:72] == APPLICATION_ID.to_bytes(
        4, "big"
    )


def _connect(path: Path) -> sqlite3.Connection:
    file = path.resolve()  # SQLite would take the name ":memory:" for an order
    try:
        make_private(file)
    except OSError as error:
        detail = f"it cannot be opened for writing ({error.strerror})"
        raise JournalError(path=path, detail=detail) from error
    db = sqlite3.connect(
        file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    def read(sql: str) -> int:
        with closing(db.execute(sql)) as rows:
            return int(rows.fetchone()[0])

    application = read("PRAGMA application_id")
    if application == APPLICATION_ID:
        return
    if application or read("SELECT count(*) FROM sqlite_schema"):
        detail = "it is no list of exclusions; name another file"
        raise JournalError(path=path, detail=detail)
    db.execute("BEGIN IMMEDIATE")
    if not read("SELECT count(*) FROM sqlite_schema"):  # nobody was sooner
        db.execute(_SCHEMA)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("COMMIT")


show_in("autocalls_async", "Exclusion", "ExclusionList", of=globals())
