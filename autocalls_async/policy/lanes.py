"""Who is next: lanes, fair flows, and order within a recipient.

Pure: no I/O, no clock, no asyncio.

Messages to one recipient form a chain, and a chain has at most one message
under way: so they leave in the order of submission, whatever their lanes.
Chains wait in lanes. A chain that holds an interactive message waits in the
interactive lane, with all that was submitted before it: else a reply would wait
behind a whole campaign for the one bulk message to the same recipient.
"""

from collections import OrderedDict
from collections.abc import Hashable
from enum import StrEnum
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from autocalls_async.model.values.naming import show_in

T = TypeVar("T")

BULK_SHARE = 5
"""While interactive messages keep coming, every fifth to leave is a bulk one."""

_CLEAN_LEAST = 64  # entries; to look through fewer is not worth it


class Lane(StrEnum):
    """One priority class of the queue."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


# Looked up once: before CPython 3.12 a member costs ten times a global name.
_BULK = Lane.BULK
_INTERACTIVE = Lane.INTERACTIVE


class Share:
    """Chooses the lane to be served: interactive first, but bulk has its share."""

    def __init__(self) -> None:
        self._streak = 0

    @property
    def is_bulk_due(self) -> bool:
        """Whether it is a bulk one's turn, if there is any."""
        return self._streak >= BULK_SHARE - 1

    def count_until_bulk(self, ahead: int) -> int:
        """Return how many leave at most before a bulk one with so many ahead of it."""
        return max(0, BULK_SHARE - 1 - self._streak) + ahead * BULK_SHARE

    def choose(self, *, interactive: bool, bulk: bool) -> Lane | None:
        """Return the lane that is next, given which of them could leave now."""
        if bulk and (self.is_bulk_due or not interactive):
            return _BULK
        return _INTERACTIVE if interactive else None

    def note_left(self, lane: Lane, *, bulk_waits: bool) -> None:
        """Note that one of this lane has left, and whether any bulk one waits."""
        if lane is _BULK:
            self._streak = 0
        else:  # nobody is kept waiting where no bulk waits
            self._streak += bulk_waits


class Place(Generic[T]):
    """One item's place in the queue."""

    __slots__ = ("flow", "item", "lane", "order", "recipient")

    def __init__(
        self, item: T, *, order: int, lane: Lane, flow: Hashable, recipient: Hashable
    ) -> None:
        self.item: T = item
        self.order: int = order
        self.lane: Lane = lane
        self.flow: Hashable = flow
        self.recipient: Hashable = recipient


class _Chain(Generic[T]):
    """What waits for one recipient, in order of submission."""

    __slots__ = ("entry", "interactive_count", "places")

    def __init__(self) -> None:
        self.places: OrderedDict[int, Place[T]] = OrderedDict()
        self.interactive_count = 0
        # Where it waits; any other entry is stale.
        self.entry: _Entry[T] | None = None

    @property
    def lane(self) -> Lane:
        return _INTERACTIVE if self.interactive_count else _BULK

    @property
    def head(self) -> Place[T]:
        return next(iter(self.places.values()))


class _Entry(Generic[T]):
    """A chain in a lane, by the order of its head."""

    __slots__ = ("chain", "lane", "order")

    def __init__(self, order: int, lane: Lane, chain: _Chain[T]) -> None:
        self.order = order
        self.lane = lane
        self.chain = chain

    def __lt__(self, other: "_Entry[T]") -> bool:
        return self.order < other.order


class _Flow(Generic[T]):
    """The chains of one flow, first come first served."""

    def __init__(self) -> None:
        self._heap: list[_Entry[T]] = []
        self._clean_at = _CLEAN_LEAST

    def push(self, entry: _Entry[T]) -> None:
        heappush(self._heap, entry)
        if len(self._heap) >= self._clean_at:
            # Drop what went stale; doubling keeps the cost of a push constant.
            self._heap = [e for e in self._heap if e.chain.entry is e]
            heapify(self._heap)
            self._clean_at = max(_CLEAN_LEAST, 2 * len(self._heap))

    def pop(self) -> _Chain[T] | None:
        while self._heap:
            entry = heappop(self._heap)
            if entry.chain.entry is entry:
                return entry.chain
        return None


class _Waiting(Generic[T]):
    """The chains of one lane: its flows are served in turn."""

    def __init__(self) -> None:
        self._flows: OrderedDict[Hashable, _Flow[T]] = OrderedDict()

    def add(self, flow: Hashable, entry: _Entry[T]) -> None:
        self._flows.setdefault(flow, _Flow()).push(entry)

    def pop(self) -> _Chain[T] | None:
        while self._flows:
            name, flow = next(iter(self._flows.items()))
            chain = flow.pop()
            if chain is not None:
                self._flows.move_to_end(name)
                return chain
            del self._flows[name]
        return None


class Lanes(Generic[T]):
    """The queue of one account. Every operation takes logarithmic time at most."""

    def __init__(self) -> None:
        self._orders = count()
        self._chains: dict[Hashable, _Chain[T]] = {}  # of those who wait
        self._under_way: dict[Hashable, Place[T]] = {}  # one of a recipient
        self._waiting: dict[Lane, _Waiting[T]] = {lane: _Waiting() for lane in Lane}
        self._queued: OrderedDict[int, Place[T]] = OrderedDict()
        self._depths = dict.fromkeys(Lane, 0)

    def __len__(self) -> int:
        return len(self._queued)

    def depth(self, lane: Lane) -> int:
        """Return how many items were put into this lane and wait."""
        return self._depths[lane]

    def oldest(self) -> T | None:
        """Return the item that has waited longest."""
        return next(iter(self._queued.values())).item if self._queued else None

    def push(
        self, item: T, *, lane: Lane, recipient: Hashable, flow: Hashable = None
    ) -> Place[T]:
        """Put an item at the end of its recipient's chain.

        Args:
            item: What waits.
            lane: Its priority.
            recipient: Items of one recipient leave in the order of their coming.
            flow: Flows of one lane are served in turn, whatever their length.
        """
        place = Place(
            item, order=next(self._orders), lane=lane, flow=flow, recipient=recipient
        )
        chain = self._chains.get(recipient)
        if chain is None:
            chain = self._chains[recipient] = _Chain()
        chain.places[place.order] = place
        chain.interactive_count += lane is _INTERACTIVE
        self._queued[place.order] = place
        self._depths[lane] += 1
        self._line_up(chain)
        return place

    def pop(self, lane: Lane) -> Place[T] | None:
        """Return the next item of a lane; its recipient's others wait for `done`."""
        chain = self._waiting[lane].pop() if self._queued else None
        if chain is None:
            return None
        chain.entry = None
        place = chain.head
        self._under_way[place.recipient] = place
        self._take_out(place, chain)
        return place

    def take_at_once(
        self, item: T, *, lane: Lane, recipient: Hashable, flow: Hashable = None
    ) -> Place[T] | None:
        """Return a place as `push` and `pop` would, where nobody else waits.

        `None` where it has to be pushed: somebody waits, or is under way to the same
        recipient.
        """
        if self._queued or recipient in self._under_way:
            return None
        place = self._under_way[recipient] = Place(
            item, order=next(self._orders), lane=lane, flow=flow, recipient=recipient
        )
        return place

    def under_way(self, recipient: Hashable) -> T | None:
        """Return the item of a recipient that was taken out and is not done."""
        place = self._under_way.get(recipient)
        return None if place is None else place.item

    def done(self, place: Place[T]) -> None:
        """Free the recipient's next item: the popped one has ended."""
        del self._under_way[place.recipient]
        chain = self._chains.get(place.recipient)
        if chain is not None:
            self._line_up(chain)

    def remove(self, place: Place[T]) -> bool:
        """Remove an item wherever it waits; `False` if it does not wait here."""
        if place.order not in self._queued:
            return False
        self._take_out(place, self._chains[place.recipient])
        return True

    def _take_out(self, place: Place[T], chain: _Chain[T]) -> None:
        del chain.places[place.order]
        del self._queued[place.order]
        chain.interactive_count -= place.lane is _INTERACTIVE
        self._depths[place.lane] -= 1
        if chain.places:
            self._line_up(chain)
        else:
            chain.entry = None
            del self._chains[place.recipient]

    def _line_up(self, chain: _Chain[T]) -> None:
        """Queue a chain where it now belongs."""
        head, entry = chain.head, chain.entry
        if head.recipient in self._under_way:
            return
        if entry is None or (entry.order, entry.lane) != (head.order, chain.lane):
            chain.entry = _Entry(head.order, chain.lane, chain)
            self._waiting[chain.lane].add(head.flow, chain.entry)


show_in("autocalls_async", "Lane", of=globals())
