"""What a plan without rules is made with."""

from datetime import UTC, datetime
from typing import TypedDict

from autocalls_async.campaign.rules.forecast import PlannedRules

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday


class Circumstances(TypedDict):
    """What `conclude()` is told besides the messages and the answers."""

    rules: PlannedRules
    seconds_per_send: float
    now: datetime


ALONE = Circumstances(rules=PlannedRules(), seconds_per_send=0.2, now=NOON)
