"""Lets a run's messages in by its rules, and calls those again that had to wait."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from autocalls_async.campaign.aside import Aside, Resting
from autocalls_async.campaign.rules.daily import (
    DAY_SECONDS,
    MARGIN_SECONDS,
)
from autocalls_async.campaign.rules.held import HeldError, NextPerson, Wait
from autocalls_async.campaign.rules.rulebook import (
    Rulebook,
)
from autocalls_async.clock import loop_time, utc_now
from autocalls_async.engine.pulse import Pulse
from autocalls_async.engine.shipment import Shipment
from autocalls_async.model.errors import (
    RejectedError,
    UnavailableError,
    UnsentError,
)
from autocalls_async.model.later import Later
from autocalls_async.model.messages import Message, Pair, TemplateMessage
from autocalls_async.model.outcomes import Accepted, Outcome, Unknown, Unsent

if TYPE_CHECKING:
    from autocalls_async.campaign import ledger as _ledger
else:
    _ledger = Later("autocalls_async.campaign.ledger")

AskLimits: TypeAlias = Callable[[], Awaitable[Mapping[int, int | None]]]
"""Asks how many people each sender may write to; `None` is any number."""

LOOK_AGAIN_SECONDS = 60.0
"""A clock on the wall may be set, and a machine may sleep."""

DOUBT_SECONDS = 1.0
"""So often it is asked whether the list of whom to leave out can be read again."""

LIMITS_SECONDS = 3600.0
"""So often they are asked for while one of them holds people up."""


class LastLook:
    """A run's rules, as a message is held against them just before it leaves."""

    __slots__ = ("_message", "_number", "_rulebook")

    def __init__(self, rulebook: Rulebook, number: int, message: Message) -> None:
        self._rulebook = rulebook
        self._number = number
        self._message = message

    def look(self, *, is_outside: bool) -> UnsentError | None:
        """Return why it may not leave at this instant."""
        return self._rulebook.look(
            self._number, self._message, is_outside=is_outside, now=utc_now()
        )


class Usher:
    """The rules of one run at work.

    Args:
        rulebook: Decides.
        is_open: Whether a window is known to be open.
        ask_limits: Asks the service, where its limits are to be kept.
        ledger: Knows what earlier runs have done.
    """

    def __init__(
        self,
        rulebook: Rulebook,
        *,
        is_open: Callable[[Pair], bool],
        ask_limits: AskLimits,
        ledger: "_ledger.Ledger | None",
    ) -> None:
        self._rulebook = rulebook
        self._is_open = is_open
        self._ask_limits = ask_limits
        self._asked_at: float | None = None
        self._ledger = ledger
        self._aside = Aside()
        self._in_hand_count = 0
        self._news = Pulse()
        self._is_dismissed = False

    # Before messages are taken in

    async def begin(self) -> None:
        """Learn what earlier runs have used up."""
        allowance = self._rulebook.allowance
        if allowance is not None and self._ledger is not None:
            allowance.spent += await self._ledger.count_spent()

    async def prepare(self, sender_ids: Collection[int]) -> None:
        """Learn whom new senders have written to, and may.

        Raises:
            RejectedError: The service refused to say.
            UnavailableError: It could not be asked.
            JournalError: The journal cannot be read.
        """
        new = [one for one in set(sender_ids) if not self._rulebook.knows(one)]
        if not new:
            return
        if self._ledger is not None:
            for sender_id in new:
                await self._recall(self._ledger, sender_id)
        if self._rulebook.per_day == "auto":
            await self._learn_limits(new)
            return
        for sender_id in new:
            self._rulebook.set_limit(sender_id, self._rulebook.per_day)

    async def _recall(self, ledger: "_ledger.Ledger", sender_id: int) -> None:
        since = utc_now() - timedelta(seconds=DAY_SECONDS + MARGIN_SECONDS)
        async for person, at in ledger.reached(sender_id, since=since):
            self._rulebook.people.note(sender_id, person, at=at.timestamp())

    async def _learn_limits(self, sender_ids: Collection[int]) -> None:
        limits = await self._ask_limits()
        self._asked_at = loop_time()
        for sender_id in sender_ids:
            self._rulebook.set_limit(sender_id, limits.get(sender_id))

    async def until_it_may_read(self) -> None:
        """Wait until there is a use in reading the source any further."""
        while not self._is_dismissed and (seconds := self._closed_seconds()):
            await self._wait(seconds)

    def _closed_seconds(self) -> float:
        """Return for how long not to read: until something ends, or a minute."""
        rulebook = self._rulebook
        if rulebook.doubt is not None:
            return DOUBT_SECONDS
        if self._aside.count(Wait.PLACE):
            return LOOK_AGAIN_SECONDS
        if rulebook.start_at is None:
            return 0.0
        seconds = (rulebook.start_at - utc_now()).total_seconds()
        return min(max(seconds, 0.0), LOOK_AGAIN_SECONDS)

    # Each message

    def admit(self, number: int, shipment: Shipment) -> UnsentError | None:
        """Let a message in; return why it may not leave, where it may not.

        One that has to wait was put aside by then, and its error is a `HeldError`.
        """
        message, sender_id = shipment.message, shipment.sender_id
        is_template = isinstance(message, TemplateMessage)
        error = self._rulebook.admit(
            number,
            message,
            sender_id,
            is_outside=is_template and not self._is_open(shipment.pair),
            now=utc_now(),
        )
        if isinstance(error, HeldError):
            self._put_aside(error, number, message)
        if error is None:
            shipment.hold_against(LastLook(self._rulebook, number, message))
        return error

    def ended(self, number: int, shipment: Shipment, outcome: Outcome) -> bool:
        """Note its end; return whether it was put aside, and so has no outcome."""
        has_left = isinstance(outcome, Accepted | Unknown)
        left_at = shipment.handed_over_at if has_left else None
        self._rulebook.ended(number, left_at=left_at)
        self._news.tell()
        error = outcome.error if isinstance(outcome, Unsent) else None
        if isinstance(error, HeldError):
            self._put_aside(error, number, shipment.message)
        return isinstance(error, HeldError)

    def _put_aside(self, error: HeldError, number: int, message: Message) -> None:
        self._aside.put(error.why, number, message)
        self._news.tell()

    # What waits

    @property
    def rest_count(self) -> int:
        """How many messages were put aside and have no outcome."""
        return len(self._aside) + self._in_hand_count

    @property
    def is_used_up(self) -> bool:
        """Whether a message waits for a place that nobody will give back."""
        return self._rulebook.is_used_up and bool(self._aside.count(Wait.PLACE))

    @property
    def used_up(self) -> str:
        """How many have left, in words."""
        allowance = self._rulebook.allowance
        assert allowance is not None  # noqa: S101  # it is used up
        return f"at most {allowance.most:,} may leave, and {allowance.spent:,} have"

    @property
    def waits_until(self) -> datetime | None:
        """When the first of those put aside may leave, where a clock tells."""
        now = utc_now()
        dues = (self._rulebook.due_at(why, now) for why in self._aside.whys)
        start = self._rulebook.start_at
        at = [due for due in dues if due is not None]
        if start is not None and start > now:
            at.append(start)
        return min(at).astimezone(UTC) if at else None

    @property
    def doubt(self) -> str | None:
        """Why nothing leaves just now, where it is no clock's fault."""
        return self._rulebook.doubt

    async def until_due(self) -> None:
        """Wait until one that was put aside may be asked about again."""
        while (seconds := self._seconds_until_due()) > 0:
            await self._wait(seconds)
            await self._refresh_limits()

    def take(self, most: int) -> list[Resting]:
        """Take those that are due in hand, so many at most, until `let_go`.

        Of those that wait for a place one alone: whether there is another is only
        known when it has taken its own.
        """
        taken: list[Resting] = []
        while len(taken) < most and (why := self._first_due()) is not None:
            taken.append(self._aside.take(why))
            if isinstance(why, NextPerson | Wait) and not self._is_dismissed:
                break
        self._in_hand_count += len(taken)
        return taken

    def let_go(self, count: int) -> None:
        """Note that so many of those taken in hand went on, one way or the other."""
        self._in_hand_count -= count

    def dismiss(self) -> None:
        """Let all go that wait, at once."""
        self._is_dismissed = True
        self._news.tell()

    @property
    def is_dismissed(self) -> bool:
        """Whether nobody is let in any more."""
        return self._is_dismissed

    def close(self) -> None:
        """Throw away what was put aside."""
        self._aside.close()

    def _first_due(self) -> Hashable | None:
        """Return what is due, what was due first at the head."""
        now = utc_now()
        found = [
            (at, index)
            for index, why in enumerate(self._aside.whys)
            if (at := self._due_at(why, now)) is not None and at <= now
        ]
        return self._aside.whys[min(found)[1]] if found else None

    def _due_at(self, why: Hashable, now: datetime) -> datetime | None:
        return now if self._is_dismissed else self._rulebook.due_at(why, now)

    def _seconds_until_due(self) -> float:
        now, seconds = utc_now(), LOOK_AGAIN_SECONDS if self._aside else inf
        for why in self._aside.whys:
            if why is Wait.DOUBT:
                seconds = min(seconds, DOUBT_SECONDS)
            if (at := self._due_at(why, now)) is not None:
                seconds = min(seconds, (at - now).total_seconds())
        return seconds

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds if seconds < inf else None):
                await self._news.wait()

    async def _refresh_limits(self) -> None:
        """Ask for limits anew while one holds people up: they grow in time."""
        held = [w.sender_id for w in self._aside.whys if isinstance(w, NextPerson)]
        is_old = self._asked_at is not None and (
            loop_time() - self._asked_at >= LIMITS_SECONDS
        )
        if held and is_old:
            self._asked_at = loop_time()
            with suppress(RejectedError, UnavailableError):
                await self._learn_limits(held)
