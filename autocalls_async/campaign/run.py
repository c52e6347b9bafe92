"""Messages in, outcomes out as they settle: a run of `send_many`."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Sized
from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, frozen

from autocalls_async.campaign.breaker import Breaker, Reason
from autocalls_async.campaign.reader import MakeShipment, Reader
from autocalls_async.campaign.source import Source
from autocalls_async.engine.dispatcher import Dispatcher
from autocalls_async.engine.home import tell_of_neglect
from autocalls_async.engine.shipment import Page, Shipment
from autocalls_async.http.loop import loop_time
from autocalls_async.model.errors import RunStoppedError, UnsentError
from autocalls_async.model.later import Later
from autocalls_async.model.naming import show_in
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from autocalls_async.model.plain import Plain
from autocalls_async.policy.pace import Pace

if TYPE_CHECKING:
    from autocalls_async.campaign import ledger as _ledger
else:
    _ledger = Later("autocalls_async.campaign.ledger")


@frozen(kw_only=True)
class Progress(Plain):
    """How far a run has come, for a progress bar.

    Attributes:
        accepted: Messages that ended as `Accepted`; the others likewise.
        taken: Messages read from the source.
        skipped: Those of them that the journal, or an equal message, had seen to.
        total: How many the source holds, where it has a length.
        elapsed: Seconds since the first message was asked for.
        eta: Seconds until the last will have left, where `total` is known: from
            the limit at first, later from the rate so far.
    """

    accepted: int = 0
    rejected: int = 0
    unsent: int = 0
    unknown: int = 0
    taken: int = 0
    skipped: int = 0
    total: int | None = None
    elapsed: float = 0.0
    eta: float | None = None

    _also: ClassVar[tuple[str, ...]] = ("done", "rate")

    @property
    def done(self) -> int:
        """Messages that have an outcome."""
        return self.accepted + self.rejected + self.unsent + self.unknown

    @property
    def rate(self) -> float:
        """Outcomes a second, over the whole run."""
        return self.done / self.elapsed if self.elapsed else 0.0


class _Meter:
    """Measures how far a run has come."""

    def __init__(self, *, total: int | None) -> None:
        self._total = total
        self._started_at: float | None = None
        self._ended_at: float | None = None
        self._ends: Counter[type[Outcome]] = Counter()

    @property
    def is_begun(self) -> bool:
        """Whether the first message was asked for."""
        return self._started_at is not None

    def begin(self) -> None:
        """Let the time run."""
        self._started_at = loop_time()

    def count(self, outcome: Outcome) -> None:
        """Count one."""
        self._ends[type(outcome)] += 1

    def end(self) -> None:
        """Stop the time."""
        self._ended_at = loop_time()

    def read(self, *, taken: int, skipped: int, seconds_per_send: float) -> Progress:
        """Return where the run is now."""
        elapsed = 0.0
        if self._started_at is not None:
            elapsed = (self._ended_at or loop_time()) - self._started_at
        ends, eta = self._ends, None
        if self._total is not None:
            done = ends.total()
            seconds_each = max(elapsed / done if done else 0.0, seconds_per_send)
            eta = (self._total - done - skipped) * seconds_each
        return Progress(
            accepted=ends[Accepted],
            rejected=ends[Rejected],
            unsent=ends[Unsent],
            unknown=ends[Unknown],
            taken=taken,
            skipped=skipped,
            total=self._total,
            elapsed=elapsed,
            eta=eta,
        )

    def describe(self, *, taken: int) -> str:
        """Return the same in words, outside the event loop too."""
        state = "under way" if self._ended_at is None else "ended"
        if not self.is_begun:
            state = "not begun: iterate over it"
        kinds = (Accepted, Rejected, Unsent, Unknown)
        counts = [f"{self._ends[kind]} {kind.__name__.lower()}" for kind in kinds]
        return f"{state}; {taken} taken, {', '.join(counts)}"


class Run:
    """A run of many messages: iterate over it for their outcomes, as they settle.

    Every message taken from the source has exactly one outcome, unless a journal
    saw to it before. No message's failure ends the iteration; it ends by raising,
    after the last outcome:

    - `RunStoppedError` where the run ended before its source did: the service
      refused what every further message would meet (a 401, a 402, its only
      sender offline), it could not be reached for long, 10 of the last 20 messages
      ended as unknown, `stop()` was called, or the client was closed;
    - what the source raised, or the `ValueError` of what it gave;
    - what the journal raised, such as a `JournalConflictError`: up to 64 messages
      that were read together with the one it names were not taken, and have none.

    The source is read only as fast as messages are served: at most 64 are
    between it and whoever takes the outcomes. Leaving the loop early withdraws
    what is not handed over.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        source: Source,
        *,
        make_shipment: MakeShipment,
        pace: Pace,
        ledger: "_ledger.Ledger | None" = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._pace = pace
        self._ledger = ledger
        self._meter = _Meter(total=len(source) if isinstance(source, Sized) else None)
        self._reader = Reader(source, make_shipment=make_shipment, ledger=ledger)
        self._reading: asyncio.Task[None] | None = None
        self._breaker = Breaker()
        # Messages that are on their way, by their place in the source.
        self._pending: dict[int, Shipment] = {}
        self._ready: deque[Outcome] = deque()
        self._news = asyncio.Event()
        self._read_no_further: Reason | None = None
        self._taken_back: Reason | None = None
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
        return self._meter.read(
            taken=self._reader.taken_count,
            skipped=self._reader.skipped_count,
            seconds_per_send=self._pace.seconds_per_send,
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

    def _stop(self, reason: Reason) -> None:
        self._stop_reading(reason)
        self._taken_back = reason
        for shipment in list(self._pending.values()):
            self._withdraw(shipment, reason)

    def _withdraw(self, shipment: Shipment, reason: Reason) -> None:
        detail = f"the run stopped: {reason.detail}"
        error = UnsentError(detail=detail, remedy=reason.remedy)
        error.__cause__ = reason.cause
        self._dispatcher.withdraw(shipment, error)

    # Each message

    def _take_in(self, number: int, shipment: Shipment) -> None:
        self._pending[number] = shipment
        self._breaker.note_sender(shipment.sender_id)
        self._dispatcher.submit(shipment)
        if self._taken_back is not None:
            self._withdraw(shipment, self._taken_back)

    def _settle(self, number: int, outcome: Outcome) -> None:
        shipment = self._pending.pop(number)
        is_withdrawn = shipment.withdrawn is not None
        self._has_withdrawn |= is_withdrawn
        self._meter.count(outcome)
        self._ready.append(evolve(outcome, index=number))
        self._news.set()
        if shipment.page is not None:
            self._note_in_journal(shipment.page, outcome, is_withdrawn=is_withdrawn)
        if (reason := self._breaker.judge(outcome)) is not None:
            self._stop(reason)

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
        reading = self._reading = self._begin_to_read()
        try:
            while (outcome := await self._next(reading)) is not None:
                yield outcome
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

    async def _next(self, reading: asyncio.Task[None]) -> Outcome | None:
        while not self._ready:
            if reading.done() and not self._pending:
                return None
            self._news.clear()
            await self._news.wait()
        self._reader.room.give_back()
        return self._ready.popleft()

    async def _leave(self, reading: asyncio.Task[None]) -> None:
        if self._pending:
            self._stop(Reason("its outcomes are no longer taken"))
        reading.cancel()
        await asyncio.wait([reading])
        if self._ledger is not None:
            while self._pending:  # what is in flight has yet to be noted
                self._news.clear()
                await self._news.wait()
            await self._ledger.aclose()

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


show_in("autocalls_async", "Progress", "Run", of=globals())
