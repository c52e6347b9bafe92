"""From the options to the rules of a run, checked before anything is sent."""

import re
from collections.abc import Callable, Container
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypedDict

from attrs import frozen

from autocalls_async.cli.bulk.rules.options import RuleOptions
from autocalls_async.cli.rows.phones import PhoneReader
from autocalls_async.model.later import Later
from autocalls_async.model.zones import read_zone

if TYPE_CHECKING:
    from autocalls_async.campaign.rules import hours as _hours
    from autocalls_async.campaign.rules import spending as _spending
    from autocalls_async.cli.bulk.rules import exclusion_file as _exclusions
else:
    # many campaigns have no such rule
    _hours = Later("autocalls_async.campaign.rules.hours")
    _spending = Later("autocalls_async.campaign.rules.spending")
    _exclusions = Later("autocalls_async.cli.bulk.rules.exclusion_file")

AGREED_RATE = 5
"""Sends a second that the API allows an account, unless more was agreed."""


_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*")


class RunRules(TypedDict):
    """The rules as `send_many()` takes them."""

    exclude: Container[str] | None
    hours: "_hours.SendingHours | None"
    start_at: datetime | None
    per_day: int | Literal["auto"] | None
    at_most: int | None


@frozen(kw_only=True)
class GivenRules:
    """What the options come to.

    Attributes:
        exclusions: Whom to leave out; `None` where no file was given.
        hours: When messages may leave.
        is_zone_given: There is a zone for rows that name none.
        start_at: None leaves before.
        per_day: New people a day of each sender.
        at_most: Messages that may leave.
        price: Of one message.
    """

    exclusions: "_exclusions.ExclusionFiles | None" = None
    hours: "_hours.SendingHours | None" = None
    is_zone_given: bool = False
    start_at: datetime | None = None
    per_day: int | Literal["auto"] | None = None
    at_most: int | None = None
    price: Decimal | None = None

    @property
    def needs_zone(self) -> bool:
        """Whether a row without a time zone has no hours."""
        return self.hours is not None and not self.is_zone_given

    def for_run(self) -> RunRules:
        """Return them as a run takes them."""
        return RunRules(
            exclude=self.exclusions,
            hours=self.hours,
            start_at=self.start_at,
            per_day=self.per_day,
            at_most=self.at_most,
        )


def check_rate(rate: int, options: RuleOptions) -> None:
    """Find out whether a rate is above what the API allows an account.

    Raises:
        ValueError: It is, and nobody says that it was agreed.
    """
    if rate > AGREED_RATE and not options.rate_is_agreed:
        msg = (
            f"--rate {rate} is over the {AGREED_RATE} a second that the API allows an "
            "account: give --rate-is-agreed too if the service has agreed to more"
        )
        raise ValueError(msg)


def read_rules(
    options: RuleOptions,
    *,
    price: Decimal | None,
    phones: PhoneReader,
    tell: Callable[[str], None],
) -> GivenRules:
    """Make rules of options.

    Args:
        options: As they were typed.
        price: Of one message.
        phones: Reads the numbers of those to leave out.
        tell: Told when a list of them cannot be read, and when it can again.

    Raises:
        ValueError: One is no rule, or a list cannot be read.
    """
    if options.hours is None and options.days is not None:
        msg = f"--days goes with --hours; got --days {options.days} alone"
        raise ValueError(msg)
    if options.tz is not None and options.hours is None and options.at is None:
        msg = f"--tz goes with --hours or --at; got --tz {options.tz} alone"
        raise ValueError(msg)
    if options.budget is not None and not price:
        shown = "no --price" if price is None else f"--price {price}"
        msg = f"--budget {options.budget} needs the --price of one message; got {shown}"
        raise ValueError(msg)
    exclusions = None
    if options.exclude:
        exclusions = _exclusions.ExclusionFiles(
            options.exclude, phones=phones, tell=tell
        )
    return GivenRules(
        exclusions=exclusions,
        hours=_hours_of(options),
        is_zone_given=options.tz is not None,
        start_at=None if options.at is None else _begin(options.at, options.tz),
        per_day=_per_day(options.per_day),
        at_most=_at_most(options, price),
        price=price,
    )


def _hours_of(options: RuleOptions) -> "_hours.SendingHours | None":
    if options.hours is None:
        return None
    days = "mon-sun" if options.days is None else options.days
    try:
        return _hours.SendingHours(options.hours, days=days, tz=options.tz or "UTC")
    except ValueError as error:  # its text begins with the option's name
        msg = f"--{error}"
        raise ValueError(msg) from None


def _begin(text: str, tz: str | None) -> datetime:
    found = _TIME.fullmatch(text.strip())
    try:
        at = datetime.fromisoformat(text.strip()) if found else None
    except ValueError:  # such as 30 February
        at = None
    if at is None:
        msg = f"--at must be a day and a time, such as 2026-11-30T09:00; got {text!r}"
        raise ValueError(msg)
    if at.utcoffset() is not None:
        return at.astimezone(UTC)
    if tz is None:
        msg = (
            f"--at {text} has no time zone: give --tz, such as Europe/Berlin, or write "
            f"{text}+01:00"
        )
        raise ValueError(msg)
    return at.replace(tzinfo=read_zone("--tz", tz)).astimezone(UTC)


def _per_day(text: str | None) -> int | Literal["auto"] | None:
    if text is None:
        return None
    if text == "auto":
        return "auto"
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    msg = f"--per-day must be a whole number above 0, or auto; got {text!r}"
    raise ValueError(msg)


def _at_most(options: RuleOptions, price: Decimal | None) -> int | None:
    if options.at_most is None and options.budget is None:
        return None
    most = _spending.most_messages(options.at_most, budget=options.budget, price=price)
    if most == 0:
        msg = f"--budget {options.budget} pays for no message at --price {price}"
        raise ValueError(msg)
    return most
