"""What happens to each message, as records for an observer, and how busy it gets.

Pure: no I/O, no clock, no asyncio.

Every record has a quiet `repr`: neither text nor whole number. The message
itself is an attribute, for observers that need it.
"""

from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

from autocalls_async.model.messages import Message
from autocalls_async.model.outcomes import Outcome
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.verdict import Seen
from autocalls_async.policy.windows import WindowState


@frozen(kw_only=True)
class Queued:
    """A message was taken in.

    Attributes:
        call_id: The same in all records of one message; unique in its process.
        at: Seconds on the event loop's clock.
        host: Whom it is for: of the base URL, with its port where it has one.
    """

    call_id: int
    at: float
    message: Message
    sender_id: int
    lane: Lane
    host: str | None = None


@frozen(kw_only=True)
class Checked:
    """The messaging window of a free text was judged.

    Attributes:
        was_asked: The service was asked; else the client knew.
    """

    call_id: int
    at: float
    message: Message
    state: WindowState
    was_asked: bool


@frozen(kw_only=True)
class HandedOver:
    """The first byte of a message's request leaves right after this.

    Attributes:
        attempt: The first one is 1; a refused one is made again.
        waited: Seconds since the message was taken in.
    """

    call_id: int
    at: float
    message: Message
    attempt: int
    waited: float


@frozen(kw_only=True)
class Answered:
    """A request that was handed over has ended.

    Attributes:
        seen: What was seen, `Seen.SILENCE` where no trustworthy answer came.
        round_trip: Seconds since it was handed over.
    """

    call_id: int
    at: float
    message: Message
    attempt: int
    seen: Seen
    round_trip: float


@frozen(kw_only=True)
class Settled:
    """A message has its outcome. There is exactly one such record for each.

    Attributes:
        waited: Seconds since the message was taken in.
    """

    call_id: int
    at: float
    message: Message
    outcome: Outcome
    waited: float


@frozen(kw_only=True)
class Paused:
    """The service asked for a pause, and all sends wait.

    Attributes:
        seconds: For how long.
    """

    at: float
    seconds: float


Event: TypeAlias = Queued | Checked | HandedOver | Answered | Settled | Paused
"""All that an observer is told."""

Observer: TypeAlias = Callable[[Event], None]
"""Called with each record, in the event loop: it must be quick."""


@frozen(kw_only=True)
class QueueStatus(Plain):
    """How busy a client is, for a health endpoint.

    Attributes:
        interactive: Messages that were put into this lane and have not left.
        bulk: The same for the other lane.
        in_flight: Messages handed over whose answer is not back.
        oldest_wait: Seconds that the longest-waiting message has waited in the
            queue, 0 where none waits.
        sends_in_last_second: Messages handed over in the last second.
        estimated_wait: Seconds that a new interactive message would wait for
            its turn, as far as the pace tells.
        paused_seconds: Seconds until the pause ends that the service asked for
            with a 429, 0 where it asked for none.
        limiter_wait: Seconds for which the limiter that was given as `limiter=`
            has let nobody leave, 0 where it is not asked.
    """

    interactive: int
    bulk: int
    in_flight: int
    oldest_wait: float
    sends_in_last_second: int
    estimated_wait: float
    paused_seconds: float
    limiter_wait: float = 0.0


show_in("autocalls_async", of=globals())
