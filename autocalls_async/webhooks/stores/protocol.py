"""What a store of receipts keeps, and what every one of them can do.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from attrs import field, frozen

from autocalls_async.model.values.masking import mask_phone_repr
from autocalls_async.model.values.naming import show_in

BEAT_SECONDS = 5.0
"""So often a receiver tells that it is alive."""

LEASE = timedelta(seconds=3 * BEAT_SECONDS)
"""A receiver that was not heard of for so long is gone, and its work is others'."""

MOST_OTHERS = 1_000
"""So many events that cannot be read are kept."""


class Task(StrEnum):
    """What kind of event a handler has to see."""

    STATUS = "status"
    ENDED = "ended"
    MESSAGE = "message"


@frozen(kw_only=True)
class Receipt:
    """What is kept of a receipt.

    Attributes:
        person: Whom the message was for, as `person_of()` has it; empty where unknown.
        at: When it became so, as the service says.
        received_at: When the first receipt of this message came.
    """

    whatsapp_message_id: int
    status: str
    sender_id: int
    person: str = field(default="", repr=mask_phone_repr)
    at: datetime | None = None
    error_code: int | None = None
    received_at: datetime


@frozen(kw_only=True)
class Arrival:
    """An event that has come.

    Attributes:
        key: What a repeat has in common with it; `None` where none can be known.
        raw: The body, for who handles it after a restart.
        person: Whose messages are handled in their order; empty where unknown.
        receipt: What is to be kept of it, if it is a receipt.
        has_handler: Somebody here has to see it.
        is_ours: This receiver will handle it now; else whoever claims it.
    """

    task: Task
    key: str | None = field(repr=False)
    raw: bytes = field(repr=False)
    person: str = field(default="", repr=mask_phone_repr)
    receipt: Receipt | None = None
    has_handler: bool = False
    is_ours: bool = True


class Kept(StrEnum):
    """What a store made of an event, where it made no work of it."""

    REPEAT = "it was there"
    NEW = "nobody has to handle it"


@frozen(kw_only=True)
class Work:
    """An event that somebody has to handle.

    Attributes:
        number: The store's, in the order in which they came.
        begun_at: When its handler began; only a message's is noted.
    """

    number: int
    task: Task
    raw: bytes = field(repr=False)
    person: str = field(default="", repr=mask_phone_repr)
    added_at: datetime
    begun_at: datetime | None = None


@frozen(kw_only=True)
class Handover:
    """A message of ours that was accepted, or may have been.

    Attributes:
        digest: Of its text; `None` where the text is not known, as a template's.
        whatsapp_message_id: From the answer; `None` where none came.
    """

    sender_id: int
    person: str = field(repr=mask_phone_repr)
    digest: str | None = field(default=None, repr=False)
    handed_over_at: datetime
    whatsapp_message_id: int | None = None
    is_accepted: bool


class DeliveryStore(Protocol):
    """What became of accepted messages, and what handlers still have to see.

    It is used in one event loop. Whatever fails is a `DeliveryStoreError`, and
    nothing was changed then.
    """

    async def open(self) -> None:
        """Make it ready. A second call does nothing."""

    async def aclose(self) -> None:
        """Close it, and stop receiving. A second call does nothing."""

    # Receiving

    async def join(self) -> None:
        """Become a receiver, who is alive as long as it beats."""

    async def beat(self) -> None:
        """Tell that this receiver is alive; every `BEAT_SECONDS`."""

    async def keep(self, arrival: Arrival) -> Work | Kept:
        """Keep an event, unless it is there; one call of all gets its work.

        When this returns, it survives a crash.
        """

    async def claim(self, tasks: Collection[Task], *, limit: int) -> list[Work]:
        """Take over work, in the order in which it came.

        Work that nobody has, or whose receiver is gone; of messages only what was
        not begun.
        """

    async def begin(self, number: int) -> bool:
        """Note for good that a message's handler begins; whether it may."""

    async def finish(self, number: int) -> None:
        """Forget work: it is done, or given up."""

    async def unfinished(self) -> list[Work]:
        """Return the messages whose handler began and whose receiver is gone."""

    async def keep_other(self, raw: bytes) -> None:
        """Keep an event that cannot be read: the newest `MOST_OTHERS`."""

    async def others(self) -> list[bytes]:
        """Return those, oldest first."""

    # Asking

    async def standings(self, ids: Collection[int]) -> Mapping[int, Receipt]:
        """Return of each message the receipt that counts, where there is one."""

    async def news(self, cursor: int | None) -> tuple[Collection[int], int]:
        """Return the ids of which receipts came since the cursor, and the next one.

        `None` is the cursor of now.
        """

    async def wait_for_news(self) -> None:
        """Wait until receipts may have come, from here or another process."""

    async def was_up(self, since: datetime, until: datetime) -> bool:
        """Whether receivers were alive for the whole of this time."""

    async def arrivals(
        self, *, sender_id: int, person: str, since: datetime, until: datetime
    ) -> Sequence[Receipt]:
        """Return the messages to a person whose first receipt came in this time."""

    # What was handed over

    async def note(self, sends: Iterable[Handover]) -> None:
        """Keep what was handed over."""

    async def noted(self, *, sender_id: int, person: str) -> Sequence[Handover]:
        """Return what was handed over to a person, oldest first."""

    async def carried(self, ids: Collection[int]) -> Collection[int]:
        """Return those of these ids that an answer of ours carried."""


show_in("autocalls_async.webhooks", "DeliveryStore", "Receipt", of=globals())
