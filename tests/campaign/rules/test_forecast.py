"""When a campaign with rules will end."""

from datetime import datetime, timedelta

import pytest

from autocalls_async import SendingHours
from autocalls_async.campaign.rules.forecast import PlannedRules, full_days
from tests.campaign.planning import NOON

OFFICE = SendingHours("09:00-20:00", days="mon-fri", tz="UTC")
HOUR = timedelta(hours=1)


def ends(rules: PlannedRules, count: int = 3600, *, days: int = 0) -> datetime:
    return rules.ends_at(
        NOON, seconds_per_send=1.0, zones={None: count} if count else {}, days=days
    )


@pytest.mark.parametrize(
    ("rules", "end"),
    [
        pytest.param(PlannedRules(), NOON + HOUR, id="no rule"),
        pytest.param(PlannedRules(most=60), NOON + HOUR / 60, id="a bound"),
        pytest.param(
            PlannedRules(start_at=NOON + 5 * HOUR), NOON + 6 * HOUR, id="a begin"
        ),
        pytest.param(PlannedRules(hours=OFFICE), NOON + HOUR, id="open hours"),
        pytest.param(
            PlannedRules(hours=OFFICE, start_at=NOON.replace(hour=19)),
            NOON.replace(hour=20),
            id="the last hour",
        ),
        pytest.param(
            PlannedRules(hours=OFFICE, start_at=NOON.replace(hour=19, minute=30)),
            NOON.replace(day=27, hour=9, minute=30),
            id="half of it tomorrow",
        ),
        pytest.param(
            PlannedRules(hours=OFFICE, start_at=NOON.replace(day=28)),
            NOON.replace(day=30, hour=10),
            id="after the week's end",
        ),
    ],
)
def test_an_end_follows_from_the_work_and_the_rules(
    rules: PlannedRules, end: datetime
) -> None:
    assert ends(rules) == end


def test_the_last_zone_to_open_is_the_end() -> None:
    rules = PlannedRules(hours=OFFICE)

    end = rules.ends_at(
        NOON, seconds_per_send=1.0, zones={None: 60, "Asia/Tokyo": 600}, days=0
    )

    assert end == NOON.replace(day=27, hour=0, minute=10)


def test_new_people_of_other_days_come_on_other_days() -> None:
    third_day = NOON + timedelta(days=2, minutes=2)  # a place is kept for a minute more
    assert ends(PlannedRules(), 3601, days=2) == third_day + HOUR / 3
    assert [full_days(n, 10) for n in (0, 1, 10, 11, 20, 21)] == [0, 0, 0, 1, 1, 2]
    assert full_days(1000, None) == 0


def test_a_campaign_of_nothing_begins_and_ends_when_it_may() -> None:
    rules = PlannedRules(hours=OFFICE, start_at=NOON.replace(hour=22))

    assert rules.begins_at(NOON) == ends(rules, 0) == NOON.replace(day=27, hour=9)
    assert PlannedRules().begins_at(NOON) == ends(PlannedRules(), 0) == NOON


def test_what_takes_longer_than_ten_years_ends_some_day() -> None:
    assert ends(PlannedRules(hours=OFFICE), 10**10) > NOON + timedelta(days=3660)
