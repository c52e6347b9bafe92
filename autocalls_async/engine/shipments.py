"""All messages that are here: where each stands, and how many stand where."""

import asyncio
from collections.abc import Callable, Hashable

from autocalls_async.clock import loop_time
from autocalls_async.engine.endings import withdrawn
from autocalls_async.engine.pulse import Pulse
from autocalls_async.engine.shipment import Shipment, Stage
from autocalls_async.engine.telemetry.observers import Telling
from autocalls_async.model.errors import RejectedError, UnsentError
from autocalls_async.model.outcomes import Outcome, Unknown
from autocalls_async.policy.admission import paused_beyond
from autocalls_async.policy.lanes import Lane, Lanes, Place
from autocalls_async.policy.pace import Pace

# Looked up once: before CPython 3.12 a member costs ten times a global name.
_QUEUED = Stage.QUEUED
_HELD = Stage.HELD
_MADE = Stage.MADE
_LEFT = Stage.LEFT
_SETTLED = Stage.SETTLED
_WAITING = frozenset({Stage.QUEUED, Stage.HELD})
_BEGUN = frozenset({Stage.HELD, Stage.LEFT})
_INTERACTIVE = Lane.INTERACTIVE
_BULK = Lane.BULK

TOGETHER_SECONDS = 0.1
"""Cancellations this close to each other have one cause, as the end of a program."""


class Shipments:
    """The messages of one client that have no outcome yet.

    `move` alone brings one from stage to stage, and all counts follow from that.
    """

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._lanes: Lanes[Shipment] = Lanes()
        self._here: dict[Shipment, None] = {}  # in the order of submission
        self._held: dict[Lane, set[Shipment]] = {lane: set() for lane in Lane}
        self._emptied = Pulse()
        self.on_end: Callable[[Shipment, Outcome], None] | None = None
        """Told of each message's end."""
        self.queued_count: int = 0
        """How many wait in their lanes."""
        self.waiting_single_count: int = 0
        """Of those that wait, for how many somebody waits alone."""
        self.slotless_count: int = 0
        """Of those here, how many need no slot."""
        self.bulk_begun_count: int = 0
        """How many bulk ones hold a connection, or will."""
        self.cut_off_count: int = 0
        """How many were cancelled together with the last, before they left."""
        self._cut_off_at = 0.0

    def __len__(self) -> int:
        return len(self._here)

    def all(self) -> list[Shipment]:
        """Return all, in the order of submission."""
        return list(self._here)

    async def until_empty(self) -> None:
        """Wait until each has its outcome."""
        while self._here:
            await self._emptied.wait()

    def count_held(self, lane: Lane) -> int:
        """Return how many of a lane are in hand and have not left."""
        return len(self._held[lane])

    def count_waiting(self, lane: Lane) -> int:
        """Return how many of a lane have not left."""
        return self._lanes.depth(lane) + len(self._held[lane])

    def count_ahead(self, lane: Lane) -> int:
        """Return how many wait before one that comes into this lane now."""
        ahead = self.count_waiting(_INTERACTIVE)
        return ahead + self.count_waiting(lane) if lane is _BULK else ahead

    def longest_waiting(self) -> list[Shipment]:
        """Return those among whom is the one that waits longest."""
        queued = self._lanes.oldest()
        held = self._all_held()
        return held if queued is None else [*held, queued]

    def held_by(self, task: asyncio.Task[None]) -> Shipment | None:
        """Return the one in hand that this task brings."""
        return next((one for one in self._all_held() if one.task is task), None)

    def _all_held(self) -> list[Shipment]:
        return [one for lane in self._held.values() for one in lane]

    def under_way(self, recipient: Hashable) -> Shipment | None:
        """Return the one in hand, or handed over, to a recipient."""
        return self._lanes.under_way(recipient)

    # In and out of the lanes

    def take_at_once(self, shipment: Shipment) -> bool:
        """Hold a new message at once, where it need not wait for any other.

        Returns:
            `False` where it has to wait.
        """
        place = self._lanes.take_at_once(
            shipment,
            lane=shipment.lane,
            recipient=shipment.recipient,
            flow=shipment.flow,
        )
        if place is not None:
            self.hold(place, lane=shipment.lane)
        return place is not None

    def push(self, shipment: Shipment) -> None:
        """Add a new message, which waits in its lane."""
        place = self._lanes.push(
            shipment,
            lane=shipment.lane,
            recipient=shipment.recipient,
            flow=shipment.flow,
        )
        shipment.queue(place)
        self.move(shipment, _QUEUED)

    def pop(self, lane: Lane) -> Place[Shipment] | None:
        """Remove the next of a lane, and return its place."""
        return self._lanes.pop(lane)

    def hold(self, place: Place[Shipment], *, lane: Lane) -> None:
        """Hold one that was taken out of this lane."""
        shipment = place.item
        # A bulk message before a reply to the same recipient goes with it.
        shipment.hold(place, lane=lane)
        self.move(shipment, _HELD)

    def promote(self, shipment: Shipment) -> None:
        """Move one that is held to the interactive lane."""
        if shipment.stage is _HELD:
            self._held[shipment.lane].discard(shipment)
            self._held[Lane.INTERACTIVE].add(shipment)
        shipment.promote()

    # From stage to stage

    def move(self, shipment: Shipment, to: Stage) -> None:
        """Bring a message to another stage, and count it there.

        Raises:
            RuntimeError: There is no such move.
        """
        was = shipment.enter(to)
        if was is _MADE:
            self._enter(shipment)
        elif was is _HELD:
            self._held[shipment.lane].discard(shipment)
        elif was is _QUEUED:
            self.queued_count -= 1
        if to is _HELD:
            self._held[shipment.lane].add(shipment)
            self.bulk_begun_count += shipment.is_bulk_begun and was is not _LEFT
        elif to is _QUEUED:
            self.queued_count += 1
        elif to is _SETTLED:
            self._leave(shipment)
        if shipment.is_single:
            self.waiting_single_count += (to in _WAITING) - (was in _WAITING)

    def _enter(self, shipment: Shipment) -> None:
        self._here[shipment] = None
        self.slotless_count += not shipment.needs_slot

    def _leave(self, shipment: Shipment) -> None:
        del self._here[shipment]
        self.slotless_count -= not shipment.needs_slot
        self.bulk_begun_count -= shipment.is_bulk_begun
        if not self._here:
            self._emptied.tell()

    # The end

    def settle(self, shipment: Shipment, outcome: Outcome) -> None:
        """Give a message its one outcome, and let its recipient's next pass."""
        if shipment.stage in _BEGUN and shipment.place is not None:
            self._lanes.done(shipment.place)
        shipment.end()
        self.move(shipment, _SETTLED)
        if shipment.is_watched or isinstance(outcome, Unknown):
            record = shipment.record_settled(outcome, at=loop_time())
            # A copy: its task may be within it just now.
            shipment.context.copy().run(self._telling.tell, record)
        if self.on_end is not None:
            self.on_end(shipment, outcome)
        shipment.on_settled(outcome)

    def withdraw(self, shipment: Shipment, error: UnsentError | RejectedError) -> bool:
        """Withdraw a message; `False` if it does not wait any more.

        It ends with this error, at once or a moment later. One that has left does
        so too where it turns out that it surely did nothing.
        """
        outcome = withdrawn(shipment, error)
        if shipment.stage not in _WAITING:
            shipment.withdraw_late(error)
            return False
        shipment.withdraw(error)
        if shipment.place and self._lanes.remove(shipment.place):
            self.settle(shipment, outcome)
        elif shipment.task:
            shipment.task.cancel()
        return True

    def note_cut_off(self) -> None:
        """Count one that was cancelled; anew where the last one was long ago."""
        now = loop_time()
        if now > self._cut_off_at + TOGETHER_SECONDS:
            self.cut_off_count = 0
        self._cut_off_at = now
        self.cut_off_count += 1

    def withdraw_hopeless(self, pace: Pace, now: float) -> None:
        """Withdraw the single ones whose time is up before a pause is over."""
        waiting = [s for s in self._here if s.is_single and s.stage in _WAITING]
        for shipment in waiting:
            refusal = paused_beyond(shipment.deadline, pace, now=now)
            if refusal is not None:
                self.withdraw(shipment, refusal)
