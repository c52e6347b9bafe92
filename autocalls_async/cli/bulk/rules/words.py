"""What people are told of a campaign's rules, before and after it is sent."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.rules.given import AGREED_RATE, GivenRules
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


def name_rules(campaign: Campaign) -> list[tuple[str, str]]:
    """Return the rules of a campaign as a report names them: what was typed."""
    options = campaign.rules
    hours = (options.hours, options.days, options.tz)
    named = {
        "sends a second": f"{campaign.rate} (the API allows {AGREED_RATE})",
        "left out": ", ".join(path.name for path in options.exclude or ()),
        "hours": " ".join(word for word in hours if word) if options.hours else None,
        "begins": options.at,
        "new people in 24 hours, each sender": options.per_day,
        "messages at most": options.at_most,
        "budget": options.budget,
        "price of a message": campaign.price,
        "several rows for a person": campaign.repeats and campaign.repeats.value,
        "people who had another text": campaign.changed and campaign.changed.value,
        "where the window is closed": campaign.fallback_template
        and f"template {campaign.fallback_template}",
    }
    return [(name, str(value)) for name, value in named.items() if value]


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
