"""Whether a message of a run may leave at this instant, and if not, what it waits for.

Pure: no I/O, no clock, no asyncio. A message is asked about as it is taken in, and once
more before its first byte; between the two it holds the places that it took.
"""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from attrs import define, field

from autocalls_async.campaign.rules.daily import DailyPeople
from autocalls_async.campaign.rules.exclusions import Exclusions
from autocalls_async.campaign.rules.held import (
    HeldError,
    NextPerson,
    Opening,
    Wait,
    Why,
)
from autocalls_async.campaign.rules.hours import SendingHours
from autocalls_async.campaign.rules.spending import Allowance
from autocalls_async.model.checks import is_count, show_kind
from autocalls_async.model.errors import UnsentError
from autocalls_async.model.messages import Message
from autocalls_async.model.persons import person_of

PerDay: TypeAlias = int | Literal["auto"]
"""People whom a sender may begin to write to in 24 hours; `"auto"` is what it may."""


@define
class _Seat:
    """The places that a message holds while it is under way."""

    sender_id: int
    person: str | None = None


@define(kw_only=True)
class Rulebook:
    """The rules of one run.

    Args:
        exclude: Whom nothing may be sent to.
        hours: When messages may leave.
        start_at: None leaves before.
        per_day: New people a day, of each sender.
        allowance: How many may leave in all.
        people: Whom each sender has written to.
    """

    exclude: Exclusions | None = None
    hours: SendingHours | None = None
    start_at: datetime | None = None
    per_day: PerDay | None = None
    allowance: Allowance | None = None
    people: DailyPeople = field(factory=DailyPeople)
    _limits: dict[int, int | None] = field(factory=dict, init=False)
    _seats: dict[int, _Seat] = field(factory=dict, init=False)
    _openings: dict[str | None, datetime] = field(factory=dict, init=False)

    # Before a run

    def knows(self, sender_id: int) -> bool:
        """Whether it is known how many people this sender may write to."""
        return self.per_day is None or sender_id in self._limits

    def set_limit(self, sender_id: int, limit: int | None) -> None:
        """Note how many people a sender may write to; `None` is any number."""
        self._limits[sender_id] = limit

    @property
    def doubt(self) -> str | None:
        """Why nobody can tell just now whom to leave out."""
        return None if self.exclude is None else self.exclude.doubt

    # Each message

    def admit(
        self,
        number: int,
        message: Message,
        sender_id: int,
        *,
        is_outside: bool,
        now: datetime,
    ) -> UnsentError | None:
        """Give a message its places; return why it may not leave, where it may not.

        Args:
            number: Its place in the source, by which it is known.
            message: It.
            sender_id: Whom it is from.
            is_outside: It would be the first to its recipient, outside a window.
            now: The time.

        Returns:
            A `HeldError` where it has to wait.
        """
        if (error := self._judge(message, now)) is not None:
            return error
        if self.allowance is not None and not self.allowance.take():
            return _held(message, Wait.PLACE)
        seat = self._seats[number] = _Seat(sender_id)
        error = self._seat(seat, message, is_outside=is_outside, now=now)
        if error is not None:
            self.ended(number, left_at=None)
        return error

    def look(
        self, number: int, message: Message, *, is_outside: bool, now: datetime
    ) -> UnsentError | None:
        """Return why a message that was taken in may not leave at this instant."""
        error = self._judge(message, now)
        seat = self._seats[number]
        return error or self._seat(seat, message, is_outside=is_outside, now=now)

    def ended(self, number: int, *, left_at: datetime | None) -> None:
        """Note that a message has its outcome, or is put aside.

        Args:
            number: Which.
            left_at: When it left, or may have; `None` gives its places back.
        """
        seat = self._seats.pop(number)
        if self.allowance is not None and left_at is None:
            self.allowance.give_back()
        if seat.person is None:
            return
        if left_at is None:
            self.people.give_back(seat.sender_id, seat.person)
        else:
            at = left_at.timestamp()
            self.people.leave(seat.sender_id, seat.person, at=at)

    # What waits

    def due_at(self, why: Hashable, now: datetime) -> datetime | None:
        """Return when what waits for this may be asked about again.

        Returns:
            `None` where no clock tells.
        """
        match why:
            case Opening(at=at):
                return at
            case NextPerson(sender_id=sender_id):
                return self._frees_at(sender_id, now)
            case Wait.DOUBT:
                return now if self.doubt is None else None
        allowance = self.allowance
        has_place = allowance is None or allowance.spent < allowance.most
        return now if has_place else None

    @property
    def is_used_up(self) -> bool:
        """Whether none may leave any more, whatever becomes of those under way."""
        allowance = self.allowance
        if allowance is None:
            return False
        return allowance.spent - len(self._seats) >= allowance.most

    def _frees_at(self, sender_id: int, now: datetime) -> datetime | None:
        limit = self._limits.get(sender_id)
        if limit is None:
            return now
        seconds = now.timestamp()
        at = self.people.frees_at(sender_id, most=limit, now=seconds)
        if at is None or at <= seconds:
            return None if at is None else now
        # Rounded up: a microsecond too soon would be asked about in vain.
        return now + timedelta(seconds=at - seconds, microseconds=1)

    # Each rule

    def _judge(self, message: Message, now: datetime) -> UnsentError | None:
        if self.exclude is not None:
            if self.exclude.doubt is not None:
                return _held(message, Wait.DOUBT)
            if (error := self.exclude.find(message.recipient_phone)) is not None:
                return error
        opens_at = self._opens_at(message.time_zone, now)
        return _held(message, Opening(opens_at)) if opens_at > now else None

    def _opens_at(self, time_zone: str | None, now: datetime) -> datetime:
        """Return `now` where a message may leave, else when its hours begin."""
        start = now if self.start_at is None else max(self.start_at, now)
        if self.hours is None:
            return start
        opens_at = self._openings.get(time_zone)
        if opens_at is None or opens_at <= start:  # a minute's work for a million rows
            opens_at = self.hours.at_home(time_zone).opens_at(start)
            if opens_at > start:
                self._openings[time_zone] = opens_at
        return opens_at

    def _seat(
        self, seat: _Seat, message: Message, *, is_outside: bool, now: datetime
    ) -> UnsentError | None:
        limit = self._limits.get(seat.sender_id)
        if not is_outside or limit is None or seat.person is not None:
            return None
        person = person_of(message.recipient_phone)
        seconds = now.timestamp()
        if not self.people.take(seat.sender_id, person, most=limit, now=seconds):
            return _held(message, NextPerson(seat.sender_id))
        seat.person = person
        return None


def check_per_day(value: object) -> None:
    """Raise `ValueError` unless it is a number of people a day, or `"auto"`."""
    if value != "auto" and not is_count(value):
        shown = repr(value) if isinstance(value, str | int) else show_kind(value)
        msg = f"per_day must be a whole number above 0, or 'auto'; got {shown}"
        raise ValueError(msg)


def check_start(value: object) -> None:
    """Raise `ValueError` unless it is an aware time."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        shown = value.isoformat() if isinstance(value, datetime) else show_kind(value)
        msg = (
            "start_at must be an aware datetime, such as datetime.now(UTC); "
            f"got {shown}"
        )
        raise ValueError(msg)


def _held(message: Message, why: Why) -> HeldError:
    return HeldError(why=why, recipient_phone=message.recipient_phone)
