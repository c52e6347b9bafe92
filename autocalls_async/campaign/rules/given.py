"""The rules of a run, made of what its caller gave.

Pure: no I/O, no clock, no asyncio.
"""

from datetime import datetime

from autocalls_async.campaign.rules.daily import DailyPeople
from autocalls_async.campaign.rules.exclusions import Exclude, Exclusions
from autocalls_async.campaign.rules.forecast import PlannedRules
from autocalls_async.campaign.rules.hours import SendingHours, check_hours
from autocalls_async.campaign.rules.rulebook import (
    PerDay,
    Rulebook,
    check_per_day,
    check_start,
)
from autocalls_async.campaign.rules.spending import Allowance


def make_rulebook(
    *,
    exclude: Exclude | None,
    hours: SendingHours | None,
    start_at: datetime | None,
    per_day: PerDay | None,
    most: int | None,
    people: DailyPeople,
) -> Rulebook:
    """Make the rules of a run of what its caller gave.

    Raises:
        ValueError: One is no rule.
    """
    rules = plan_rules(
        exclude=exclude, hours=hours, start_at=start_at, per_day=per_day, most=most
    )
    return Rulebook(
        exclude=rules.exclusions,
        hours=rules.hours,
        start_at=rules.start_at,
        per_day=rules.per_day,
        allowance=None if rules.most is None else Allowance(rules.most),
        people=people,
    )


def plan_rules(
    *,
    exclude: Exclude | None,
    hours: SendingHours | None,
    start_at: datetime | None,
    per_day: PerDay | None,
    most: int | None,
) -> PlannedRules:
    """Return the rules as a plan takes them.

    Raises:
        ValueError: One is no rule.
    """
    if hours is not None:
        check_hours(hours)
    if start_at is not None:
        check_start(start_at)
    if per_day is not None:
        check_per_day(per_day)
    return PlannedRules(
        exclusions=None if exclude is None else Exclusions(exclude),
        hours=hours,
        start_at=start_at,
        per_day=per_day,
        most=most,
    )
