"""What follows from what was seen: the decision table, as data.

Pure: no I/O, no clock, no asyncio.

The point of no return is the moment before a request's first byte is written.
Before it, a message is surely unsent; behind it, only a trustworthy answer says
what became of it. The kind of exception decides nothing.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from autocalls_async.model.values.naming import show_in


class Kind(Enum):
    """What a request does to the world."""

    if not TYPE_CHECKING:
        # Members are single, and Enum's own is ten times as slow.
        __hash__ = object.__hash__

    SEND = "send"  # costs money, cannot be repeated
    READ = "read"  # changes nothing


class Seen(Enum):
    """All that one attempt can show."""

    if not TYPE_CHECKING:  # as above
        __hash__ = object.__hash__

    NO_CONNECTION = "no connection"
    NO_TRUST = "no trusted connection"
    SILENCE = "no whole answer"
    OK = "200"
    OK_BUT_FAILED = "200 that says it failed"
    REFUSED = "a refusal by the API"
    RATE_LIMITED = "429"
    FOREIGN_REFUSAL = "another 4xx"
    SERVER_ERROR = "5xx"
    REDIRECT = "3xx"
    OTHER = "any other status"


class Verdict(Enum):
    """What became of the request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNSENT = "unsent"
    UNKNOWN = "unknown"


class Again(Enum):
    """Whether to try again: it may go better, and cannot send anything twice."""

    YES = "yes"
    NO = "no"


class Decision(NamedTuple):
    """One row of the table."""

    verdict: Verdict
    again: Again
    reason: str


_SEND = {
    Seen.NO_CONNECTION: Decision(
        Verdict.UNSENT, Again.YES, "no byte was written, and the fault may pass"
    ),
    Seen.NO_TRUST: Decision(
        Verdict.UNSENT, Again.NO, "no byte was written, and no repetition mends it"
    ),
    Seen.SILENCE: Decision(
        Verdict.UNKNOWN, Again.NO, "it was handed over and no trustworthy answer came"
    ),
    Seen.OK: Decision(Verdict.ACCEPTED, Again.NO, "the service took it"),
    Seen.OK_BUT_FAILED: Decision(
        Verdict.UNKNOWN, Again.NO, "the answer contradicts itself or is not the API's"
    ),
    Seen.REFUSED: Decision(
        Verdict.REFUSED, Again.NO, "the API refuses before it sends, and would again"
    ),
    Seen.RATE_LIMITED: Decision(
        Verdict.REFUSED, Again.YES, "the API turns it away unprocessed, for now"
    ),
    Seen.FOREIGN_REFUSAL: Decision(
        Verdict.UNKNOWN, Again.NO, "somebody on the way answered, at a time unknown"
    ),
    Seen.SERVER_ERROR: Decision(
        Verdict.UNKNOWN,
        Again.NO,
        "somebody on the way broke, before or after sending",
    ),
    Seen.REDIRECT: Decision(
        Verdict.UNKNOWN, Again.NO, "the API has no redirects, so this was not the API"
    ),
    Seen.OTHER: Decision(
        Verdict.UNKNOWN, Again.NO, "the API documents no such answer to a send"
    ),
}

_READ = {
    Seen.NO_CONNECTION: Decision(Verdict.UNSENT, Again.YES, "the fault may pass"),
    Seen.NO_TRUST: Decision(Verdict.UNSENT, Again.NO, "no repetition mends it"),
    Seen.SILENCE: Decision(Verdict.UNKNOWN, Again.YES, "asking again changes nothing"),
    Seen.OK: Decision(Verdict.ACCEPTED, Again.NO, "answered"),
    Seen.OK_BUT_FAILED: Decision(Verdict.UNKNOWN, Again.NO, "it would say so again"),
    Seen.REFUSED: Decision(Verdict.REFUSED, Again.NO, "it would be refused again"),
    Seen.RATE_LIMITED: Decision(Verdict.REFUSED, Again.YES, "turned away for now"),
    Seen.FOREIGN_REFUSAL: Decision(Verdict.UNKNOWN, Again.NO, "it would say so again"),
    Seen.SERVER_ERROR: Decision(Verdict.UNKNOWN, Again.YES, "the fault may pass"),
    Seen.REDIRECT: Decision(Verdict.UNKNOWN, Again.NO, "it would redirect again"),
    Seen.OTHER: Decision(Verdict.UNKNOWN, Again.NO, "it would say so again"),
}

DECISIONS: Mapping[tuple[Kind, Seen], Decision] = MappingProxyType(
    {(Kind.SEND, seen): row for seen, row in _SEND.items()}
    | {(Kind.READ, seen): row for seen, row in _READ.items()}
)
"""Every pair of kind and sight, with what follows."""


show_in("autocalls_async", "Seen", of=globals())
