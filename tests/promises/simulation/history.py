"""What one run was: what the user gave and saw, and what the service saw.

Pure: no I/O, no clock, no asyncio.
"""

from collections import Counter
from collections.abc import Sequence

from attrs import define, field, frozen

from autocalls_async import FreeformMessage, Message, Outcome, TemplateMessage
from autocalls_async.emulator import AcceptedMessage, RecordedRequest
from tests.promises.simulation.network import Departure

FRESH = 1_000_000
"""From here on: numbers of messages sent once nothing goes wrong any more."""


@define(kw_only=True, eq=False)
class Giving:
    """One message given to the client once.

    Attributes:
        mark: Names it on the wire: `msg-17-0` is message 17, given for the first time.
        number: What stays the same if it is given again.
        process: The process that gave it.
        recipient: Whom it is for.
        outcomes: What the user was told.
        settled: What the observer was told; the last word.
        is_left: Nobody waits for its outcome any more: its caller was cancelled,
            or the loop over its run was left.
    """

    mark: str
    number: int
    process: int
    recipient: str
    outcomes: list[Outcome] = field(factory=list)
    settled: list[Outcome] = field(factory=list)
    is_left: bool = False


@frozen(kw_only=True)
class Process:
    """One process of the user's program, and how it ended.

    Attributes:
        leftovers: What was still there after the client was closed.
    """

    number: int
    was_killed: bool
    was_closed_early: bool
    leftovers: tuple[str, ...] = ()


@frozen(kw_only=True)
class History:
    """Everything that a verdict on one run needs.

    Attributes:
        message_count: Messages that the user wanted to send.
        requests: What arrived whole at the service, by the message's mark.
        accepted: What it accepted, by mark.
        most_in_a_second: Sends that the service counted in its busiest second.
        is_calm: Whether the pace promises that these are never too many.
        is_pooling: Whether connections were kept, and could be closed just then.
        tries_once: Whether each message had one attempt.
        faulted: The marks whose request the service failed on purpose.
        complaints: What went wrong already while it ran.
    """

    message_count: int
    givings: Sequence[Giving]
    processes: Sequence[Process]
    departures: Sequence[Departure]
    requests: dict[str, list[RecordedRequest]]
    accepted: dict[str, AcceptedMessage]
    most_in_a_second: int
    rate: int
    is_calm: bool
    is_pooling: bool
    tries_once: bool
    faulted: frozenset[str]
    faults: Counter[str]
    complaints: Sequence[str]


def mark_of(message: Message) -> str:
    """Read a message's mark."""
    match message:
        case FreeformMessage(message=text):
            return text
        case TemplateMessage(variables=variables):
            return str(variables["1"])


def mark_of_body(body: object) -> str | None:
    """Read the mark of what arrived."""
    match body:
        case {"message": str(mark)} | {"variables": {"1": str(mark)}}:
            return mark
        case _:
            return None


def mark_of_accepted(message: AcceptedMessage) -> str:
    """Read the mark of what was accepted."""
    return message.message or message.variables["1"]
