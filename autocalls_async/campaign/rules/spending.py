"""How many messages a campaign may cost.

Pure: no I/O, no clock, no asyncio.
"""

from decimal import Decimal

from autocalls_async.model.checks import check_count, show_kind


def check_amount(name: str, value: object, *, may_be_zero: bool) -> None:
    """Raise `ValueError` unless it is an amount of money, of 0 or only above."""
    if (
        isinstance(value, Decimal)
        and value.is_finite()
        and (value > 0 or (value == 0 and may_be_zero))
    ):
        return
    rule = "of at least 0" if may_be_zero else "above 0"
    shown = str(value) if isinstance(value, Decimal | int | float) else show_kind(value)
    msg = f"{name} must be a Decimal {rule}; got {shown}"
    raise ValueError(msg)


def most_messages(
    at_most: int | None, *, budget: Decimal | None, price: Decimal | None
) -> int | None:
    """Return how many messages may leave; `None` sets no bound.

    Raises:
        ValueError: An argument breaks its rule, or one of budget and price is missing.
    """
    if at_most is not None:
        check_count("at_most", at_most)
    if budget is None:
        return at_most
    check_amount("budget", budget, may_be_zero=True)
    if price is None:
        msg = f"budget needs price, that of one message; got budget {budget} alone"
        raise ValueError(msg)
    check_amount("price", price, may_be_zero=False)
    affordable = int(budget // price)
    return affordable if at_most is None else min(at_most, affordable)


class Allowance:
    """Places for messages that may leave. A place is given back where nothing left.

    Args:
        most: How many there are.
        spent: Those that earlier runs have used.
    """

    def __init__(self, most: int, *, spent: int = 0) -> None:
        self.most: int = most
        self.spent: int = spent

    def take(self) -> bool:
        """Take one; return whether there was any."""
        if self.spent >= self.most:
            return False
        self.spent += 1
        return True

    def give_back(self) -> None:
        """Give one back."""
        self.spent -= 1
