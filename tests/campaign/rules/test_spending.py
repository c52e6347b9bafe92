"""How many messages a campaign may cost."""

from decimal import Decimal
from typing import Any

import pytest

from autocalls_async.campaign.rules.spending import Allowance, most_messages


@pytest.mark.parametrize(
    ("at_most", "budget", "price", "most"),
    [
        pytest.param(None, None, None, None, id="no bound"),
        pytest.param(10, None, None, 10, id="so many"),
        pytest.param(None, "10", "0.04", 250, id="what the budget pays"),
        pytest.param(None, "0.11", "0.04", 2, id="never a part of one"),
        pytest.param(None, "0.3", "0.1", 3, id="exact, as no float is"),
        pytest.param(None, "1", f"0.{'3' * 29}4", 2, id="nor is a rounded quotient"),
        pytest.param(100, "10", "0.04", 100, id="the smaller of both"),
        pytest.param(300, "10", "0.04", 250, id="whichever it is"),
        pytest.param(None, "0", "0.04", 0, id="nothing to spend"),
        pytest.param(7, None, "0.04", 7, id="a price alone is for the plan"),
    ],
)
def test_the_most_messages_follow_from_number_and_money(
    at_most: int | None, budget: str | None, price: str | None, most: int | None
) -> None:
    def amount(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    found = most_messages(at_most, budget=amount(budget), price=amount(price))

    assert found == most


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"at_most": 0}, "at_most must be a whole number above 0; got 0"),
        ({"at_most": True}, "at_most must be a whole number above 0"),
        ({"budget": Decimal(10)}, "budget needs price.*got budget 10 alone"),
        ({"budget": 10}, "budget must be a Decimal of at least 0; got 10"),
        ({"budget": "10"}, "budget must be a Decimal.*got a value of type str"),
        ({"budget": Decimal(-1)}, "budget must be a Decimal of at least 0; got -1"),
        ({"budget": Decimal("NaN")}, "budget must be a Decimal"),
        (
            {"budget": Decimal(1), "price": Decimal(0)},
            "price must be a Decimal above 0; got 0",
        ),
    ],
    ids=str,
)
def test_what_is_no_bound_is_refused(given: dict[str, Any], complaint: str) -> None:
    arguments = {"at_most": None, "budget": None, "price": None} | given

    with pytest.raises(ValueError, match=complaint):
        most_messages(**arguments)


def test_an_allowance_is_used_up_and_given_back() -> None:
    allowance = Allowance(3, spent=2)

    assert allowance.take()
    assert not allowance.take()
    allowance.give_back()
    assert allowance.spent == 2
    assert allowance.take()
    assert allowance.spent == allowance.most == 3
