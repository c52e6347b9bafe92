"""Watching the service: each request from its arrival to its answer."""

from collections.abc import Mapping
from typing import Protocol

from attrs import define, field

from autocalls_async.emulator.answers import Answer
from autocalls_async.emulator.faults import Delay, Stall
from autocalls_async.emulator.records import AcceptedMessage, RecordedRequest
from autocalls_async.emulator.world import shapes
from autocalls_async.emulator.world.feed import Feed
from autocalls_async.emulator.world.requests import RequestLog, Seen
from autocalls_async.emulator.world.world import World


class Listener(Protocol):
    """Who takes in what requests bring."""

    def accepted(self, message: AcceptedMessage, request: int | None) -> int:
        """Take in a message, and return its number."""

    def ended(self) -> None:
        """Look at what a request changed."""

    def turned(self) -> None:
        """Look at what changed."""


@define(eq=False)
class Watch:
    """Keeps what arrived and what was answered; a `Watcher`."""

    world: World
    log: RequestLog
    feed: Feed
    listener: Listener
    _acting: RecordedRequest | None = field(init=False, default=None)
    _under_way: dict[int, Seen] = field(init=False, factory=dict)

    def arrived(
        self, request: RecordedRequest, headers: Mapping[str, str], raw: bytes
    ) -> None:
        """Keep a request that arrived whole."""
        began = self.world.loop_time()
        self._under_way[id(request)] = self.log.add(request, headers, raw, began=began)

    def struck(self, request: RecordedRequest) -> None:
        """Show a request already that a fault holds up."""
        seen = self._under_way.get(id(request))
        if seen is not None and isinstance(request.fault, Delay | Stall):
            seen.is_pending = True
            self._tell(seen)
        self.listener.turned()

    def acting(self, request: RecordedRequest) -> None:
        """Remember whose message comes next."""
        self._acting = request

    def accepted(self, message: AcceptedMessage) -> None:
        """Hand on a message, with the request that brought it."""
        seen = self._under_way.get(id(self._acting))
        number = self.listener.accepted(message, None if seen is None else seen.id)
        if seen is not None:
            seen.message = number

    def ended(self, request: RecordedRequest, answer: object) -> None:
        """Show what a request was answered."""
        seen = self._under_way.pop(id(request), None)
        if seen is None:
            return  # it began before anybody watched
        seen.is_pending = False
        seen.seconds = self.world.loop_time() - seen.began
        if isinstance(answer, Answer):
            seen.status = answer.status
            seen.answer = seen.hide(answer.payload()[0].decode(errors="replace"))
            seen.answer_headers = dict(answer.headers)
        self._tell(seen)
        self.listener.ended()

    def _tell(self, seen: Seen) -> None:
        shown = shapes.request(seen, self.world.clock.date_at, rate=self.world.rate)
        self.feed.add("request", shown)
