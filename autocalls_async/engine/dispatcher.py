"""The one door of the engine: messages in, outcomes out, and the end of it all.

A message that is here belongs to the client, not to whoever waits for it. What
becomes of it when somebody wants it back:

- Queued or held: it is unsent, whether its caller is cancelled, its time is up or
  the client is closed.
- Left: it goes on to its end. Where its time is up its caller is told that nobody
  knows; where the client is closed, after the drain, it ends as unknown.

One that had left and surely did nothing (a 429, or a closed window for which it has
a fallback) is held again: it goes on, unless somebody wanted it back meanwhile.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from autocalls_async.clock import Alarms, loop_time
from autocalls_async.engine.asking.guard import WindowGuard
from autocalls_async.engine.attempts import Exchange
from autocalls_async.engine.endings import unknown, unsent, withdrawn
from autocalls_async.engine.gate.gate import Gate
from autocalls_async.engine.sending import Sends
from autocalls_async.engine.shipment import OnSettled, Shipment
from autocalls_async.engine.shipments import Shipments
from autocalls_async.engine.telemetry.observers import Telling
from autocalls_async.model.checks import check_id
from autocalls_async.model.errors import (
    QueueFullError,
    RateLimitedError,
    RejectedError,
    UnsentError,
)
from autocalls_async.model.later import Later
from autocalls_async.model.outcomes import Outcome
from autocalls_async.policy.admission import (
    estimated_wait,
    full,
    hopeless,
    paused_beyond,
)
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.verdict import Kind

if TYPE_CHECKING:
    from autocalls_async.engine.telemetry import records
else:
    # most programs observe no step
    records = Later("autocalls_async.engine.telemetry.records")

# Looked up once: before CPython 3.12 a member costs ten times a global name.
_SEND = Kind.SEND
_READ = Kind.READ
_CALL_IDS = count(1)  # one count for all clients, whose logs may be one


class Dispatcher:
    """Takes messages in, and gives each of them its one outcome."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        send_gate: Gate,
        guard: WindowGuard,
        telling: Telling,
        max_queued: int | None = None,
    ) -> None:
        if max_queued is not None:
            check_id("max_queued", max_queued)
        self.guard = guard
        self._gate = send_gate
        self._telling = telling
        self._exchange = exchange
        self._shipments = Shipments(telling)
        self._sends = Sends(
            exchange,
            gate=send_gate,
            guard=guard,
            telling=telling,
            shipments=self._shipments,
        )
        self._max_queued = max_queued
        self._alarms = Alarms()
        self._is_closed = False

    # Taking in

    @property
    def status(self) -> "records.QueueStatus":
        """How busy the queue is. It costs the same however long the queue."""
        now, pace, shipments = loop_time(), self._gate.pace, self._shipments
        waits = [now - one.submitted_at for one in shipments.longest_waiting()]
        waiting = {lane: shipments.count_waiting(lane) for lane in Lane}
        return records.QueueStatus(
            interactive=waiting[Lane.INTERACTIVE],
            bulk=waiting[Lane.BULK],
            in_flight=len(shipments) - sum(waiting.values()),
            oldest_wait=max(waits, default=0.0),
            sends_in_last_second=pace.sends_in_last_second(now),
            estimated_wait=estimated_wait(waiting, pace, now=now),
            paused_seconds=max(0.0, pace.not_before - now),
            limiter_wait=self._gate.limiter_wait,
        )

    def tell_ends(self, tell: Callable[[Shipment, Outcome], None]) -> None:
        """Have somebody told how each message ended."""
        self._shipments.on_end = tell

    def submit(self, shipment: Shipment, now: float) -> None:
        """Queue a message; its `on_settled` is called exactly once."""
        is_watched = self._telling.is_heard
        shipment.submit(
            at=now,
            call_id=next(_CALL_IDS),
            host=self._exchange.host,
            is_watched=is_watched,
        )
        if self._is_closed:
            self._shipments.settle(shipment, unsent(shipment, "the client is closed"))
            return
        lane = shipment.lane
        may_begin = self._sends.has_room(lane)
        is_begun = may_begin and self._shipments.take_at_once(shipment)
        if not is_begun:
            self._shipments.push(shipment)
            ahead = self._shipments.under_way(shipment.recipient)
            if ahead is not None and lane is Lane.INTERACTIVE:
                self._promote(ahead)
        if is_watched:
            self._telling.tell(shipment.record_queued())
        if is_begun:
            self._sends.begin(shipment)
        else:
            self._sends.take_ahead()

    async def send(self, make: Callable[[OnSettled], Shipment]) -> Outcome:
        """Queue a message and wait for its outcome, up to its deadline.

        Raises:
            QueueFullError: Too many wait already, or longer than its time.
            RateLimitedError: The service has asked for a pause that is longer.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        shipment = make(partial(_resolve, future))
        now = loop.time()
        self._check_room(shipment, now)
        self.submit(shipment, now)
        if shipment.takes_spare:  # made while its window is asked for, or it waits
            self._exchange.make_ahead(_SEND, now=now)
        alarm = None
        if shipment.deadline is not None:
            expire = partial(self._expire, shipment, future)
            alarm = self._alarms.set(shipment.deadline, expire)
        try:
            outcome = await future
        except asyncio.CancelledError:
            error = UnsentError(detail="its caller was cancelled")
            if self.withdraw(shipment, error):
                self._shipments.note_cut_off()
            raise
        finally:
            if alarm is not None:
                self._alarms.call_off(alarm)
        if shipment.takes_spare:  # the next is likely
            self._exchange.make_ahead(_SEND, _READ, now=loop.time())
        return outcome

    def _check_room(self, shipment: Shipment, now: float) -> None:
        """Refuse at once what would surely wait in vain.

        Raises:
            QueueFullError: Too many wait already, or longer than its time.
            RateLimitedError: The service has asked for a pause that is longer.
        """
        ahead_count = self._shipments.count_ahead(shipment.lane)
        # Whoever meets nobody and no pause leaves at once, or is refused.
        is_alone = not ahead_count and self._gate.pace.not_before <= now
        shipment.note_arrival(
            needs_slot=is_alone or not self.guard.knows_closed(shipment, now),
            ahead_count=ahead_count,
        )
        refusal = self._find_refusal(shipment, now)
        if refusal is not None:
            refusal.recipient_phone = shipment.recipient_phone
            raise refusal

    def _find_refusal(
        self, shipment: Shipment, now: float
    ) -> QueueFullError | RateLimitedError | None:
        most = self._max_queued
        if most is not None and self._shipments.waiting_single_count >= most:
            return full(most, wait_seconds=self.status.estimated_wait)
        if not shipment.needs_slot:
            return None
        ahead = shipment.ahead_count - self._shipments.slotless_count
        return paused_beyond(shipment.deadline, self._gate.pace, now=now) or hopeless(
            shipment.deadline, ahead, self._gate.pace, now=now
        )

    def withdraw(self, shipment: Shipment, error: UnsentError | RejectedError) -> bool:
        """Withdraw a message; `False` if it may have left already.

        It ends with this error, at once or a moment later.
        """
        return self._shipments.withdraw(shipment, error)

    def _expire(self, shipment: Shipment, future: asyncio.Future[Outcome]) -> None:
        """Tell who waits that the time is up: they learn no more of the message."""
        error = self._reason_of_expiry(shipment)
        if self.withdraw(shipment, error):
            _resolve(future, withdrawn(shipment, error))
        else:
            detail = "its time was up before an answer came"
            _resolve(future, unknown(shipment, detail))

    def _reason_of_expiry(self, shipment: Shipment) -> UnsentError | RejectedError:
        """Return what was last seen, or else why its time was up."""
        if isinstance(shipment.last_error, UnsentError | RejectedError):
            return shipment.last_error
        why = ""
        if self._exchange.outage.is_down:
            why = ": the service cannot be reached"
        elif shipment.ahead_count:
            why = f": {shipment.ahead_count} messages waited before it"
        return UnsentError(detail=f"its time was up before it could leave{why}")

    def _promote(self, shipment: Shipment) -> None:
        """Move a bulk message that a reply waits for to the interactive lane."""
        turn = shipment.turn
        self._shipments.promote(shipment)
        if turn is not None and turn.lane is not Lane.INTERACTIVE:
            self._gate.promote(turn)

    # The end

    @property
    def cut_off_count(self) -> int:
        """Messages that wait here, or did when all tasks were cancelled just now."""
        return len(self._shipments) + self._shipments.cut_off_count

    async def aclose(self, *, drain_timeout: float) -> None:
        """Refuse new messages, wait for those that are here, and settle the rest."""
        self._is_closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_timeout):
                await self._shipments.until_empty()
        for shipment in self._shipments.all():
            error = UnsentError(detail="the client was closed")
            if not self.withdraw(shipment, error) and shipment.task:
                shipment.task.cancel()
        await self._shipments.until_empty()
        self._alarms.close()


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
