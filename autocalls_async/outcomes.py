"""How a message ended for us. Each message has exactly one outcome.

Pure: no I/O, no clock, no asyncio.

`Outcome` is a closed union: a `match` over its four members is complete, and
type checkers say so.
"""

from typing import TypeAlias

from attrs import frozen

from autocalls_async.errors import RejectedError, UnknownOutcomeError, UnsentError
from autocalls_async.models import Message, SentMessage


@frozen(kw_only=True)
class Accepted:
    """The service took it. Whether it was delivered, a webhook tells."""

    message: Message
    sent: SentMessage


@frozen(kw_only=True)
class Rejected:
    """The service said no, or our check found the window closed. Nothing was sent."""

    message: Message
    error: RejectedError


@frozen(kw_only=True)
class Unsent:
    """It was not sent. It is safe to send it again."""

    message: Message
    error: UnsentError


@frozen(kw_only=True)
class Unknown:
    """It was handed over and no trustworthy answer came: it may have been delivered."""

    message: Message
    error: UnknownOutcomeError


Outcome: TypeAlias = Accepted | Rejected | Unsent | Unknown
"""The four ways in which a message can end."""
