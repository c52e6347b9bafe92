"""A journal held against receipts: what became of what was accepted."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from autocalls_async.cli.terminal.failures import CommandError
from autocalls_async.cli.terminal.tables import make_table
from autocalls_async.journal import Entry, State
from autocalls_async.journal.storage.reading import JournalReader
from autocalls_async.webhooks.statuses import FAILED, RANKS, rank
from autocalls_async.webhooks.stores.protocol import Receipt
from autocalls_async.webhooks.stores.reader import ReceiptReader

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("delivery_status", "delivery_error_code", "delivery_at")
_PIECE = 500
_STEPS = ("sent", "delivered", "read")


@define
class Funnel:
    """How far accepted messages have come, by their receipts.

    Attributes:
        accepted: How many were accepted.
        statuses: How many stand at each status; those without a receipt at none.
        errors: How many failed with each of the carrier's codes.
    """

    accepted: int = 0
    statuses: Counter[str] = field(factory=Counter)
    errors: Counter[int | None] = field(factory=Counter)

    def add(self, receipt: Receipt | None) -> None:
        """Count an accepted message."""
        self.accepted += 1
        if receipt is not None:
            self.statuses[receipt.status] += 1
            if receipt.status in FAILED:
                self.errors[receipt.error_code] += 1

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(self.statuses[status] for status in FAILED)

    def reached(self, step: str) -> int:
        """Return how many came so far, or further."""
        # What failed was sent: the carrier says so.
        return sum(n for s, n in self.statuses.items() if rank(s) >= RANKS[step])

    def facts(self) -> list[tuple[str, str]]:
        """Return it for people, line by line."""
        steps = [(step, self.reached(step)) for step in _STEPS]
        return [
            (name, f"{number:,} of {self.accepted:,} accepted")
            for name, number in (*steps, ("failed", self.failed))
        ]

    def to_record(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "accepted": self.accepted,
            **{step: self.reached(step) for step in _STEPS},
            "failed": self.failed,
            "without_receipt": self.accepted - self.statuses.total(),
            "error_codes": [
                {"error_code": code, "count": number}
                for code, number in self.errors.most_common()
            ],
        }

    def to_table(self) -> "Table":
        """Return it as a table."""
        columns = ("accepted, and then", "messages", "share")
        table = make_table("By receipts", columns, numbers=columns[1:])
        rows = [(step, self.reached(step)) for step in _STEPS]
        for code, number in self.errors.most_common():
            name = "failed" if code is None else f"failed: {code}"
            rows.append((name, number))
        rows.append(("no receipt", self.accepted - self.statuses.total()))
        for name, number in rows:
            share = f"{number / self.accepted:.1%}" if self.accepted else "-"
            table.add_row(name, f"{number:,}", share)
        return table


def read_funnel(journal: Path, receipts: Path) -> Funnel:
    """Hold a journal's accepted messages against receipts.

    Raises:
        CommandError: There are no receipts there.
        JournalError: The journal cannot be read.
        DeliveryStoreError: The receipts cannot be read.
    """
    funnel = Funnel()
    with JournalReader(journal) as reader:
        for _, receipt in with_receipts(reader.entries(State.ACCEPTED), receipts):
            funnel.add(receipt)
    return funnel


def with_receipts(
    entries: Iterable[Entry], path: Path
) -> Iterator[tuple[Entry, Receipt | None]]:
    """Yield each entry with the receipt that counts, where there is one.

    Raises:
        CommandError: There are no receipts there.
        DeliveryStoreError: They cannot be read.
    """
    if not path.is_file():
        msg = f"there are no receipts in {path}: `autocalls webhooks serve` makes them"
        raise CommandError(msg)
    rest = iter(entries)
    with ReceiptReader(path) as reader:
        while some := list(islice(rest, _PIECE)):
            numbers = [entry.whatsapp_message_id for entry in some]
            found = reader.standings({n for n in numbers if n is not None})
            for entry, number in zip(some, numbers, strict=True):
                yield entry, None if number is None else found.get(number)


def receipt_record(receipt: Receipt | None) -> dict[str, Any]:
    """Return a receipt by the names in `COLUMNS`."""
    if receipt is None:
        return dict.fromkeys(COLUMNS)
    at = None if receipt.at is None else receipt.at.isoformat()
    return dict(zip(COLUMNS, (receipt.status, receipt.error_code, at), strict=True))
