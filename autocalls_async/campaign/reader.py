"""From the source into the run: what is read, when, and what a journal lets through."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from autocalls_async.campaign.source import Source, each_of
from autocalls_async.clock import loop_time
from autocalls_async.engine.shipment import OnSettled, Shipment
from autocalls_async.model.later import Later
from autocalls_async.model.messages import Message

if TYPE_CHECKING:
    from autocalls_async.campaign import ledger as _ledger
    from autocalls_async.campaign import once as _once
    from autocalls_async.campaign import usher as _ushers
else:
    _ledger = Later("autocalls_async.campaign.ledger")
    _once = Later("autocalls_async.campaign.once")
    _ushers = Later("autocalls_async.campaign.usher")

T = TypeVar("T")

READ_AHEAD = 64
"""Messages taken from the source whose outcomes were not yet taken from the run."""

_BATCH_LEAST = 16
"""Places to wait for with a journal, so that these share a commit; of the messages
that may be under way, three quarters are."""

_BATCH_SECONDS = 0.1
"""A source that takes its time has what it gave sent meanwhile."""

_END = object()


class MakeShipment(Protocol):
    """Makes a message ready to be submitted."""

    def __call__(self, message: object, on_settled: OnSettled, /) -> Shipment:
        """Make it.

        Raises:
            ValueError: It is no message, or has no sender.
        """


TakeIn: TypeAlias = Callable[[int, Shipment], None]
"""Sends what was read; a message is known by its place in the source, from 0."""

GiveUp: TypeAlias = Callable[[int, Message], None]
"""Ends a message that was put aside and will never be taken in again."""


class Room:
    """Places for messages between the source and whoever takes the outcomes."""

    def __init__(self, places: int) -> None:
        self.free_count: int = places
        self._waiting: list[tuple[int, asyncio.Event]] = []

    def take(self) -> None:
        """Take a place."""
        self.free_count -= 1

    def give_back(self) -> None:
        """Give a place back."""
        self.free_count += 1
        for least, is_enough in self._waiting:
            if self.free_count >= least:
                is_enough.set()

    async def has(self, least: int) -> None:
        """Wait until so many places are free."""
        while self.free_count < least:
            waiting = least, asyncio.Event()
            self._waiting.append(waiting)
            try:
                await waiting[1].wait()
            finally:
                self._waiting.remove(waiting)


class Reader:
    """Takes messages from a source, as fast as they are served, and hands them on.

    With a journal it takes as many together as there is room for, and waits until
    there is some: each admission is a commit. An async source may let one message
    wait for the next, so each goes on by itself.

    Attributes:
        taken_count: Messages that were read and could be.
        skipped_count: Those of them that the journal lets nobody send now.
        is_at_end: Whether the source gave all it had.
        room: Whoever takes an outcome gives its place back.
    """

    def __init__(
        self,
        source: Source,
        *,
        make_shipment: MakeShipment,
        ledger: "_ledger.Ledger | None",
        usher: "_ushers.Usher | None" = None,
        once_each: "_once.OnceEach | None" = None,
    ) -> None:
        self._source = source
        self._make_shipment = make_shipment
        self._ledger = ledger
        self._usher = usher
        self._once_each = once_each
        # An async source may let a message wait for the next one.
        self._may_batch = ledger is not None and not isinstance(source, AsyncIterable)
        self._read_count = 0
        self._is_stopped = False
        self.taken_count: int = 0
        self.skipped_count: int = 0
        self.is_at_end: bool = False
        self.room: Room = Room(READ_AHEAD)

    def stop(self) -> None:
        """Read no further message."""
        self._is_stopped = True

    async def read(self, *, take_in: TakeIn, settle: OnSettled) -> None:
        """Read the source to its end, or until it is stopped or cancelled.

        Args:
            take_in: Told of each message that is to be sent.
            settle: Told of its outcome later, which names its place in the source.

        Raises:
            ValueError: It gave what is no message.
            JournalError: Messages could not be kept; they were not taken.
        """
        async with aclosing(each_of(self._source)) as messages:
            is_at_end = False
            while not is_at_end and not self._is_stopped:
                batch: dict[int, Shipment] = {}
                if self._usher is not None:
                    await self._usher.until_it_may_read()
                try:
                    is_at_end = await self._fill(batch, messages, settle)
                finally:  # the source may have failed after some
                    await self._admit(batch, take_in)
            self.is_at_end = is_at_end

    async def call_again(
        self,
        usher: "_ushers.Usher",
        *,
        take_in: TakeIn,
        settle: OnSettled,
        give_up: GiveUp,
    ) -> None:
        """Take in again what the usher has put aside, as it comes due; until cancelled.

        Args:
            usher: Who has put it aside.
            take_in: Told of each message that is to be asked about again.
            settle: Told of its outcome later.
            give_up: Told of each that waits when the usher is dismissed.

        Raises:
            JournalError: Messages could not be kept; they were not taken.
            OSError: What was put aside cannot be read.
        """
        while True:
            await usher.until_due()
            await self.room.has(1)
            resting = usher.take(self.room.free_count)
            for _ in resting:
                self.room.take()
            try:
                if usher.is_dismissed:
                    for one in resting:
                        give_up(one.number, one.message)
                else:
                    batch = {
                        one.number: self._make(one.number, one.message, settle)
                        for one in resting
                    }
                    await self._admit(batch, take_in, is_new=False)
            finally:
                usher.let_go(len(resting))
            await asyncio.sleep(0)  # there may be a million, and others wait

    async def _fill(
        self,
        batch: dict[int, Shipment],
        messages: AsyncGenerator[object, None],
        settle: OnSettled,
    ) -> bool:
        """Read a batch.

        Returns:
            Whether the source has ended.
        """
        await self.room.has(_BATCH_LEAST if self._may_batch else 1)
        until = loop_time() + _BATCH_SECONDS if self._may_batch else 0.0
        while (message := await anext(messages, _END)) is not _END:
            number = self._read_count
            self._read_count += 1
            try:
                batch[number] = self._make(number, message, settle)
            finally:
                del message  # it may be anything, and tracers show variables
            self.room.take()
            if not self._may_batch or self._is_stopped:
                return False
            if not self.room.free_count or loop_time() >= until:
                return False
            await asyncio.sleep(0)  # a source may take its time, and others wait
        return True

    def _make(self, number: int, message: object, settle: OnSettled) -> Shipment:
        try:
            shipment = self._make_shipment(message, settle)
        finally:
            del message  # as above
        shipment.number(number)
        return shipment

    async def _admit(
        self, batch: Mapping[int, Shipment], take_in: TakeIn, *, is_new: bool = True
    ) -> None:
        """Ask the journal, if there is one, and hand on what may be sent."""
        if not batch or (self._ledger is None and self._usher is None):
            self._hand_on(batch, take_in, is_new=is_new)
            return
        admission = asyncio.ensure_future(self._ask_for(list(batch.values())))
        try:
            await _end_of(admission)
        finally:  # also where it was told to stop: what would be sent has an outcome
            pages = zip(batch.values(), admission.result(), strict=True)
            for shipment, page in pages:
                shipment.note_in(page)
            self._hand_on(batch, take_in, is_new=is_new)

    async def _ask_for(
        self, shipments: Sequence[Shipment]
    ) -> "Sequence[_ledger.LedgerPage | None]":
        if self._usher is not None:
            await self._usher.prepare({each.sender_id for each in shipments})
        if self._ledger is None:
            return [None] * len(shipments)
        read = [(shipment.message, shipment.sender_id) for shipment in shipments]
        return await self._ledger.admit(read)

    def _hand_on(
        self, batch: Mapping[int, Shipment], take_in: TakeIn, *, is_new: bool
    ) -> None:
        for number, shipment in batch.items():
            self.taken_count += is_new
            if self._is_skipped(shipment, is_new=is_new):
                self.skipped_count += 1
                self.room.give_back()
            else:
                take_in(number, shipment)

    def _is_skipped(self, shipment: Shipment, *, is_new: bool) -> bool:
        """Whether it needs no send: by the journal, or since its person has had one."""
        if self._ledger is not None:
            return shipment.page is None
        if self._once_each is None or not is_new:
            return False
        return not self._once_each.is_first(shipment.recipient_phone)

    def close(self) -> None:
        """Forget who was written to."""
        if self._once_each is not None:
            self._once_each.close()


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
