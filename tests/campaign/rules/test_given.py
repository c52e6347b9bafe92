"""The rules of a run, as they are made of what its caller gave."""

from datetime import datetime
from typing import TypedDict

import pytest

from autocalls_async import ExcludedError, SendingHours
from autocalls_async.campaign.rules.daily import DailyPeople
from autocalls_async.campaign.rules.exclusions import Exclude
from autocalls_async.campaign.rules.given import make_rulebook, plan_rules
from autocalls_async.campaign.rules.rulebook import PerDay
from tests.campaign.planning import NOON
from tests.people import ANA

OFFICE = SendingHours("09:00-20:00", tz="UTC")


class Given(TypedDict):
    """What a caller may give."""

    exclude: Exclude | None
    hours: SendingHours | None
    start_at: datetime | None
    per_day: PerDay | None
    most: int | None


NOTHING = Given(exclude=None, hours=None, start_at=None, per_day=None, most=None)
ALL = Given(exclude={ANA}, hours=OFFICE, start_at=NOON, per_day=250, most=7)


def test_each_rule_arrives_where_it_is_looked_at() -> None:
    people = DailyPeople()

    rules = make_rulebook(**ALL, people=people)
    planned = plan_rules(**ALL)

    for made in (rules, planned):
        assert (made.hours, made.start_at, made.per_day) == (OFFICE, NOON, 250)
    assert rules.people is people
    assert rules.allowance is not None
    assert (rules.allowance.most, planned.most) == (7, 7)
    for exclusions in (rules.exclude, planned.exclusions):
        assert exclusions is not None
        assert type(exclusions.find(ANA)) is ExcludedError


def test_what_is_not_given_is_no_rule() -> None:
    rules = make_rulebook(**NOTHING, people=DailyPeople())
    planned = plan_rules(**NOTHING)

    assert (rules.exclude, rules.hours, rules.start_at) == (None, None, None)
    assert (rules.per_day, rules.allowance) == (None, None)
    assert (planned.exclusions, planned.hours, planned.start_at) == (None, None, None)
    assert (planned.per_day, planned.most) == (None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("exclude", 5), ("hours", "9-20"), ("start_at", "noon"), ("per_day", 0)],
)
def test_what_is_no_rule_is_refused_by_its_name(name: str, value: object) -> None:
    wrong: Given = NOTHING | {name: value}  # type: ignore[assignment]  # the mistake

    with pytest.raises(ValueError, match=f"^{name} must be "):
        plan_rules(**wrong)
    with pytest.raises(ValueError, match=f"^{name} must be "):
        make_rulebook(**wrong, people=DailyPeople())
