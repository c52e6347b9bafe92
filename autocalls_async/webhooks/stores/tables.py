"""The rows of a store of receipts, in SQLite.

Everything here blocks, and belongs to one thread. Several processes may have the file
open at once: each step is one transaction.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from autocalls_async.journal.lock import make_private
from autocalls_async.journal.storage.rows import to_failure, to_instant, to_number
from autocalls_async.webhooks.statuses import moves
from autocalls_async.webhooks.stores.alive import Owner, has_ended
from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.protocol import (
    LEASE,
    MOST_OTHERS,
    Arrival,
    Handover,
    Kept,
    Receipt,
    Task,
    Work,
)
from autocalls_async.webhooks.stores.rows import (
    APPLICATION_ID,
    SCHEMA,
    SCHEMA_VERSION,
    to_receipt,
    to_row,
    to_send,
    to_text,
    to_work,
)

BUSY_SECONDS = 5.0
KEY_DAYS = 30
"""For so long the repeat of an event is known that is no receipt."""

_LEASE = LEASE.total_seconds() * 1e6
_DAY = 86_400 * 1_000_000

_KEEP_RECEIPT = (
    "INSERT INTO receipts (whatsapp_message_id, status, sender_id, person, at,"
    " error_code, received_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_RECEIPTS = (
    "SELECT whatsapp_message_id, status, sender_id, person, at, error_code, received_at"
    " FROM receipts"
)
_FIRST_TO = (
    " AS r WHERE person = ? AND sender_id = ? AND received_at BETWEEN ? AND ?"
    " AND NOT EXISTS (SELECT 1 FROM receipts AS e WHERE e.id < r.id"
    " AND e.whatsapp_message_id = r.whatsapp_message_id) ORDER BY id"
)
_CARRIED = "SELECT whatsapp_message_id FROM sends WHERE whatsapp_message_id IN "
_WORK = "SELECT number, task, raw, person, added_at, begun_at, owner FROM work"
_MANY = 500  # below the number of variables that every SQLite takes


class Tables:
    """The file, open.

    Raises:
        DeliveryStoreError: It is no store of receipts.
        sqlite3.Error: It cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._db = _connect(path)
        try:
            self._prepare(path)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all that follows, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # a disk in trouble may have ended it
                self._db.execute("ROLLBACK")
            raise

    def version(self) -> int:
        """Return what changes whenever another process has written."""
        return int(self._one("PRAGMA data_version")[0])

    # Receiving

    def join(self, owner: Owner, at: int) -> None:
        """Add a receiver."""
        row = (owner.token, owner.host, owner.pid, at, at)
        self._db.execute("INSERT INTO owners VALUES (?, ?, ?, ?, ?, 0)", row)
        self._db.execute("DELETE FROM keys WHERE at < ?", (at - KEY_DAYS * _DAY,))

    def beat(self, token: str, at: int, *, leaves: bool = False) -> None:
        """Note that a receiver is alive, or that it leaves."""
        sql = "UPDATE owners SET seen_at = ?, has_left = ? WHERE token = ?"
        self._db.execute(sql, (at, leaves, token))

    def keep(self, arrival: Arrival, token: str, at: int) -> Work | Kept:
        """Keep an event, unless it is there."""
        if not self._is_first(arrival, at):
            return Kept.REPEAT
        if not arrival.has_handler:
            return Kept.NEW
        owner = token if arrival.is_ours else None
        row = (arrival.task, arrival.raw, arrival.person, owner, at)
        added = self._db.execute(
            "INSERT INTO work (task, raw, person, owner, added_at)"
            " VALUES (?, ?, ?, ?, ?)",
            row,
        )
        return Work(
            number=added.lastrowid or 0,
            task=arrival.task,
            raw=arrival.raw,
            person=arrival.person,
            added_at=to_instant(at),
        )

    def claim(
        self, tasks: Collection[Task], limit: int, token: str, at: int
    ) -> list[Work]:
        """Take over work that nobody has, or whose receiver is gone."""
        gone = self._gone(at)
        free = f"(owner IS NULL OR owner IN ({_places(gone)}))"
        where = f" WHERE task IN ({_places(tasks)}) AND {free} AND begun_at IS NULL"
        rows = self._db.execute(
            f"{_WORK}{where} ORDER BY number LIMIT ?", (*tasks, *gone, limit)
        )
        found = [to_work(row) for row in rows]
        for work in found:
            take = "UPDATE work SET owner = ? WHERE number = ?"
            self._db.execute(take, (token, work.number))
        return found

    def begin(self, number: int, token: str, at: int) -> bool:
        """Note that a message's handler begins; whether it may."""
        sql = (
            "UPDATE work SET begun_at = ?"
            " WHERE number = ? AND owner = ? AND begun_at IS NULL"
        )
        return self._db.execute(sql, (at, number, token)).rowcount == 1

    def finish(self, number: int) -> None:
        """Forget work."""
        self._db.execute("DELETE FROM work WHERE number = ?", (number,))

    def unfinished(self, token: str, at: int) -> list[Work]:
        """Return the begun messages of receivers that are gone, and of this one."""
        gone = {token, *self._gone(at)}
        rows = self._db.execute(f"{_WORK} WHERE begun_at IS NOT NULL ORDER BY number")
        return [to_work(row) for row in rows if row[-1] in gone]

    def keep_other(self, raw: bytes) -> None:
        """Keep an event that cannot be read."""
        self._db.execute("INSERT INTO others (raw) VALUES (?)", (raw,))
        sql = "DELETE FROM others WHERE id <= (SELECT max(id) FROM others) - ?"
        self._db.execute(sql, (MOST_OTHERS,))

    def others(self) -> list[bytes]:
        """Return those, oldest first."""
        return [
            raw for (raw,) in self._db.execute("SELECT raw FROM others ORDER BY id")
        ]

    # Asking

    def standings(self, ids: Collection[int]) -> dict[int, Receipt]:
        """Return of each message the receipt that counts."""
        standing: dict[int, Receipt] = {}
        for some in _pieces(map(str, ids)):
            where = f" WHERE whatsapp_message_id IN ({_places(some)}) ORDER BY id"
            for row in self._db.execute(_RECEIPTS + where, some):
                receipt = to_receipt(row)
                known = standing.get(receipt.whatsapp_message_id)
                if known is None or moves(receipt.status, since=known.status):
                    standing[receipt.whatsapp_message_id] = receipt
        return standing

    def news(self, cursor: int | None) -> tuple[set[int], int]:
        """Return the ids of which receipts came since the cursor, and the next one."""
        last = int(self._one("SELECT coalesce(max(id), 0) FROM receipts")[0])
        if cursor is None or last == cursor:
            return set(), last
        sql = (
            "SELECT DISTINCT whatsapp_message_id FROM receipts WHERE id > ? AND id <= ?"
        )
        return {int(n) for (n,) in self._db.execute(sql, (cursor, last))}, last

    def was_up(self, since: int, until: int) -> bool:
        """Whether receivers were alive for the whole of this time."""
        sql = (
            "SELECT began_at, seen_at FROM owners"
            " WHERE seen_at >= ? AND began_at <= ? ORDER BY began_at"
        )
        covered = since
        for began, seen in self._db.execute(sql, (since, until)):
            if began > covered:
                return False
            covered = max(covered, seen)
        return covered >= until

    def arrivals(
        self, sender_id: int, person: str, since: int, until: int
    ) -> list[Receipt]:
        """Return the messages to a person whose first receipt came in this time."""
        rows = self._db.execute(
            _RECEIPTS + _FIRST_TO, (person, sender_id, since, until)
        )
        return [to_receipt(row) for row in rows]

    # What was handed over

    def note(self, sends: Iterable[Handover]) -> None:
        """Keep what was handed over."""
        rows = (
            (
                send.sender_id,
                send.person,
                send.digest,
                to_number(send.handed_over_at),
                to_text(send.whatsapp_message_id),
                send.is_accepted,
            )
            for send in sends
        )
        self._db.executemany(
            "INSERT INTO sends (sender_id, person, digest, handed_over_at,"
            " whatsapp_message_id, is_accepted) VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )

    def noted(self, sender_id: int, person: str) -> list[Handover]:
        """Return what was handed over to a person, oldest first."""
        sql = (
            "SELECT sender_id, person, digest, handed_over_at, whatsapp_message_id,"
            " is_accepted FROM sends WHERE person = ? AND sender_id = ?"
            " ORDER BY handed_over_at, id"
        )
        return [to_send(row) for row in self._db.execute(sql, (person, sender_id))]

    def carried(self, ids: Collection[int]) -> set[int]:
        """Return those of these ids that an answer of ours carried."""
        found: set[int] = set()
        for some in _pieces(map(str, ids)):
            where = f"({_places(some)})"
            found |= {int(n) for (n,) in self._db.execute(_CARRIED + where, some)}
        return found

    # Below

    def _one(self, sql: str) -> Sequence[Any]:
        row: Sequence[Any] = self._db.execute(sql).fetchone()
        return row

    def _is_first(self, arrival: Arrival, at: int) -> bool:
        receipt, key = arrival.receipt, arrival.key
        if receipt is not None:
            return self._db.execute(_KEEP_RECEIPT, to_row(receipt, at)).rowcount == 1
        if key is None:
            return True
        sql = "INSERT INTO keys VALUES (?, ?) ON CONFLICT DO NOTHING"
        return self._db.execute(sql, (key, at)).rowcount == 1

    def _gone(self, at: int) -> list[str]:
        """Return the receivers that have work and live no more."""
        sql = (
            "SELECT token, host, pid, seen_at, has_left FROM owners"
            " WHERE token IN (SELECT owner FROM work)"
        )
        return [
            token
            for token, host, pid, seen_at, has_left in self._db.execute(sql).fetchall()
            if has_left or seen_at < at - _LEASE or has_ended(token, host, pid)
        ]

    def _prepare(self, path: Path) -> None:
        application, version, count = (
            self._one(sql)[0]
            for sql in (
                "PRAGMA application_id",
                "PRAGMA user_version",
                "SELECT count(*) FROM sqlite_schema",
            )
        )
        if (application, version, count) != (0, 0, 0):
            _check_ours(path, application, version)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            if self._one("SELECT count(*) FROM sqlite_schema")[0] == 0:
                for statement in SCHEMA.split(";\n"):
                    self._db.execute(statement)


def _check_ours(path: Path, application: int, version: int) -> None:
    if application != APPLICATION_ID:
        detail = "it is another program's database; name another file"
    elif version != SCHEMA_VERSION:
        detail = (
            f"it has version {version}, and this version of the library reads "
            f"version {SCHEMA_VERSION}; use the one that wrote it"
        )
    else:
        return
    raise DeliveryStoreError(name=path.name, detail=detail)


def _connect(path: Path) -> sqlite3.Connection:
    file = path.resolve()  # SQLite would take the name ":memory:" for an order
    try:
        make_private(file)
    except OSError as error:
        detail = f"it cannot be opened for writing ({error.strerror})"
        raise DeliveryStoreError(name=path.name, detail=detail) from error
    return sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)


def _places(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def _pieces(values: Iterable[str]) -> Iterator[list[str]]:
    every = list(values)
    for begin in range(0, len(every), _MANY):
        yield every[begin : begin + _MANY]


def to_store_error(path: Path, error: sqlite3.Error) -> DeliveryStoreError:
    """Return what SQLite would not do; raise it where that is no longer handled."""
    return DeliveryStoreError(name=path.name, detail=to_failure(path, error).detail)
