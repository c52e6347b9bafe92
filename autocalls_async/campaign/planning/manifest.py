"""What the messages of a campaign are, all together.

Pure: no I/O, no clock, no asyncio.

Messages are taken in one by one. What stays of one are two numbers of 8 bytes, a
hash of its key and its recipient's digits: some 150 bytes as Python keeps them.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from heapq import heappop, heappush

from attrs import define, field, frozen

from autocalls_async.campaign.rules.exclusions import Exclusions
from autocalls_async.journal.keys import derive_key, show_key, to_content
from autocalls_async.model.checks import choose_sender
from autocalls_async.model.errors import ExcludedError
from autocalls_async.model.messages import (
    FreeformMessage,
    Message,
    Pair,
    TemplateMessage,
    check_message,
)

MOST_NAMED = 10
"""Messages that are named by their position in the source."""


class EvenSample:
    """Pairs drawn evenly in one pass: those with the highest hashes.

    The same pairs give the same sample, whatever their order.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lowest_first: list[tuple[int, Pair]] = []
        self._needs_window: dict[Pair, bool] = {}

    def add(self, pair: Pair, *, has_fallback: bool) -> None:
        """Count a free text to this pair."""
        if pair in self._needs_window:
            self._needs_window[pair] = True  # only one text may fall back
            return
        rank = _hash(f"{pair.sender_id} {pair.recipient_phone}")
        heappush(self._lowest_first, (rank, pair))
        self._needs_window[pair] = not has_fallback
        if len(self._lowest_first) > self._most:
            del self._needs_window[heappop(self._lowest_first)[1]]

    @property
    def pairs(self) -> Mapping[Pair, bool]:
        """The pairs, and whether a text would be refused if its window were closed."""
        return self._needs_window


@define
class Spots:
    """Messages that have something in common, and where the first of them are."""

    count: int = 0
    positions: list[int] = field(factory=list)
    detail: str = ""

    def add(self, position: int, detail: str = "") -> None:
        """Note one more."""
        if not self.count:
            self.detail = detail
        self.count += 1
        if len(self.positions) < MOST_NAMED:
            self.positions.append(position)

    def __bool__(self) -> bool:
        return self.count > 0

    def merge(self, other: "Spots") -> None:
        """Note the others as well."""
        self.count += other.count
        self.positions = sorted({*self.positions, *other.positions})[:MOST_NAMED]


@define
class Load:
    """What one sender has to do. Digits of a number are exact, and need 8 bytes."""

    message_count: int = 0
    freeform_to: set[int] = field(factory=set)
    template_to: set[int] = field(factory=set)
    fallback_count: int = 0

    @property
    def recipient_count(self) -> int:
        """Distinct recipients."""
        more = sum(number not in self.freeform_to for number in self.template_to)
        return len(self.freeform_to) + more


@frozen
class Shape:
    """What a message gives a template: names, and those of them without a text."""

    names: frozenset[str]
    blank: frozenset[str]


class Manifest:
    """What the messages of a campaign are, all together.

    Args:
        sender_id: The sender of messages that name none.
        window_sample: Pairs of sender and recipient to look at, at most.
        exclusions: Whom to leave out.
    """

    def __init__(
        self,
        *,
        sender_id: int | None,
        window_sample: int,
        exclusions: Exclusions | None = None,
    ) -> None:
        self._sender_id = sender_id
        self._exclusions = exclusions
        self._contents: dict[int, int] = {}
        self.position: int = 0
        self.template_count: int = 0
        self.bad: Spots = Spots()
        self.excluded: Spots = Spots()
        self.zones: Counter[str | None] = Counter()
        self.duplicates: Spots = Spots()
        self.conflicts: Spots = Spots()
        self.loads: dict[int, Load] = {}
        self.shapes: dict[tuple[int, int], dict[Shape, Spots]] = {}
        self.sample: EvenSample = EvenSample(window_sample)

    @property
    def message_count(self) -> int:
        """What can be sent."""
        return self.position - self.bad.count - self.excluded.count

    def add(self, value: object) -> None:
        """Count the next message, or whatever stands in its place."""
        self.position += 1
        try:
            message = check_message(value)
            sender_id = choose_sender(message.sender_id, self._sender_id)
        except ValueError as error:
            self.bad.add(self.position, str(error))
            return
        if self._is_left_out(message):
            return
        self.zones[message.time_zone] += 1
        self._note_key(message, sender_id)
        load = self.loads.setdefault(sender_id, Load())
        load.message_count += 1
        number = int(message.recipient_phone)
        if isinstance(message, TemplateMessage):
            self.template_count += 1
            load.template_to.add(number)
            self._note_template(sender_id, message.template_id, message.variables)
        else:
            load.freeform_to.add(number)
            load.fallback_count += message.fallback is not None
            self._note_freeform(sender_id, message)

    def _is_left_out(self, message: Message) -> bool:
        if self._exclusions is None:
            return False
        error = self._exclusions.find(message.recipient_phone)
        if isinstance(error, ExcludedError):
            self.excluded.add(self.position)
        elif error is not None:
            self.bad.add(self.position, error.detail)
        return error is not None

    def _note_key(self, message: Message, sender_id: int) -> None:
        key = derive_key(to_content(message, sender_id))
        hashed = content = _hash(key)
        if message.key is not None:
            key, hashed = message.key, _hash(message.key)
        known = self._contents.get(hashed)
        if known is None:
            self._contents[hashed] = content
        elif known == content:
            self.duplicates.add(self.position)
        else:
            self.conflicts.add(self.position, show_key(key))

    def _note_freeform(self, sender_id: int, message: FreeformMessage) -> None:
        fallback = message.fallback
        pair = Pair(sender_id, message.recipient_phone)
        self.sample.add(pair, has_fallback=fallback is not None)
        if fallback is not None:
            self._note_template(sender_id, fallback.template_id, fallback.variables)

    def _note_template(
        self, sender_id: int, template_id: int, variables: Mapping[str, str]
    ) -> None:
        blank = frozenset(name for name, text in variables.items() if not text.strip())
        shape = Shape(frozenset(variables), blank)
        shapes = self.shapes.setdefault((sender_id, template_id), {})
        shapes.setdefault(shape, Spots()).add(self.position)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
