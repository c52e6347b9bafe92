"""How many people a sender may begin to write to in 24 hours.

Pure: no I/O, no clock, no asyncio. Instants are seconds of the wall clock, so that a
journal can keep them from one run to the next.

Meta counts the people whom a sender writes to outside an open window, in any 24 hours.
Each has one place, however many messages go to them. A place is taken before the
message leaves, kept for a day from the last one that did or may have, and given back
where nothing was sent.
"""

from collections import OrderedDict
from itertools import islice

from attrs import define, field

DAY_SECONDS = 24 * 60 * 60.0
MARGIN_SECONDS = 60.0
"""So much later may a message arrive than it left, and the next one not."""


@define
class _People:
    """The people of one sender, by when a message to each last left."""

    left: OrderedDict[str, float] = field(factory=OrderedDict)
    under_way: dict[str, int] = field(factory=dict)

    def count(self) -> int:
        """Return how many have a place."""
        more = sum(person not in self.left for person in self.under_way)
        return len(self.left) + more

    def forget(self, now: float) -> None:
        """Let go of those whose last message is a day old."""
        while self.left and _frees_at(next(iter(self.left.values()))) <= now:
            self.left.popitem(last=False)


class DailyPeople:
    """Whom each sender has begun to write to in the last 24 hours."""

    def __init__(self) -> None:
        self._senders: dict[int, _People] = {}

    def count(self, sender_id: int, *, now: float) -> int:
        """Return how many people have a place now."""
        return self._of(sender_id, now).count()

    def take(self, sender_id: int, person: str, *, most: int, now: float) -> bool:
        """Take a person's place for one message; return whether there was one."""
        people = self._of(sender_id, now)
        is_known = person in people.left or person in people.under_way
        if not is_known and people.count() >= most:
            return False
        people.under_way[person] = people.under_way.get(person, 0) + 1
        return True

    def leave(self, sender_id: int, person: str, *, at: float) -> None:
        """Note when a message for which a place was taken left, or may have."""
        self._end(sender_id, person)
        self.note(sender_id, person, at=at)

    def give_back(self, sender_id: int, person: str) -> None:
        """Note that a message for which a place was taken was surely not sent."""
        self._end(sender_id, person)

    def note(self, sender_id: int, person: str, *, at: float) -> None:
        """Note a message that left before, as a journal tells; in any order."""
        left = self._senders.setdefault(sender_id, _People()).left
        if at < left.get(person, at):
            return
        is_last = not left or at >= next(reversed(left.values()))
        left[person] = at
        left.move_to_end(person)
        if not is_last:  # told late: a journal tells by the order of its rows
            ordered = sorted(left.items(), key=lambda item: item[1])
            self._senders[sender_id].left = OrderedDict(ordered)

    def frees_at(self, sender_id: int, *, most: int, now: float) -> float | None:
        """Return when the next person may be written to.

        Returns:
            `now` where one may already; `None` where it depends on messages that are
            under way.
        """
        people = self._of(sender_id, now)
        over = people.count() - most
        if over < 0:
            return now
        last = next(islice(people.left.values(), over, None), None)
        return None if last is None else _frees_at(last)

    def _of(self, sender_id: int, now: float) -> _People:
        people = self._senders.setdefault(sender_id, _People())
        people.forget(now)
        return people

    def _end(self, sender_id: int, person: str) -> None:
        under_way = self._senders[sender_id].under_way
        under_way[person] -= 1
        if not under_way[person]:
            del under_way[person]


def _frees_at(left_at: float) -> float:
    return left_at + DAY_SECONDS + MARGIN_SECONDS
