"""Messages in, outcomes out as they settle: a run of `send_many`."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sized
from typing import TYPE_CHECKING

from attrs import evolve

from autocalls_async.campaign.breaker import Breaker, Reason
from autocalls_async.campaign.progress import Meter, Progress
from autocalls_async.campaign.reader import MakeShipment, Reader
from autocalls_async.campaign.rules.held import HeldError
from autocalls_async.campaign.source import Source
from autocalls_async.clock import loop_time
from autocalls_async.engine.dispatcher import Dispatcher
from autocalls_async.engine.shipment import Page, Shipment
from autocalls_async.engine.telemetry.observers import tell_of_neglect
from autocalls_async.model.errors import RunStoppedError, UnsentError
from autocalls_async.model.later import Later
from autocalls_async.model.messages import Message
from autocalls_async.model.outcomes import Outcome, Unsent
from autocalls_async.model.values.naming import show_in
from autocalls_async.policy.pace import Pace

if TYPE_CHECKING:
    from autocalls_async.campaign import ledger as _ledger
    from autocalls_async.campaign import once as _once
    from autocalls_async.campaign import usher as _ushers
else:
    _ledger = Later("autocalls_async.campaign.ledger")
    _once = Later("autocalls_async.campaign.once")
    _ushers = Later("autocalls_async.campaign.usher")


class Run:
    """A run of many messages: iterate over it for their outcomes, as they settle.

    Every message taken from the source has exactly one outcome, unless a journal
    saw to it before. No message's failure ends the iteration; it ends by raising,
    after the last outcome:

    - `RunStoppedError` where the run ended before its source did: the service
      refused what every further message would meet (a 401, a 402, its only
      sender offline), it could not be reached for long, 10 of the last 20 messages
      ended as unknown, or were refused for one reason that is of no single message
      (a template, sender or permission; by a journal they can be sent again),
      `stop()` was called, or the client was closed;
    - what the source raised, or the `ValueError` of what it gave;
    - what the journal raised, such as a `JournalConflictError`: up to 64 messages
      that were read together with the one it names were not taken, and have none.

    The source is read only as fast as messages are served: at most 64 are
    between it and whoever takes the outcomes. Leaving the loop early withdraws
    what is not handed over; what is goes on, and only a journal or an observer is
    told how it ended. `stop()` lets the loop go on to the last outcome.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        source: Source,
        *,
        make_shipment: MakeShipment,
        pace: Pace,
        ledger: "_ledger.Ledger | None" = None,
        usher: "_ushers.Usher | None" = None,
        once_each: "_once.OnceEach | None" = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._pace = pace
        self._ledger = ledger
        self._meter = Meter(total=len(source) if isinstance(source, Sized) else None)
        self._usher = usher
        self._reader = Reader(
            source,
            make_shipment=make_shipment,
            ledger=ledger,
            usher=usher,
            once_each=once_each,
        )
        self._reading: asyncio.Task[None] | None = None
        self._calling: asyncio.Task[None] | None = None  # of what was put aside
        self._breaker = Breaker()
        # Messages that are on their way, by their place in the source.
        self._pending: dict[int, Shipment] = {}
        self._ready: deque[Outcome] = deque()
        self._news = asyncio.Event()
        self._read_no_further: Reason | None = None
        self._stop_reason: Reason | None = None
        self._fault: Exception | None = None  # of the journal
        self._has_withdrawn = False

    def __del__(self) -> None:
        if hasattr(self, "_has_withdrawn"):
            self.tell_if_never_begun()

    def tell_if_never_begun(self) -> None:
        """Warn once if nobody has iterated over it: then nothing was sent."""
        if not self._meter.is_begun and self._read_no_further is None:
            self._read_no_further = Reason("it was never begun")
            tell_of_neglect(
                "a run of send_many() was never iterated over, so none of its"
                " messages was sent; write `async for outcome in run: ...`"
            )

    def __aiter__(self) -> AsyncGenerator[Outcome, None]:
        """Begin to read the source and to send."""
        if self._meter.is_begun:
            msg = "a run can be iterated over once"
            raise RuntimeError(msg)
        self._meter.begin()
        return self._outcomes()

    def __repr__(self) -> str:
        return f"<Run, {self._meter.describe(taken=self._reader.taken_count)}>"

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        progress = self._meter.read(
            taken=self._reader.taken_count,
            skipped=self._reader.skipped_count,
            seconds_per_send=self._pace.seconds_per_send,
        )
        if self._usher is None or self._meter.is_over:
            return progress
        rest_count = self._usher.rest_count
        return evolve(
            progress,
            eta=None if rest_count else progress.eta,
            aside=rest_count,
            waits_until=self._usher.waits_until,
            doubt=self._usher.doubt,
        )

    # Stopping

    def stop(self) -> None:
        """Read no further, and withdraw what is not handed over yet.

        The iteration goes on until each message has its outcome, and then
        raises `RunStoppedError`.
        """
        self._stop(Reason("it was asked to stop"))

    def stop_reading(self, detail: str) -> None:
        """Read no further, but send what was taken in."""
        self._stop_reading(Reason(detail))

    def _stop_reading(self, reason: Reason) -> None:
        self._reader.stop()
        if self._reading is not None:
            self._reading.cancel()
        if self._read_no_further is None:
            self._read_no_further = reason
        if self._usher is not None:
            self._usher.dismiss()

    def _stop(self, reason: Reason) -> None:
        self._stop_reading(reason)
        self._stop_reason = reason
        for shipment in list(self._pending.values()):
            self._withdraw(shipment, reason)

    def _withdraw(self, shipment: Shipment, reason: Reason) -> None:
        self._dispatcher.withdraw(shipment, _stopped(reason))

    # Each message

    def _take_in(self, number: int, shipment: Shipment) -> None:
        if self._usher is not None:
            error = self._usher.admit(number, shipment)
            if isinstance(error, HeldError):
                self._leave_aside(shipment)
                return
            if error is not None:
                outcome = Unsent(message=shipment.message, error=error, index=number)
                self._conclude(outcome, shipment.page, is_withdrawn=False)
                return
        self._pending[number] = shipment
        self._breaker.note_sender(shipment.sender_id)
        self._dispatcher.submit(shipment, loop_time())
        if self._stop_reason is not None:
            self._withdraw(shipment, self._stop_reason)

    def _settle(self, outcome: Outcome) -> None:
        number = outcome.index
        assert number is not None  # noqa: S101  # each of a run has its place
        shipment = self._pending.pop(number)
        if self._usher is not None:
            if self._usher.ended(number, shipment, outcome):
                self._leave_aside(shipment)
                return
            self._check_used_up(self._usher)
        is_withdrawn = shipment.withdrawn is not None
        self._conclude(outcome, shipment.page, is_withdrawn=is_withdrawn)
        if (reason := self._breaker.judge(outcome)) is not None:
            self._stop(reason)

    def _conclude(
        self, outcome: Outcome, page: Page | None, *, is_withdrawn: bool
    ) -> None:
        """Give a message its one outcome."""
        self._has_withdrawn |= is_withdrawn
        self._meter.count(outcome)
        self._ready.append(outcome)
        self._news.set()
        if page is not None:
            self._note_in_journal(page, outcome, is_withdrawn=is_withdrawn)

    # What is put aside

    def _leave_aside(self, shipment: Shipment) -> None:
        """Let go of one that the usher has put aside: it may be another run's."""
        self._reader.room.give_back()
        if shipment.page is not None:
            shipment.page.put_aside()
        self._news.set()
        if self._usher is not None:
            self._check_used_up(self._usher)

    def _check_used_up(self, usher: "_ushers.Usher") -> None:
        if usher.is_used_up and self._stop_reason is None:
            self._stop(Reason(usher.used_up))

    def _give_up(self, number: int, message: Message) -> None:
        """End what was put aside: the run is to stop, and nobody will call it."""
        reason = self._read_no_further or Reason("it was asked to stop")
        outcome = Unsent(message=message, error=_stopped(reason), index=number)
        outcome.error.recipient_phone = message.recipient_phone
        self._conclude(outcome, None, is_withdrawn=True)

    @property
    def _has_rest(self) -> bool:
        if self._usher is None or self._calling is None or self._calling.done():
            return False  # what it had cannot be read: that is raised at the end
        return self._usher.rest_count > 0

    def _note_in_journal(
        self, page: Page, outcome: Outcome, *, is_withdrawn: bool
    ) -> None:
        """Note an outcome, which stands whatever the journal says to it."""
        try:
            page.settle(outcome, is_withdrawn=is_withdrawn)
        except Exception as error:  # noqa: BLE001  # a journal may be anybody's
            if self._fault is None:
                self._fault = error
                self._stop(Reason("its journal takes nothing more"))

    # The iteration

    async def _outcomes(self) -> AsyncGenerator[Outcome, None]:
        if self._ledger is not None:
            await self._ledger.open(self._dispatcher.guard.note_fallback)
        if self._usher is not None:
            await self._begin_to_call(self._usher)
        reading = self._reading = self._begin_to_read()
        try:
            while await self._has_more(reading):
                while self._ready:
                    self._reader.room.give_back()
                    yield self._ready.popleft()
        finally:
            self._meter.end()
            leaving = asyncio.create_task(self._leave(reading), name="autocalls run")
            # Cancelled once more it goes on by itself: the journal is to be told of
            # what is in flight, and then closed.
            await asyncio.shield(leaving)
        self._raise_failure(reading)

    def _begin_to_read(self) -> asyncio.Task[None]:
        reading = asyncio.create_task(
            self._reader.read(take_in=self._take_in, settle=self._settle),
            name="autocalls source",
        )
        reading.add_done_callback(lambda _: self._news.set())
        if self._read_no_further is not None:
            reading.cancel()
        return reading

    async def _begin_to_call(self, usher: "_ushers.Usher") -> None:
        try:
            await usher.begin()
        except BaseException:
            if self._ledger is not None:
                await self._ledger.aclose()
            raise
        self._calling = asyncio.create_task(
            self._reader.call_again(
                usher,
                take_in=self._take_in,
                settle=self._settle,
                give_up=self._give_up,
            ),
            name="autocalls usher",
        )
        self._calling.add_done_callback(self._on_call_over)

    def _on_call_over(self, calling: asyncio.Task[None]) -> None:
        """Stop where those who wait cannot be called any more."""
        if not calling.cancelled() and (error := calling.exception()):
            if isinstance(error, Exception) and self._fault is None:
                self._fault = error
            self._stop(Reason("what was put aside cannot be sent"))
        self._news.set()

    async def _has_more(self, reading: asyncio.Task[None]) -> bool:
        """Wait until an outcome is ready; `False` where there will be none."""
        while not self._ready:
            if reading.done() and not self._pending and not self._has_rest:
                return False
            self._news.clear()
            await self._news.wait()
        return True

    async def _leave(self, reading: asyncio.Task[None]) -> None:
        if self._pending:
            self._stop(Reason("its outcomes are no longer taken"))
        reading.cancel()
        await asyncio.wait([reading])
        if self._calling is not None:
            self._calling.cancel()
            await asyncio.wait([self._calling])
        if self._usher is not None:
            self._usher.close()
        self._reader.close()
        if self._ledger is not None:
            while self._pending:  # what is in flight has yet to be noted
                self._news.clear()
                await self._news.wait()
            await self._close(self._ledger)

    async def _close(self, ledger: "_ledger.Ledger") -> None:
        try:
            if self._stop_reason is not None and self._stop_reason.of_all is not None:
                await ledger.take_back(self._stop_reason.of_all)
        finally:
            await ledger.aclose()

    def _raise_failure(self, reading: asyncio.Task[None]) -> None:
        if self._fault is not None:
            raise self._fault
        if not reading.cancelled() and (error := reading.exception()):
            raise error
        if self._reader.is_at_end and not self._has_withdrawn:
            return
        reason = self._read_no_further or Reason("its source was cancelled")
        raise RunStoppedError(
            detail=reason.detail,
            remedy=reason.remedy,
            cause=reason.cause,
            taken_count=self._reader.taken_count,
        ) from reason.cause


def _stopped(reason: Reason) -> UnsentError:
    """Return how a message ends that had not left when its run stopped."""
    detail = f"the run stopped: {reason.detail}"
    error = UnsentError(detail=detail, remedy=reason.remedy)
    error.__cause__ = reason.cause
    return error


show_in("autocalls_async", "Run", of=globals())
