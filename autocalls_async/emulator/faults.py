"""What can go wrong on purpose, and when.

A fault strikes a request that arrived whole, was let in by its key and was
counted by the rate limit; a send that the limit rejects uses up no fault.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from attrs import define, field, frozen


class Endpoint(StrEnum):
    """The operations of the service, most by the last word of their path."""

    SEND_FREEFORM = "send-freeform"
    SEND_TEMPLATE = "send"
    SESSION_STATUS = "session-status"
    SENDERS = "senders"
    TEMPLATES = "templates"
    ME = "me"
    CONVERSATIONS = "conversations"
    HISTORY = "history"
    DISABLE_AI = "disable-ai"
    ENABLE_AI = "enable-ai"
    OTHER = "other"
    """A path or method that the service does not know."""


@frozen
class Refuse:
    """Answer this instead of acting.

    A `str` body is sent as an HTML page, `bytes` as they are under the name of
    JSON, and anything else as JSON.
    """

    status: int
    body: object = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)


@frozen
class HangUpBefore:
    """Close the connection without acting and without an answer."""


@frozen
class HangUpAfter:
    """Act, then close the connection without an answer."""


@frozen
class Garble:
    """Act, then answer as usual, but with a body that only claims to be JSON."""

    body: bytes = b'{"success": tru'


@frozen
class Delay:
    """Act and answer as usual, but late."""

    seconds: float
    after_acting: bool = field(default=False, kw_only=True)


@frozen
class Stall:
    """Never answer, with the connection left open."""

    after_acting: bool = field(default=False, kw_only=True)


Fault = Refuse | HangUpBefore | HangUpAfter | Garble | Delay | Stall

FaultChooser = Callable[[Endpoint], Fault | None]


def refuse_with_code(status: int, error_code: str, error: str = "Refused.") -> Refuse:
    """Return a refusal in the service's own envelope."""
    body = {"success": False, "error": error, "error_code": error_code}
    return Refuse(status, body)


@define
class Planned:
    """A fault that strikes the next requests."""

    remaining: int
    fault: Fault
    endpoint: Endpoint | None


@define
class FaultPlan:
    """Which of the next requests fail, and how."""

    choose: FaultChooser | None = None
    """Asked for each request that no planned fault strikes."""

    _planned: list[Planned] = field(init=False, factory=list)

    def add(self, count: int, fault: Fault, *, endpoint: Endpoint | None) -> None:
        """Let the next `count` requests fail, of one endpoint or of any."""
        if count < 1:
            msg = f"at least one request must fail; got {count!r}"
            raise ValueError(msg)
        self._planned.append(Planned(count, fault, endpoint))

    @property
    def planned(self) -> Sequence[Planned]:
        """What was planned and has not struck yet, in its order."""
        return self._planned

    def replace(self, other: "FaultPlan") -> None:
        """Plan what another plan has, and nothing else."""
        self._planned = list(other.planned)

    def clear(self) -> None:
        """Let nothing fail any more."""
        self._planned.clear()
        self.choose = None

    def take(self, endpoint: Endpoint) -> Fault | None:
        """Return the fault that strikes a request to `endpoint`, if any."""
        for planned in self._planned:
            if planned.endpoint in {None, endpoint}:
                planned.remaining -= 1
                if not planned.remaining:
                    self._planned.remove(planned)
                return planned.fault
        return self.choose(endpoint) if self.choose is not None else None
