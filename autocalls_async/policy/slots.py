"""Who holds one of the limit's slots, and who was long without an answer.

Pure: no I/O, no clock, no asyncio. Instants are seconds on the loop's clock.

Each send takes a slot as it leaves. It moves by its age, and by what later ones
meet, one way only:

    ORDINARY -> LATE     open for oddly long: it may arrive beside any other
    ORDINARY -> EARLY    behind a busy service: surely counted, its slot is free
    LATE -> SILENT       open for much longer than its path's answers take
    EARLY -> HUNG        the same
    SILENT -> HUNG       a later one was answered: it alone hangs, its slot is free
    any -> ANSWERED, GIVEN_UP

`SILENT` and `HUNG` are likely unknowns to be. While half of the last sends came to
that, or were given up, the brake is on: none of them gives its slot back any more.
"""

import math
from collections import OrderedDict, deque
from enum import IntEnum
from heapq import heappop, heappush, heappushpop

# As the breaker of a run: 10 of the last 20.
_BRAKE_WINDOW = 20
_BRAKE_COUNT = 10


class SendState(IntEnum):
    """How far a send has come, as its slot sees it."""

    ORDINARY = 0
    LATE = 1
    SILENT = 2
    EARLY = 3
    HUNG = 4
    ANSWERED = 5
    GIVEN_UP = 6


_HOLDING = (SendState.ORDINARY, SendState.LATE, SendState.SILENT)
_OPEN = (*_HOLDING, SendState.EARLY, SendState.HUNG)
_JUDGED_OPEN = (SendState.SILENT, SendState.HUNG)
# Looked up once: before CPython 3.12 a member costs ten times a global name.
_ORDINARY = SendState.ORDINARY
_ANSWERED = SendState.ANSWERED
_EARLY = SendState.EARLY
_SILENT = SendState.SILENT
_HUNG = SendState.HUNG


class Departure:
    """One send that has left; hand it back once, when its end is known.

    Attributes:
        started: When.
        state: `Slots` alone moves it.
    """

    __slots__ = ("started", "state")

    def __init__(self, started: float) -> None:
        self.started: float = started
        self.state: SendState = _ORDINARY

    @property
    def is_settled(self) -> bool:
        """Whether its end is known."""
        return self.state >= _ANSWERED

    @property
    def seems_lost(self) -> bool:
        """Whether it is long without an answer."""
        return self.state in _JUDGED_OPEN


class Slots:
    """The slots of one limit, and all sends that are open."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.held_count: int = 0
        """How many slots are held by open sends."""
        # Each in the order of their starts.
        self._open: tuple[OrderedDict[Departure, None], ...] = tuple(
            OrderedDict() for _ in _OPEN
        )
        self._ordinary = self._open[_ORDINARY]
        # A send that is settled may hold its slot a while longer.
        self._taken_until: list[float] = []
        self._judged: deque[Departure] = deque(maxlen=_BRAKE_WINDOW)
        self._newest_answered = -math.inf
        self._unheard_since = math.inf

    @property
    def has_room(self) -> bool:
        """Whether a slot is free."""
        return self.held_count + len(self._taken_until) < self._count

    @property
    def late_count(self) -> int:
        """How many slots are held by sends that may arrive beside any other."""
        return self.held_count - len(self._ordinary)

    @property
    def open_count(self) -> int:
        """How many sends have no end yet, with and without a slot."""
        return sum(map(len, self._open))

    @property
    def is_braked(self) -> bool:
        """Whether so many sends seem lost that no slot is given back any more."""
        lost = sum(send.state is not _ANSWERED for send in self._judged)
        return lost >= _BRAKE_COUNT

    def unheard_seconds(self, now: float) -> float:
        """Return for how long nothing was answered although something was out."""
        return max(0.0, now - self._unheard_since)

    def take(self, now: float) -> Departure:
        """Take a slot for a send that leaves."""
        send = Departure(now)
        self._ordinary[send] = None
        self.held_count += 1
        if self._unheard_since == math.inf:
            self._unheard_since = now
        return send

    def take_until(self, at: float) -> None:
        """Hold a slot until an instant, for a send that others made."""
        if len(self._taken_until) < self._count:
            heappush(self._taken_until, at)
        else:  # there are no more: the latest count
            heappushpop(self._taken_until, at)

    def settle(
        self, send: Departure, state: SendState, *, now: float, free_at: float
    ) -> None:
        """Note how a send has ended, and until when it still holds a slot."""
        if not send.seems_lost:
            self._judged.append(send)
        if state is _ANSWERED:
            self._newest_answered = max(self._newest_answered, send.started)
            self._unheard_since = math.inf
        self._move(send, state)
        if free_at > now:
            heappush(self._taken_until, free_at)

    def let_go(self, now: float) -> None:
        """Free the slots of settled sends whose time is over."""
        taken = self._taken_until
        while taken and taken[0] <= now:
            heappop(taken)

    def are_young(self, now: float, *, age: float) -> bool:
        """Whether no open send is of this age, or waits for more."""
        if self.held_count > len(self._ordinary) or self._open[_EARLY]:
            return False
        return not self._ordinary or _first(self._ordinary).started + age > now

    def grow_older(
        self, now: float, *, early_age: float, late_age: float, silent_age: float
    ) -> None:
        """Move each open send to the state of its age.

        Args:
            now: The instant.
            early_age: Age from which it was surely counted; `math.inf` where only
                its answer tells.
            late_age: Age from which it is late.
            silent_age: Age from which it is silent.
        """
        for source, to, age in (
            (_ORDINARY, _EARLY, early_age),
            (_ORDINARY, SendState.LATE, late_age),
            (SendState.LATE, _SILENT, silent_age),
            (_EARLY, _HUNG, silent_age),
        ):
            if self._open[source]:
                self._move_old(source, to, age=age, now=now)
        silent = self._open[_SILENT]
        while silent and self._may_give_back(_first(silent)):
            self._move(_first(silent), _HUNG)

    def free_at(self, *, early_age: float, silent_age: float) -> float:
        """Return when the next slot is free; `math.inf` where an answer must tell."""
        instants = self._taken_until[:1]
        if self._ordinary:
            instants = [*instants, _first(self._ordinary).started + early_age]
        for state in _HOLDING:
            line = self._open[state]
            if line and self._may_give_back(_first(line)):
                instants = [*instants, _first(line).started + silent_age]
        return min(instants, default=math.inf)

    def _may_give_back(self, send: Departure) -> bool:
        """Whether it gives its slot back once it is silent."""
        return send.started < self._newest_answered and not self.is_braked

    def _move_old(
        self, source: SendState, to: SendState, *, age: float, now: float
    ) -> None:
        line = self._open[source]
        while line and _first(line).started + age <= now:
            send = _first(line)
            self._move(send, to)
            if send.seems_lost:
                self._judged.append(send)

    def _move(self, send: Departure, to: SendState) -> None:
        del self._open[send.state][send]
        self.held_count -= send.state <= _SILENT
        if to <= _HUNG:
            self._open[to][send] = None
            self.held_count += to <= _SILENT
        send.state = to


def _first(line: OrderedDict[Departure, None]) -> Departure:
    return next(iter(line))
