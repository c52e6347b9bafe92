"""One send, from top to bottom: its window, its attempts, its fallback.

Messages are taken in hand ahead of their turns. Each is checked and connected, takes
its turn at the gate, has its intent noted, is looked at once more, and is handed over;
then its answer is read and accounted for.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from autocalls_async.clock import loop_time
from autocalls_async.engine.asking.guard import WindowGuard
from autocalls_async.engine.attempts import (
    CUT_SHORT,
    Attempt,
    Call,
    Exchange,
    TryAgain,
    did_nothing,
)
from autocalls_async.engine.endings import accepted, cut_short, failed
from autocalls_async.engine.gate.gate import Gate, Look
from autocalls_async.engine.gate.turns import TURNED_BACK, Stop, TurnedBack
from autocalls_async.engine.shipment import Shipment, Stage
from autocalls_async.engine.shipments import Shipments
from autocalls_async.engine.telemetry.observers import Telling
from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import Request, send_request
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.http.transport.late import LateLine
from autocalls_async.http.transport.line import Line
from autocalls_async.model.errors import (
    RejectedError,
    TemplateRequiredError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.later import Later
from autocalls_async.model.messages import Message
from autocalls_async.model.outcomes import Outcome
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.slots import Departure
from autocalls_async.policy.verdict import Seen

if TYPE_CHECKING:
    from autocalls_async.engine.telemetry import records
    from autocalls_async.http import replies
else:
    # most programs observe no step
    records = Later("autocalls_async.engine.telemetry.records")
    # cattrs comes with the first answer
    replies = Later("autocalls_async.http.replies")

# Looked up once: before CPython 3.12 a member costs ten times a global name.
_INTERACTIVE = Lane.INTERACTIVE
_LEFT = Stage.LEFT
_BULK = Lane.BULK
_RATE_LIMITED = Seen.RATE_LIMITED
HELD_SECONDS = 2.0
"""So much work, at the pace, is checked and connected ahead of its turn: enough to
hide both, and so little that no connection waits long and no window closes."""

MAX_IN_HAND = 64
"""Messages of one lane that are checked and connected ahead, at whatever pace."""

SPARED_CONNECTIONS = 2
"""Of a lent session's pool, so many are never held by bulk messages."""


class Sends:
    """Brings messages to their outcomes."""

    def __init__(  # each is a thing it works with
        self,
        exchange: Exchange,
        *,
        gate: Gate,
        guard: WindowGuard,
        telling: Telling,
        shipments: Shipments,
    ) -> None:
        """Begin with nothing under way.

        Args:
            exchange: Connects, asks, and decides what follows.
            gate: Every send leaves through it.
            guard: Knows the windows.
            telling: Is told of each step.
            shipments: Where each message stands.
        """
        self._exchange = exchange
        self._outage = exchange.outage
        self._gate = gate
        self._guard = guard
        self._telling = telling
        self._shipments = shipments
        at_pace = round(HELD_SECONDS / gate.pace.limit.gap)
        self._hand_count = min(max(1, at_pace), MAX_IN_HAND)
        # Of a lent pool, bulk leaves the last connections to replies.
        self._bulk_most = max(1, exchange.pool_size - SPARED_CONNECTIONS)
        # Then bulk may hold no connection before its turn has come.
        self._connects_bulk_late = exchange.pool_size <= SPARED_CONNECTIONS
        self._if_never_run = self._end_never_run  # one object for all

    # Ahead

    def take_ahead(self) -> None:
        """Begin with as many messages as may be checked and connected ahead."""
        if not self._shipments.queued_count:
            return
        for lane in Lane:
            while self.has_room(lane) and (place := self._shipments.pop(lane)):
                self._shipments.hold(place, lane=lane)
                self.begin(place.item)

    def has_room(self, lane: Lane) -> bool:
        """Whether one more of a lane may be checked and connected ahead."""
        if self._shipments.count_held(lane) >= self._hand_count:
            return False
        if lane is _INTERACTIVE:
            return True
        return self._shipments.bulk_begun_count < self._bulk_most

    def begin(self, shipment: Shipment) -> None:
        """Bring one that is in hand on its way, in the context of who submitted it."""
        shipment.start(self._bring(shipment), if_never_run=self._if_never_run)

    async def _bring(self, shipment: Shipment) -> None:
        """Bring one to its outcome, and settle it: none ends in silence."""
        shipment.note_started(if_never_run=self._if_never_run)
        try:
            outcome = await self.send(shipment)
        except asyncio.CancelledError:
            self._end_cut_short(shipment)
        except GeneratorExit:  # it is destroyed, and so is all else
            raise
        except BaseException as error:
            self._end(shipment, failed(shipment, error))
            if not isinstance(error, Exception):
                raise
        else:
            self._end(shipment, outcome)

    def _end_never_run(self, task: asyncio.Task[None]) -> None:
        shipment = self._shipments.held_by(task)
        if shipment is not None:
            self._end_cut_short(shipment)

    def _end_cut_short(self, shipment: Shipment) -> None:
        """Settle a message whose task was cancelled."""
        outcome = cut_short(shipment)
        if shipment.withdrawn is None and shipment.stage is Stage.HELD:
            self._shipments.note_cut_off()
        self._end(shipment, outcome)

    def _end(self, shipment: Shipment, outcome: Outcome) -> None:
        """Settle a message, and give its place to the next."""
        self._shipments.settle(shipment, outcome)
        self.take_ahead()

    # One message

    async def send(self, shipment: Shipment) -> Outcome:
        """Send a message, or its fallback; return what became of it."""
        reply = await self._call(shipment, shipment.message)
        if isinstance(reply, Reply):
            sent = replies.read_sent(reply)
            self._guard.learn_sent(shipment, sent.session_status, reply)
            return accepted(shipment, sent)
        if isinstance(reply, TemplateRequiredError):
            if shipment.stage is _LEFT:  # else it was our check that found it
                self._guard.learn_refused(shipment, reply)
            template = self._guard.take_fallback(shipment, reply)
            if template is not None:
                return await self._fall_back(shipment, template)
        return failed(shipment, reply)

    async def _fall_back(self, shipment: Shipment, template: Message) -> Outcome:
        """Send the template in place of a free text that was surely not sent."""
        self._hold_again(shipment)
        shipment.fall_back()
        reply = await self._call(shipment, template)
        if isinstance(reply, Reply):
            return accepted(shipment, evolve(replies.read_sent(reply), fell_back=True))
        if isinstance(reply, RejectedError | UnsentError):
            self._guard.return_fallback(shipment)
        return failed(shipment, reply)

    async def _call(
        self, shipment: Shipment, message: Message
    ) -> Reply | BaseException:
        """Make attempts until one settles it; return the answer, or what else did."""
        request = send_request(message, sender_id=shipment.sender_id)
        now = loop_time()
        call = Call(request, shipment.deadline, began_at=now)
        while shipment.withdrawn is None:
            attempt = await self._attempt(shipment, request, now)
            if isinstance(attempt, Attempt):
                step = self._exchange.decide(call, attempt)
                if not isinstance(step, TryAgain):
                    return step
                shipment.note_failed(step.error)
                if step.seconds:
                    await asyncio.sleep(step.seconds)
            elif not isinstance(attempt, TurnedBack):
                return attempt
            now = loop_time()
        return shipment.withdrawn

    async def _attempt(
        self, shipment: Shipment, request: Request, now: float
    ) -> Attempt | Stop:
        """Make one attempt; return what it showed, or what stopped it before."""
        if not self._gate.is_open_soon(now):
            await self._gate.until_open_soon()
            now = loop_time()
        closings = self._guard.closing_count  # whichever comes after its check
        if not shipment.fell_back and not self._guard.knows_open(shipment, now):
            error = await self._guard.check(shipment)
            if error is not None:
                return error
        is_probe = self._outage.is_down and await self._outage.wait_for_turn()
        try:
            is_late = shipment.lane is _BULK and self._connects_bulk_late
            takes_spare = shipment.takes_spare
            line = await self._exchange.connect(
                request, takes_spare=takes_spare, is_late=is_late
            )
            if isinstance(line, Attempt):
                self._note_end(shipment, None, line)
                return line
            look = partial(self._look, shipment, closings)
            return await self._go(shipment, request, line, look)
        finally:
            if is_probe:
                self._outage.end_probe()

    async def _go(
        self, shipment: Shipment, request: Request, line: Line, look: Look
    ) -> Attempt | Stop:
        """Take the turn on a line that stands, hand over, read, and note the end."""
        departure, attempt = None, CUT_SHORT
        intends = shipment.page is not None or isinstance(line, LateLine)
        try:
            found = await self._gate.pass_through(
                shipment.come_to_gate(intends=intends),
                line,
                look=look,
                intend=partial(self._note_intent, shipment, line) if intends else None,
            )
            if not isinstance(found, Departure):
                if isinstance(found, AttemptFailed):
                    attempt = self._exchange.fail(found)
                    return attempt
                return _note_stayed(shipment, found)
            departure = found
            self._note_left(shipment, at=departure.started)
            # Nothing is awaited between here and the first byte.
            attempt = await self._exchange.ask(line, request)
            return attempt
        finally:
            line.close()
            self._note_end(shipment, departure, attempt)

    def _look(self, shipment: Shipment, closings: int, now: float) -> Stop | None:
        """Return why a message must not leave, as it stands at this instant.

        Args:
            shipment: Which was checked.
            closings: How many windows had been found closed by then.
            now: The instant.
        """
        if shipment.withdrawn is not None:  # by a step since it was told to wait
            return shipment.withdrawn
        if shipment.deadline is not None and now >= shipment.deadline:
            return UnsentError(detail="its time was up before it could leave")
        is_news = closings != self._guard.closing_count and not shipment.fell_back
        if is_news and self._guard.knows_closed(shipment, now):
            return TURNED_BACK
        if shipment.page is not None and (error := shipment.page.look()) is not None:
            return error
        if shipment.rule is None:
            return None
        return shipment.rule.look(is_outside=self._guard.is_outside(shipment))

    async def _note_intent(
        self, shipment: Shipment, line: Line
    ) -> BaseException | None:
        """Connect, where that was left for now, and note the intent for good."""
        if isinstance(line, LateLine):
            try:
                await line.stand()
            except AttemptFailed as error:
                return error
        if shipment.page is not None:
            try:
                await shipment.page.leaving(
                    fell_back=shipment.fell_back,
                    outside_window=self._guard.is_outside(shipment),
                )
            except (UnsentError, UnknownOutcomeError) as error:
                return error
        return None

    def _note_left(self, shipment: Shipment, *, at: float) -> None:
        """Give its place to the next: it is under way now."""
        shipment.leave(at=at)
        self._shipments.move(shipment, _LEFT)
        if shipment.is_watched:
            self._telling.tell(shipment.record_handed_over())
        self.take_ahead()

    def _note_end(
        self, shipment: Shipment, departure: Departure | None, attempt: Attempt
    ) -> None:
        """Account for how an attempt has ended."""
        seen = attempt.seen
        if departure is not None:
            shipment.land(at=(now := loop_time()))
            self._gate.landed(departure, seen, at=now, retry_after=attempt.retry_after)
            if shipment.is_watched:
                self._telling.tell(shipment.record_answered(seen))
            if seen is _RATE_LIMITED:
                self._note_pause()
        if did_nothing(seen):
            self._hold_again(shipment)

    def _note_pause(self) -> None:
        """Tell of a pause, and end those whose time is up before it is over."""
        now, pace = loop_time(), self._gate.pace
        if (pause := pace.not_before - now) > 0:
            self._telling.tell(records.Paused(at=now, seconds=pause))
            self._shipments.withdraw_hopeless(pace, now)

    def _hold_again(self, shipment: Shipment) -> None:
        """Hold it again: it surely did nothing, and may leave once more."""
        has_left = shipment.stage is _LEFT
        if has_left:
            self._shipments.move(shipment, Stage.HELD)
            shipment.come_back()
        if (page := shipment.page) is not None:
            page.came_back() if has_left else page.stayed()


def _note_stayed(shipment: Shipment, stop: Stop) -> Stop:
    """Return why it has not left; where it may yet, its intent is taken back."""
    if isinstance(stop, TurnedBack) and shipment.page is not None:
        shipment.page.stayed()
    return stop
