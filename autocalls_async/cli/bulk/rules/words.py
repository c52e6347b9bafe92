"""What people are told of a campaign's rules before it is sent."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from autocalls_async.cli.bulk.rules.given import GivenRules
from autocalls_async.cli.terminal.words import count, show_time


def describe_rules(
    rules: GivenRules, *, journal: Path | None, now: datetime
) -> Iterator[str]:
    """Yield which rules hold, and what they come to now."""
    if rules.exclusions is not None:
        yield f"left out: {count(len(rules.exclusions), 'number')}"
    if rules.start_at is not None and rules.start_at > now:
        yield f"begins {show_time(rules.start_at)}"
    if rules.hours is not None:
        yield _describe_hours(rules, now)
    if rules.per_day is not None:
        yield _describe_people(rules)
        if journal is None:
            yield "without --journal nobody remembers them: the next run counts anew"
    if rules.at_most is not None:
        price = "" if rules.price is None else f", at {rules.price} each"
        yield f"at most {count(rules.at_most, 'message')} will leave{price}"


def _describe_hours(rules: GivenRules, now: datetime) -> str:
    hours = rules.hours
    assert hours is not None  # noqa: S101  # it was asked
    if rules.needs_zone:
        return f"hours: {hours.hours} {hours.days}, by each row's time_zone"
    opens_at = hours.opens_at(max(now, rules.start_at or now))
    closed = "" if opens_at <= now else f"; closed now, until {show_time(opens_at)}"
    return f"hours: {hours}{closed}"


def _describe_people(rules: GivenRules) -> str:
    most = "the sender's limit" if rules.per_day == "auto" else f"{rules.per_day:,}"
    return (
        f"new people in 24 hours: at most {most}, of each sender; what other programs "
        "send on it is not seen"
    )
