"""When a campaign with rules will end, as far as anybody can tell before it begins.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen

from autocalls_async.campaign.rules.daily import DAY_SECONDS, MARGIN_SECONDS
from autocalls_async.campaign.rules.exclusions import Exclusions
from autocalls_async.campaign.rules.hours import SendingHours
from autocalls_async.campaign.rules.rulebook import PerDay

_MOST_DAYS = 3660
"""Whatever takes longer ends some day."""


@frozen(kw_only=True)
class PlannedRules:
    """The rules that a plan is made with.

    Attributes:
        exclusions: Whom to leave out.
        hours: When messages may leave.
        start_at: None leaves before.
        per_day: New people a day of each sender.
        most: Messages that may leave.
    """

    exclusions: Exclusions | None = None
    hours: SendingHours | None = None
    start_at: datetime | None = None
    per_day: PerDay | None = None
    most: int | None = None

    def begins_at(self, now: datetime) -> datetime:
        """Return when the first message may leave, by the zone of `hours`."""
        start = max(now, self.start_at or now)
        return start if self.hours is None else self.hours.opens_at(start)

    def ends_at(
        self,
        now: datetime,
        *,
        seconds_per_send: float,
        zones: Mapping[str | None, int],
        days: int,
    ) -> datetime:
        """Return about when the last message will have left.

        Args:
            now: The time.
            seconds_per_send: The pace.
            zones: How many messages name each time zone; `None` are all others.
            days: So many times 24 hours will pass before the last new people may get
                theirs.
        """
        total = sum(zones.values())
        if self.most is not None:
            total = min(total, self.most)
        start = max(now, self.start_at or now)
        start += timedelta(seconds=days * (DAY_SECONDS + MARGIN_SECONDS))
        if days:  # each day had its share of the work
            total = total // (days + 1)
        if self.hours is None:
            return start + timedelta(seconds=total * seconds_per_send)
        return max(
            _pass(
                self.hours.at_home(zone),
                start,
                min(count, total) * seconds_per_send,
            )
            for zone, count in (zones or {None: 0}).items()
        )


def full_days(people_count: int, most: int | None) -> int:
    """Return how many times 24 hours pass before the last of so many new people."""
    return 0 if not people_count or most is None else (people_count - 1) // most


def _pass(hours: SendingHours, start: datetime, seconds: float) -> datetime:
    """Return when so much work is done within the hours."""
    at, left = hours.opens_at(start), timedelta(seconds=seconds)
    for _ in range(_MOST_DAYS):
        closes_at = hours.closes_at(at)
        if at + left <= closes_at:
            return at + left
        left -= closes_at - at
        at = hours.opens_at(closes_at)
    return at
