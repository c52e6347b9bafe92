"""What a message waits for that may not leave yet.

Pure: no I/O, no clock, no asyncio.
"""

from datetime import datetime
from enum import Enum
from typing import TypeAlias

from attrs import define, frozen

from autocalls_async.model.errors import UnsentError


@frozen
class Opening:
    """It waits until its hours begin."""

    at: datetime


@frozen
class NextPerson:
    """It waits until its sender may begin to write to one more."""

    sender_id: int


class Wait(Enum):
    """It waits for what no clock tells."""

    DOUBT = "nobody can tell just now whom to leave out"
    PLACE = "so many as may leave are under way, or have left"


Why: TypeAlias = Opening | NextPerson | Wait


@define(eq=False, slots=False, str=False, repr=False, kw_only=True, auto_exc=False)
class HeldError(UnsentError):
    """The message may not leave yet; its run puts it aside, and tells nobody.

    Attributes:
        why: What it waits for.
    """

    detail: str = "it may not leave yet"
    recipient_phone: str | None = None
    why: Why
