"""When a campaign may send: hours of the day, in somebody's time zone.

Pure: no I/O, no clock, no asyncio. A time zone's rules come from `zoneinfo`.

It is the clock on the wall that decides: an instant is within the hours if a clock
there shows a time within them. Where clocks jump over an hour, what was to begin in it
begins with the jump; where they show an hour twice, both are alike.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from attrs import field, frozen

from autocalls_async.model.checks import show_kind
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.zones import read_zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_MIDNIGHT = 24 * 60
_SEARCH_DAYS = 16
"""A day of the week comes within 7; it may be skipped, as Samoa did, or be all gap."""


@frozen
class _Span:
    """Minutes since midnight; one that ends before it begins goes on the day after."""

    start: int
    end: int

    def holds(self, minute: int, weekday: int, days: frozenset[int]) -> bool:
        """Whether a clock that shows this minute of this day is within it."""
        if self.start < self.end:
            return weekday in days and self.start <= minute < self.end
        if minute >= self.start:
            return weekday in days
        return minute < self.end and (weekday - 1) % 7 in days


@frozen
class SendingHours:
    """Hours of the day at which a campaign may send.

    A message that names its own `time_zone` is held against the clocks there; `tz` is
    for all the others.

    Args:
        hours: `"09:00-20:00"`, up to but without the last minute; several by commas.
            `"22:00-06:00"` goes over midnight, and belongs to the day on which it
            begins: on `"fri"`, until Saturday at six.
        days: Of the week, such as `"mon-fri"`, `"sat,sun"` or `"fri-mon"`.
        tz: The name of a time zone, such as `"Europe/Berlin"`.

    Raises:
        ValueError: An argument breaks its rule; the text names it.
    """

    hours: str
    days: str = field(default="mon-sun", kw_only=True)
    tz: str = field(kw_only=True)
    _spans: tuple[_Span, ...] = field(init=False, repr=False, eq=False)
    _days: frozenset[int] = field(init=False, repr=False, eq=False)
    _zone: ZoneInfo = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_spans", _read_hours(self.hours))
        object.__setattr__(self, "_days", _read_days(self.days))
        object.__setattr__(self, "_zone", read_zone("tz", self.tz))

    def __str__(self) -> str:
        return f"{self.hours} {self.days} {self.tz}"

    def at_home(self, tz: str | None) -> "SendingHours":
        """Return the same hours by the clocks of another time zone.

        Raises:
            ValueError: There is no such time zone.
        """
        if tz is None or tz == self.tz:
            return self
        return _moved(self, tz)

    def is_open(self, at: datetime) -> bool:
        """Whether a clock there shows a time within the hours at this instant."""
        shown = at.astimezone(self._zone)
        minute, weekday = shown.hour * 60 + shown.minute, shown.weekday()
        return any(span.holds(minute, weekday, self._days) for span in self._spans)

    def opens_at(self, at: datetime) -> datetime:
        """Return this instant where it is within the hours, else when they begin."""
        return at.astimezone(UTC) if self.is_open(at) else self._next(at, wanted=True)

    def closes_at(self, at: datetime) -> datetime:
        """Return when the hours end that this instant is in.

        Returns:
            An instant far away where they never do.
        """
        return self._next(at, wanted=False)

    def local(self, at: datetime) -> datetime:
        """Return what a clock there shows."""
        return at.astimezone(self._zone)

    def _next(self, at: datetime, *, wanted: bool) -> datetime:
        """Return the first instant after this one that is open, or is not."""
        day = at.astimezone(self._zone).date() - timedelta(days=1)
        last = day + timedelta(days=_SEARCH_DAYS)
        found: list[datetime] = []
        while day <= last:
            found += [
                edge
                for edge in self._edges(day)
                if edge > at and self.is_open(edge) is wanted
            ]
            if found:  # a jump of the day after may come before it
                last = min(last, min(found).astimezone(self._zone).date())
            day += timedelta(days=1)
        far = at.astimezone(UTC) + timedelta(days=_SEARCH_DAYS)
        return min(found, default=far)

    def _edges(self, day: date) -> Iterator[datetime]:
        """Return the instants of a day at which anything may change."""
        for minute in sorted({edge for s in self._spans for edge in (s.start, s.end)}):
            yield from _instants(day, minute, self._zone)
        yield from _jumps(day, self._zone)


def check_hours(value: object) -> None:
    """Raise `ValueError` unless these are sending hours."""
    if not isinstance(value, SendingHours):
        shown = repr(value) if isinstance(value, str) else show_kind(value)
        msg = (
            "hours must be SendingHours, such as SendingHours('09:00-20:00', "
            f"tz='Europe/Berlin'); got {shown}"
        )
        raise ValueError(msg)


@lru_cache(maxsize=1024)
def _moved(hours: SendingHours, tz: str) -> SendingHours:
    return SendingHours(hours.hours, days=hours.days, tz=tz)


def _instants(day: date, minute: int, zone: ZoneInfo) -> Iterator[datetime]:
    """Return when clocks show a time: twice, where an hour comes twice."""
    days, minute_of_day = divmod(minute, _MIDNIGHT)
    shown = datetime.combine(
        day + timedelta(days=days), time(*divmod(minute_of_day, 60)), tzinfo=zone
    )
    yield shown.astimezone(UTC)
    yield shown.replace(fold=1).astimezone(UTC)


@lru_cache(maxsize=4096)
def _jumps(day: date, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return when clocks are changed on a day, to the second."""
    start = datetime.combine(day, time(), tzinfo=UTC)
    before, after = start, start + timedelta(days=1)
    offset = _offset(before, zone)
    if offset == _offset(after, zone):
        return ()
    while (seconds := int((after - before).total_seconds())) > 1:
        middle = before + timedelta(seconds=seconds // 2)
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return (after,)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _read_hours(text: object) -> tuple[_Span, ...]:
    parts = text.split(",") if isinstance(text, str) else [""]
    return tuple(_read_span(part.strip(), whole=text) for part in parts)


def _read_span(text: str, *, whole: object) -> _Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        msg = f"hours must be written HH:MM-HH:MM, such as '09:00-20:00'; got {whole!r}"
        raise ValueError(msg)
    hour, minute, end_hour, end_minute = map(int, found.groups())
    start = _read_time(hour, minute, whole=whole)
    end = _read_time(end_hour, end_minute, whole=whole)
    if start == _MIDNIGHT:
        start = 0
    if start == end:
        msg = (
            "hours must not end when they begin; the whole day is '00:00-24:00'; "
            f"got {whole!r}"
        )
        raise ValueError(msg)
    return _Span(start, end)


def _read_time(hour: int, minute: int, *, whole: object) -> int:
    minutes = hour * 60 + minute
    if minute > 59 or minutes > _MIDNIGHT:
        msg = f"hours must lie between 00:00 and 24:00; got {whole!r}"
        raise ValueError(msg)
    return minutes


def _read_days(text: object) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(",") if isinstance(text, str) else [""]:
        first, dash, last = part.strip().lower().partition("-")
        try:
            start = DAYS.index(first.strip())
            end = DAYS.index(last.strip()) if dash else start
        except ValueError:
            msg = (
                f"days must be some of {', '.join(DAYS)}, such as 'mon-fri' or "
                f"'sat,sun'; got {text!r}"
            )
            raise ValueError(msg) from None
        days.update((start + day) % 7 for day in range((end - start) % 7 + 1))
    return frozenset(days)


show_in("autocalls_async", "SendingHours", of=globals())
