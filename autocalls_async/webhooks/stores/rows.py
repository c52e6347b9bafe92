"""The schema of a store of receipts, and its rows as values.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Callable, Sequence
from typing import Any

from autocalls_async.journal.storage.rows import to_instant, to_number
from autocalls_async.webhooks.stores.protocol import Handover, Receipt, Task, Work

APPLICATION_ID = 0x4143444C  # "ACDL", at a fixed place of the file
SCHEMA_VERSION = 1

SCHEMA = f"""
CREATE TABLE receipts (
  id INTEGER PRIMARY KEY, -- the order of coming
  whatsapp_message_id TEXT NOT NULL, -- the service may outgrow 64 bits
  status TEXT NOT NULL,
  sender_id INTEGER NOT NULL,
  person TEXT NOT NULL,
  at INTEGER, -- microseconds since 1970; the others likewise
  error_code TEXT,
  received_at INTEGER NOT NULL,
  UNIQUE (whatsapp_message_id, status)
) STRICT;
CREATE INDEX receipts_by_person ON receipts (person, sender_id, received_at);
CREATE TABLE keys (key TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE work (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  task TEXT NOT NULL,
  raw BLOB NOT NULL,
  person TEXT NOT NULL,
  owner TEXT, -- NULL: whoever claims it
  added_at INTEGER NOT NULL,
  begun_at INTEGER
) STRICT;
CREATE TABLE owners (
  token TEXT PRIMARY KEY,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  began_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  has_left INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE sends (
  id INTEGER PRIMARY KEY,
  sender_id INTEGER NOT NULL,
  person TEXT NOT NULL,
  digest TEXT,
  handed_over_at INTEGER NOT NULL,
  whatsapp_message_id TEXT,
  is_accepted INTEGER NOT NULL
) STRICT;
CREATE INDEX sends_by_person ON sends (person, sender_id, handed_over_at);
CREATE INDEX sends_by_id ON sends (whatsapp_message_id);
CREATE TABLE others (id INTEGER PRIMARY KEY, raw BLOB NOT NULL) STRICT;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


def optional(convert: Callable[[Any], Any], value: Any) -> Any:  # noqa: ANN401  # a column's
    """Convert what a column holds, if it holds anything."""
    return None if value is None else convert(value)


def to_text(number: int | None) -> str | None:
    """Return an id as a column has it."""
    return None if number is None else str(number)


def to_row(receipt: Receipt, at: int) -> tuple[object, ...]:
    """Return the columns of a receipt that came at this time."""
    return (
        str(receipt.whatsapp_message_id),
        receipt.status,
        receipt.sender_id,
        receipt.person,
        optional(to_number, receipt.at),
        to_text(receipt.error_code),
        at,
    )


def to_receipt(row: Sequence[Any]) -> Receipt:
    """Return the receipt that is in the columns."""
    return Receipt(
        whatsapp_message_id=int(row[0]),
        status=row[1],
        sender_id=row[2],
        person=row[3],
        at=optional(to_instant, row[4]),
        error_code=optional(int, row[5]),
        received_at=to_instant(row[6]),
    )


def to_work(row: Sequence[Any]) -> Work:
    """Return the work that is in the columns."""
    return Work(
        number=row[0],
        task=Task(row[1]),
        raw=row[2],
        person=row[3],
        added_at=to_instant(row[4]),
        begun_at=optional(to_instant, row[5]),
    )


def to_send(row: Sequence[Any]) -> Handover:
    """Return what was handed over, from the columns."""
    return Handover(
        sender_id=row[0],
        person=row[1],
        digest=row[2],
        handed_over_at=to_instant(row[3]),
        whatsapp_message_id=optional(int, row[4]),
        is_accepted=bool(row[5]),
    )
