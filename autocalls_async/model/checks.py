"""What callers give us, checked before anything happens.

Pure: no I/O, no clock, no asyncio.
"""

import re
from datetime import datetime
from enum import Enum
from typing import TypeVar

from autocalls_async.model.masking import forgetful
from autocalls_async.model.messages import check_id, check_phone

_BARE_E164 = re.compile(r"[1-9][0-9]{6,14}")

Choice = TypeVar("Choice", bound=Enum)


def choose_sender(sender_id: int | None, default: int | None) -> int:
    """Give the sender to use.

    Raises:
        ValueError: There is none, or it is no id.
    """
    chosen = default if sender_id is None else sender_id
    if chosen is None:
        msg = "sender_id is missing: give one here, or a default to the client"
        raise ValueError(msg)
    check_id("sender_id", chosen)
    return chosen


@forgetful
def read_inbound_phone(name: str, value: object) -> str:
    """Return the number of somebody who wrote, in E.164.

    Meta and those who forward its messages write it without the plus. It always
    has the country's code, so that it cannot be read in two ways.

    Raises:
        ValueError: It is no number in one of these forms.
    """
    if isinstance(value, str) and _BARE_E164.fullmatch(value):
        return f"+{value}"
    check_phone(name, value)
    return str(value)


def read_age_seconds(name: str, at: object, *, now: datetime) -> float:
    """Return for how long something has been so; 0 for a time in the future.

    Raises:
        ValueError: It is no aware `datetime`.
    """
    if not isinstance(at, datetime):
        msg = f"{name} must be an aware datetime; got a value of type {_kind(at)}"
        raise ValueError(msg)
    if at.utcoffset() is None:
        msg = f"{name} must be aware, such as datetime.now(UTC); it has no time zone"
        raise ValueError(msg)
    return max((now - at).total_seconds(), 0.0)


def _kind(value: object) -> str:
    return type(value).__name__


def choose(kind: type[Choice], name: str, value: object) -> Choice:
    """Give the member of an `Enum` that has this value.

    Raises:
        ValueError: None has.
    """
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(repr(str(member.value)) for member in kind)
        msg = f"{name} must be one of {known}; got {value!r}"
        raise ValueError(msg) from None


def check_seconds(name: str, value: object, *, may_be_zero: bool = False) -> float:
    """Give the number of seconds; `inf` means without end.

    Raises:
        ValueError: It is no number of seconds above 0, or 0 where it may be.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and may_be_zero and value == 0:
        return 0.0
    if not is_number or not value > 0:  # type: ignore[operator]  # a number by now
        msg = f"{name} must be seconds, more than 0; got {value!r}"
        raise ValueError(msg)
    return float(value)  # type: ignore[arg-type]  # a number by now
