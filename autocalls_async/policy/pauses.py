"""How long the service asks us to wait, as its answers say it.

Pure: no I/O, no clock, no asyncio. Whatever stands there, nothing is raised.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

MAX_PAUSE_SECONDS = 3600.0
"""Longer than an hour is a quota or a mistake, and worth asking again."""


def read_pause(
    headers: Mapping[str, str], *, in_body: object, is_reset_told: bool
) -> float | None:
    """Return the seconds that an answer asks us to wait, at most an hour.

    An instant counts from the answer's own `Date`, whatever our clock says; where
    that is missing, it tells nothing.

    Args:
        headers: By names in lower case.
        in_body: What the body says as `retry_after`.
        is_reset_told: Whether `X-RateLimit-Reset` is what holds us up.
    """
    told_at = read_date(headers.get("date"))
    retry_after = headers.get("retry-after")
    reset = headers.get("x-ratelimit-reset") if is_reset_told else None
    again_at = read_date(retry_after)
    for seconds in (
        _seconds(retry_after),
        _between(told_at, again_at.timestamp() if again_at else None),
        _seconds(in_body),
        _between(told_at, _seconds(reset)),
    ):
        if seconds is not None:
            return min(seconds, MAX_PAUSE_SECONDS)
    return None


def read_date(text: str | None) -> datetime | None:
    """Return the instant of an HTTP date, in UTC, if it is one."""
    if text is None:
        return None
    try:
        at = parsedate_to_datetime(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _between(told_at: datetime | None, timestamp: float | None) -> float | None:
    if told_at is None or timestamp is None:
        return None
    return _seconds(timestamp - told_at.timestamp())


def _seconds(value: object) -> float | None:
    """Read a number of seconds, 0 or more; a date or anything else is no number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None
