"""Who stands where at a gate: one function moves a turn, and counts it."""

import asyncio
from collections.abc import Callable, Iterator
from enum import Enum
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from autocalls_async.policy.lanes import Lane


class TurnedBack:
    """The turn did not come in time: nothing has left, begin the attempt anew."""


TURNED_BACK = TurnedBack()

Stop: TypeAlias = TurnedBack | BaseException
"""Why somebody may not leave, as a value."""


class TurnStage(Enum):
    """Where a request stands at the gate."""

    if not TYPE_CHECKING:
        # Members are single, and Enum's own is ten times as slow.
        __hash__ = object.__hash__

    COMING = "has not come yet, or found the gate free"
    WAITING = "in its lane's line"
    CALLED = "notes its intent"
    READY = "may leave when the pace opens"
    LEAVING = "its bytes go out now"
    BACK = "was turned back"
    FAILED = "its connection or the lent limiter failed"
    OVER = "is gone"


PRESENT = frozenset(
    {TurnStage.WAITING, TurnStage.CALLED, TurnStage.READY, TurnStage.LEAVING}
)
"""The stages of those who have not left, and may."""


class Turn:
    """One request's way through a gate; the gate alone moves it."""

    __slots__ = ("error", "has_grant", "intends", "lane", "order", "stage", "waker")

    def __init__(self, lane: Lane, order: int, *, intends: bool = False) -> None:
        """Begin with one that has not come yet.

        Args:
            lane: Interactive ones go first.
            order: Within a lane, the lowest goes first.
            intends: It has an intent to note before it leaves.
        """
        self.lane: Lane = lane
        self.order: int = order
        self.intends: bool = intends
        self.stage: TurnStage = TurnStage.COMING
        self.has_grant: bool = False  # of the lent limiter, not used up yet
        self.error: BaseException | None = None
        self.waker: asyncio.Future[None] | None = None

    async def until(self, *stages: TurnStage) -> Stop | None:
        """Wait until it is in one of these stages; return what came in between."""
        while self.stage not in stages:
            if self.stage is TurnStage.BACK:
                return TURNED_BACK
            if self.error is not None:  # of its connection, or of the lent limiter
                return self.error
            self.waker = asyncio.get_running_loop().create_future()
            await self.waker
        return None


class _Standing:
    """Those of one lane who are in one stage, by their order and then by arrival."""

    def __init__(self, stage: TurnStage, lane: Lane, arrivals: Iterator[int]) -> None:
        self._stage = stage
        self._lane = lane
        self._heap: list[tuple[int, int, Turn]] = []
        self._arrivals = arrivals

    def add(self, turn: Turn) -> None:
        """Let it stand here for as long as it is in this stage and lane."""
        heappush(self._heap, (turn.order, next(self._arrivals), turn))

    def first(self) -> Turn | None:
        """Return the one with the most right."""
        while self._heap:
            turn = self._heap[0][-1]
            if turn.stage is self._stage and turn.lane is self._lane:
                return turn
            heappop(self._heap)
        return None

    def all(self) -> list[Turn]:
        """Return everybody who stands here."""
        found = [turn for *_, turn in self._heap]
        return [t for t in found if t.stage is self._stage and t.lane is self._lane]


class Turns:
    """All turns at one gate."""

    def __init__(self, *, on_grant_back: Callable[[], None] | None) -> None:
        """Begin with nobody.

        Args:
            on_grant_back: Called where one goes away with a grant of the lent
                limiter that it did not use; `None` where none is lent.
        """
        self._on_grant_back = on_grant_back
        arrivals = count()
        self._standing = {
            stage: {lane: _Standing(stage, lane, arrivals) for lane in Lane}
            for stage in (TurnStage.WAITING, TurnStage.READY)
        }
        self.counts: dict[Lane, dict[TurnStage, int]] = {
            lane: dict.fromkeys(TurnStage, 0) for lane in Lane
        }
        self.present_count: int = 0
        """How many have not left, and may."""
        self.called: set[Turn] = set()
        """Those with an intent who have not left."""
        self.leaving: Turn | None = None

    def first(self, stage: TurnStage, lane: Lane) -> Turn | None:
        """Return the one of a line with the most right."""
        return self._standing[stage][lane].first()

    def all_in_line(self) -> list[Turn]:
        """Return all who wait for a call, or for the pace."""
        lines = (line for lanes in self._standing.values() for line in lanes.values())
        return [turn for line in lines for turn in line.all()]

    def is_in_line(self, turn: Turn) -> bool:
        """Whether it waits for a call, or for the pace."""
        return turn.stage in self._standing

    def is_lane_present(self, lane: Lane) -> bool:
        """Whether anybody of a lane has not left, and may."""
        counts = self.counts[lane]
        return any(counts[stage] for stage in PRESENT)

    def count_ready(self, lane: Lane) -> int:
        """Return how many of a lane may leave when the pace opens."""
        counts = self.counts[lane]
        return counts[TurnStage.READY] + counts[TurnStage.LEAVING]

    def count_near(self, lane: Lane) -> int:
        """Return how many of a lane are called, or ready."""
        return self.counts[lane][TurnStage.CALLED] + self.count_ready(lane)

    def promote(self, turn: Turn) -> None:
        """Bring it to the interactive ones; its stage stays."""
        self.counts[turn.lane][turn.stage] -= 1
        turn.lane = Lane.INTERACTIVE
        self.counts[turn.lane][turn.stage] += 1
        if self.is_in_line(turn):
            self._standing[turn.stage][turn.lane].add(turn)

    def move(self, turn: Turn, stage: TurnStage) -> None:
        """Bring a turn into another stage, count it there, and wake its waiter."""
        counts = self.counts[turn.lane]
        if turn.stage is not TurnStage.COMING:  # nobody counts those
            counts[turn.stage] -= 1
        counts[stage] += 1
        self.present_count += (stage in PRESENT) - (turn.stage in PRESENT)
        if self.leaving is turn:
            self.leaving = None
        turn.stage = stage
        match stage:
            case TurnStage.CALLED:
                self.called.add(turn)
            case TurnStage.WAITING | TurnStage.READY:
                self._standing[stage][turn.lane].add(turn)
            case TurnStage.LEAVING:
                self.leaving = turn
            case _:
                self.called.discard(turn)
                if turn.has_grant and self._on_grant_back is not None:
                    turn.has_grant = False
                    self._on_grant_back()
        if turn.waker is not None and not turn.waker.done():
            turn.waker.set_result(None)
