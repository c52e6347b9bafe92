"""How a message ended for us. Each message has exactly one outcome.

Pure: no I/O, no clock, no asyncio.

`Outcome` is a closed union: a `match` over its four members is complete, and
type checkers say so.
"""

from typing import Any, TypeAlias

from attrs import field, frozen

from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import RejectedError, UnknownOutcomeError, UnsentError
from autocalls_async.model.messages import Message
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain


@frozen(kw_only=True, init=False, eq=False, repr=False)  # each has its own
class _Outcome(Plain):
    """What all four have in common.

    Attributes:
        message: What was to be sent.
        index: The message's place in the source of its run, from 0; `None` for a
            single send. Outcomes are equal whatever their places.
    """

    message: Message
    index: int | None = field(default=None, eq=False)

    def to_dict(self) -> dict[str, Any]:
        """Return this as plain JSON types, with `outcome` for its name.

        It is data and not a log: the message is whole.
        """
        return {"outcome": type(self).__name__.lower()} | super().to_dict()


@frozen(kw_only=True)
class Accepted(_Outcome):
    """The service took it. Whether it was delivered, a webhook tells."""

    sent: SentMessage


@frozen(kw_only=True)
class Rejected(_Outcome):
    """The service said no, or our check found the window closed. Nothing was sent."""

    error: RejectedError


@frozen(kw_only=True)
class Unsent(_Outcome):
    """It was not sent. It is safe to send it again."""

    error: UnsentError


@frozen(kw_only=True)
class Unknown(_Outcome):
    """It was handed over and no trustworthy answer came: it may have been delivered."""

    error: UnknownOutcomeError


Outcome: TypeAlias = Accepted | Rejected | Unsent | Unknown
"""The four ways in which a message can end."""

SendError: TypeAlias = RejectedError | UnsentError | UnknownOutcomeError
"""What the three that are not accepted end with."""


def outcome_of(
    message: Message, error: SendError, *, index: int | None = None
) -> Rejected | Unsent | Unknown:
    """Return the outcome that an error tells."""
    if isinstance(error, RejectedError):
        return Rejected(message=message, error=error, index=index)
    if isinstance(error, UnsentError):
        return Unsent(message=message, error=error, index=index)
    return Unknown(message=message, error=error, index=index)


show_in("autocalls_async", "Accepted", "Rejected", "Unsent", "Unknown", of=globals())
