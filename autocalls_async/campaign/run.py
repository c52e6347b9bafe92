"""Messages in, outcomes out as they settle: a run of `send_many`."""

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Mapping,
    Sized,
)
from contextlib import aclosing
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from attrs import evolve, frozen

from autocalls_async.campaign.source import Source, each_of
from autocalls_async.engine.dispatcher import Dispatcher
from autocalls_async.engine.home import tell_of_neglect
from autocalls_async.engine.shipment import Settle, Shipment
from autocalls_async.http.loop import loop_time
from autocalls_async.model.errors import (
    AuthenticationError,
    AutocallsError,
    InsufficientBalanceError,
    RunStoppedError,
    SenderOfflineError,
    UnreachableError,
    UnsentError,
)
from autocalls_async.model.later import Later
from autocalls_async.model.naming import show_in
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from autocalls_async.model.plain import Plain
from autocalls_async.policy.pace import Pace

if TYPE_CHECKING:
    from autocalls_async.campaign import ledger as _ledger
else:
    _ledger = Later("autocalls_async.campaign.ledger")

T = TypeVar("T")

READ_AHEAD = 64
"""Messages taken from the source whose outcomes were not yet taken from the run."""

BREAKER_WINDOW = 20
BREAKER_COUNT = 10
"""A run stops when so many of its last messages to leave ended as unknown."""

_MEETS_ALL = (AuthenticationError, InsufficientBalanceError)
"""Refusals that would meet every further message."""

_END = object()


class MakeShipment(Protocol):
    """Makes a message ready to be submitted."""

    def __call__(self, message: object, settle: Settle, /) -> Shipment:
        """Make it.

        Raises:
            ValueError: It is no message, or has no sender.
        """


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


class _Counts:
    """How many messages ended in which way."""

    __slots__ = ("accepted", "rejected", "unknown", "unsent")

    def __init__(self) -> None:
        self.accepted = 0
        self.rejected = 0
        self.unsent = 0
        self.unknown = 0

    def add(self, outcome: Outcome) -> None:
        match outcome:
            case Accepted():
                self.accepted += 1
            case Rejected():
                self.rejected += 1
            case Unsent():
                self.unsent += 1
            case Unknown():
                self.unknown += 1


class _Reason:
    """Why a run reads no further."""

    __slots__ = ("cause", "detail")

    def __init__(self, detail: str, cause: AutocallsError | None) -> None:
        self.detail = detail
        self.cause = cause

    @property
    def remedy(self) -> str | None:
        """What has to be mended before another run."""
        return None if self.cause is None else self.cause.remedy


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
        self._source = source
        self._make_shipment = make_shipment
        self._pace = pace
        self._ledger = ledger
        # An async source may let a message wait for the next one.
        self._may_batch = ledger is not None and not isinstance(source, AsyncIterable)
        self._numbers = count()
        self._skipped_count = 0
        self._sender_ids: set[int] = set()
        self._is_read_to_end = False
        # Whether each of the last messages to leave ended as unknown.
        self._recent: deque[bool] = deque(maxlen=BREAKER_WINDOW)
        self._total = len(source) if isinstance(source, Sized) else None
        self._counts = _Counts()
        self._taken_count = 0
        self._started_at: float | None = None
        self._ended_at: float | None = None
        self._room = asyncio.Semaphore(READ_AHEAD)
        self._pending: dict[int, Shipment] = {}
        self._ready: deque[Outcome] = deque()
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._reason: _Reason | None = None
        self._is_stopped = False
        self._has_withdrawn = False

    def __del__(self) -> None:
        if hasattr(self, "_has_withdrawn"):
            self.tell_if_never_begun()

    def tell_if_never_begun(self) -> None:
        """Warn once if nobody has iterated over it: then nothing was sent."""
        if self._started_at is None and self._reason is None:
            self._reason = _Reason("it was never begun", None)
            tell_of_neglect(
                "a run of send_many() was never iterated over, so none of its"
                " messages was sent; write `async for outcome in run: ...`"
            )

    def __aiter__(self) -> AsyncGenerator[Outcome, None]:
        """Begin to read the source and to send."""
        if self._started_at is not None:
            msg = "a run can be iterated over once"
            raise RuntimeError(msg)
        self._started_at = loop_time()
        return self._outcomes()

    def __repr__(self) -> str:
        if self._started_at is None:
            state = "not begun: iterate over it"
        else:
            state = "under way" if self._ended_at is None else "ended"
        c = self._counts
        counts = f"{c.accepted} accepted, {c.rejected} rejected, {c.unsent} unsent"
        return (
            f"<Run, {state}; {self._taken_count} taken, {counts}, {c.unknown} unknown>"
        )

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        elapsed = 0.0
        if self._started_at is not None:
            elapsed = (self._ended_at or loop_time()) - self._started_at
        counts = self._counts
        done = counts.accepted + counts.rejected + counts.unsent + counts.unknown
        return Progress(
            accepted=counts.accepted,
            rejected=counts.rejected,
            unsent=counts.unsent,
            unknown=counts.unknown,
            taken=self._taken_count,
            skipped=self._skipped_count,
            total=self._total,
            elapsed=elapsed,
            eta=self._eta(done, elapsed),
        )

    def stop(self) -> None:
        """Read no further, and withdraw what is not handed over yet.

        The iteration goes on until each message has its outcome, and then
        raises `RunStoppedError`.
        """
        self._stop("it was asked to stop")

    def stop_reading(self, detail: str, cause: AutocallsError | None = None) -> None:
        """Read no further, but send what was taken in."""
        if self._reader is not None:
            self._reader.cancel()
        if self._reason is None:
            self._reason = _Reason(detail, cause)

    def _stop(self, detail: str, cause: AutocallsError | None = None) -> None:
        self.stop_reading(detail, cause)
        self._is_stopped = True
        self._withdraw(self._pending, _Reason(detail, cause))

    def _withdraw(self, shipments: Mapping[int, Shipment], reason: "_Reason") -> None:
        for shipment in list(shipments.values()):
            error = UnsentError(
                detail=f"the run stopped: {reason.detail}", remedy=reason.remedy
            )
            error.__cause__ = reason.cause
            self._dispatcher.withdraw(shipment, error)

    async def _outcomes(self) -> AsyncGenerator[Outcome, None]:
        if self._ledger is not None:
            await self._ledger.open(self._dispatcher.guard.note_fallback)
        self._reader = asyncio.create_task(self._read(), name="autocalls source")
        self._reader.add_done_callback(lambda _: self._news.set())
        if self._reason:
            self._reader.cancel()
        try:
            while (outcome := await self._next(self._reader)) is not None:
                yield outcome
        finally:
            self._ended_at = loop_time()
            await self._leave(self._reader)
            if self._ledger is not None:
                await self._close_ledger(self._ledger)
        self._raise_failure(self._reader)

    async def _next(self, reader: asyncio.Task[None]) -> Outcome | None:
        while not self._ready:
            if reader.done() and not self._pending:
                return None
            self._news.clear()
            await self._news.wait()
        self._room.release()
        return self._ready.popleft()

    async def _read(self) -> None:
        async with aclosing(each_of(self._source)) as messages:
            is_at_end = False
            while not is_at_end and self._reason is None:
                batch: dict[int, Shipment] = {}
                try:
                    is_at_end = await self._fill(batch, messages)
                finally:  # the source may have failed after some
                    await self._take_in(batch)
            self._is_read_to_end = is_at_end

    async def _fill(
        self, batch: dict[int, Shipment], messages: AsyncGenerator[object, None]
    ) -> bool:
        """Read a message; for a journal, as many as there is room for at once.

        Returns:
            Whether the source has ended.
        """
        await self._room.acquire()
        while (message := await anext(messages, _END)) is not _END:
            number = next(self._numbers)
            try:
                batch[number] = self._make_shipment(
                    message, partial(self._settle, number)
                )
            finally:
                del message  # it may be anything, and tracers show variables
            if not self._may_batch or self._room.locked() or self._reason:
                return False
            await asyncio.sleep(0)  # a source may take its time, and others wait
            await self._room.acquire()
        return True

    async def _take_in(self, batch: dict[int, Shipment]) -> None:
        if self._ledger is None:
            self._submit(batch, {})
            return
        if not batch:
            return
        read = [(shipment.message, shipment.sender_id) for shipment in batch.values()]
        admission = asyncio.ensure_future(self._ledger.admit(read))
        try:
            await _end_of(admission)
        finally:  # also where it was told to stop: what would be sent has an outcome
            pages = dict(zip(batch, admission.result(), strict=True))
            self._submit(batch, pages)

    def _submit(
        self, batch: Mapping[int, Shipment], pages: Mapping[int, "_ledger.Page | None"]
    ) -> None:
        for number, shipment in batch.items():
            self._taken_count += 1
            shipment.page = pages.get(number)
            if number in pages and shipment.page is None:
                self._skipped_count += 1
                self._room.release()
                continue
            self._pending[number] = shipment
            self._sender_ids.add(shipment.sender_id)
            self._dispatcher.submit(shipment)
        if self._is_stopped and self._reason is not None:
            self._withdraw(batch, self._reason)

    def _settle(self, number: int, outcome: Outcome) -> None:
        shipment = self._pending.pop(number)
        self._has_withdrawn |= shipment.withdrawn is not None
        if shipment.page is not None:
            shipment.page.settle(outcome, is_withdrawn=shipment.withdrawn is not None)
        self._counts.add(outcome)
        outcome = evolve(outcome, index=number)
        self._ready.append(outcome)
        self._news.set()
        self._judge(outcome)

    def _judge(self, outcome: Outcome) -> None:
        """Stop the run where the next messages would fare no better."""
        match outcome:
            case Rejected(error=error) if isinstance(error, _MEETS_ALL):
                self._stop(error.summary, error)
            case Rejected(error=SenderOfflineError() as error):
                if len(self._sender_ids) == 1:  # another may be online
                    self._stop(error.summary, error)
            case Unsent(error=UnreachableError() as error):
                self._stop(error.summary, error)
            case Accepted() | Unknown():
                self._recent.append(isinstance(outcome, Unknown))
                count = sum(self._recent)
                if count >= BREAKER_COUNT:
                    self._stop(
                        f"{count} of the last {len(self._recent)} messages that "
                        "left ended as unknown"
                    )

    async def _close_ledger(self, ledger: "_ledger.Ledger") -> None:
        while self._pending:  # what is in flight has yet to be noted
            self._news.clear()
            await self._news.wait()
        await ledger.aclose()

    async def _leave(self, reader: asyncio.Task[None]) -> None:
        if self._pending:
            self._stop("its outcomes are no longer taken")
        reader.cancel()
        await asyncio.wait([reader])

    def _raise_failure(self, reader: asyncio.Task[None]) -> None:
        if not reader.cancelled() and (error := reader.exception()):
            raise error
        if self._is_read_to_end and not self._has_withdrawn:
            return
        reason = self._reason or _Reason("its source was cancelled", None)
        raise RunStoppedError(
            detail=reason.detail,
            remedy=reason.remedy,
            cause=reason.cause,
            taken_count=self._taken_count,
        ) from reason.cause

    def _eta(self, done: int, elapsed: float) -> float | None:
        if self._total is None:
            return None
        seconds_each = elapsed / done if done else 0.0
        return (self._total - done - self._skipped_count) * max(
            seconds_each, self._pace.seconds_per_send
        )


async def _end_of(future: asyncio.Future[T]) -> None:
    """Wait until it is done, whatever comes; who cancelled learns of it after that."""
    cancelled = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


show_in("autocalls_async", "Progress", "Run", of=globals())
