"""What a campaign has cost, where somebody knows the price of a message.

Pure: no I/O, no clock, no asyncio.

Source: API reference, "send-freeform": a send is deducted from the account's balance.
No page says that a message is paid back which fails later, nor names a price.
"""

from decimal import Decimal
from typing import Any

from attrs import frozen

from autocalls_async.cli.journal.receipts import Funnel
from autocalls_async.cli.journal.tally import Tally
from autocalls_async.cli.terminal.words import count
from autocalls_async.journal import Entry, State


@frozen(kw_only=True)
class Costs:
    """What is multiplied, and the price of one.

    Attributes:
        price: Of one message.
        accepted: Messages that the service has accepted.
        unknown: Those that it may have accepted.
        delivered: Of the accepted, those that have arrived; `None` without receipts.
        failed: Of the accepted, those that have not, by their receipts.
    """

    price: Decimal
    accepted: int
    unknown: int = 0
    delivered: int | None = None
    failed: int | None = None

    def facts(self) -> list[tuple[str, str]]:
        """Return it for people, line by line: each says what it multiplies."""
        lines = [("cost", self._line(count(self.accepted, "accepted message")))]
        if self.unknown:
            most = self.price * (self.accepted + self.unknown)
            what = count(self.unknown, "unknown message")
            lines.append(("cost at most", f"{most:,}: {what} may have left"))
        for name, number in (("delivered", self.delivered), ("failed", self.failed)):
            if number is not None:
                what = count(number, "message")
                lines.append((f"for {name} ones", self._line(what, number)))
        return lines

    def to_record(self) -> dict[str, Any]:
        """Return it for programs; amounts are texts, and exact."""
        delivered, failed = self.delivered, self.failed
        return {
            "price": str(self.price),
            "accepted": str(self.price * self.accepted),
            "at_most": str(self.price * (self.accepted + self.unknown)),
            "delivered": None if delivered is None else str(self.price * delivered),
            "failed": None if failed is None else str(self.price * failed),
        }

    def _line(self, what: str, number: int | None = None) -> str:
        amount = self.price * (self.accepted if number is None else number)
        return f"{amount:,}: {what} at {self.price} each"


def costs_of(
    tally: Tally, price: Decimal | None, funnel: Funnel | None = None
) -> Costs | None:
    """Return what a journal's messages cost, where the price is known."""
    if price is None:
        return None
    return Costs(
        price=price,
        accepted=tally.states[State.ACCEPTED],
        unknown=tally.states[State.UNKNOWN],
        delivered=None if funnel is None else funnel.reached("delivered"),
        failed=None if funnel is None else funnel.failed,
    )


def cost_record(entry: Entry, price: Decimal) -> dict[str, str | None]:
    """Return the cost of one message: none is told where it is unknown."""
    match entry.state:
        case State.ACCEPTED:
            return {"cost": str(price)}
        case State.UNKNOWN | State.IN_FLIGHT:
            return {"cost": None}
    return {"cost": "0"}
