"""The rules for what callers give us, checked before anything happens.

Pure: no I/O, no clock, no asyncio.

A rule is asked in three ways: `is_e164(value)` whether it is kept, as a type checker
understands it; `check_phone(name, value)` for the value or a `ValueError` that names
what was given; `check_phone.on_field` by attrs. There is one way of refusing: no
text, key or whole number stands in it, nor in a frame that the error goes through.
"""

import re
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from math import inf, isnan
from sys import float_info
from typing import Any, Generic, TypeGuard, TypeVar

from attrs import Attribute

from autocalls_async.model.values.masking import forgetful, mask_phone

MAX_MESSAGE_LENGTH = 4096
"""Code points in a freeform text. Source: API reference, "send-freeform"."""

MAX_NAME_LENGTH = 255
"""Characters in `recipient_name`. Source: API reference, "send template"."""

MAX_KEY_LENGTH = 255
"""Characters in a `key`."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON could carry it, UTF-8 cannot
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")  # no tab, no line end
_BLANK = re.compile(r"[\s\u200b\u200e\ufeff]*")  # what Laravel trims
_LIKE_A_NUMBER = r"[+\d()./\s-]{0,40}"  # compiled with the first refusal
_SHORT = 1_000_000  # more digits may be a phone's, or too many to be written

T = TypeVar("T")
Choice = TypeVar("Choice", bound=Enum)


# Whether a rule is kept


def is_e164(value: object) -> TypeGuard[str]:
    """Whether it is a phone number such as `+14155550123`.

    Source: API reference, "send-freeform".
    """
    return isinstance(value, str) and _E164.fullmatch(value) is not None


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_count(value: object) -> TypeGuard[int]:
    """Whether it is a whole number above 0; a bool is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number of at least 0; a bool is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_id(value: object) -> TypeGuard[int]:
    """Whether it is a whole number above 0 that a database takes for an id."""
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return 1 <= value < 2**63


# Seconds are held against the largest float: a whole number may be too large for one.


def is_seconds(value: object) -> TypeGuard[int | float]:
    """Whether it is a number of seconds above 0; `inf` means without end."""
    return is_number(value) and (0 < value <= float_info.max or value == inf)


def is_period(value: object) -> TypeGuard[int | float]:
    """Whether it is a number of seconds above 0, but not without end."""
    return is_number(value) and 0 < value <= float_info.max


def is_pause(value: object) -> TypeGuard[int | float]:
    """Whether it is a number of seconds, 0 or more, but not without end."""
    return is_number(value) and 0 <= value <= float_info.max


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is text that can be sent."""
    return isinstance(value, str) and not _SURROGATE.search(value)


def is_message_text(value: object) -> TypeGuard[str]:
    """Whether it is text that may be a message's.

    A control character is none: nobody can say what a phone, or a database on the
    way, makes of it.
    """
    if not is_text(value) or len(value) > MAX_MESSAGE_LENGTH:
        return False
    return not (_BLANK.fullmatch(value) or _CONTROL.search(value))


def is_recipient_name(value: object) -> TypeGuard[str]:
    """Whether it is text that may be somebody's name."""
    return is_text(value) and len(value) <= MAX_NAME_LENGTH


def is_key(value: object) -> TypeGuard[str]:
    """Whether it can identify a message across runs."""
    return is_text(value) and 1 <= len(value) <= MAX_KEY_LENGTH


# What a refusal says


def show_kind(value: object) -> str:
    """Return the type of what was given, for people."""
    return f"a value of type {type(value).__name__}"


def show_no_text(value: object) -> str:
    """Return what was given for a text.

    A float is what tables make of numbers and of empty cells: that is said.
    """
    if not isinstance(value, float):
        return show_kind(value)
    if isnan(value):
        return f"{show_kind(value)}: NaN, an empty cell of a table"
    return f"{show_kind(value)}: read the table's column as text (dtype=str)"


def show_number(value: object) -> str:
    """Return what was given for a number, unless it may be a phone's or a text."""
    if isinstance(value, float):
        is_short = not _SHORT <= abs(value) < inf
    else:
        is_short = isinstance(value, int) and abs(value) < _SHORT
    return str(value) if is_short else show_kind(value)


def _show_phone(value: object) -> str:
    if not isinstance(value, str):
        return show_no_text(value)
    if re.fullmatch(_LIKE_A_NUMBER, value):
        tail = "; a decimal's .0: read the table's column as text (dtype=str)"
        return repr(mask_phone(value)) + (tail if value.endswith(".0") else "")
    return f"{len(value)} characters that are no number"  # somebody's words, perhaps


def _say_number(rule: str) -> Callable[[object], str]:
    return lambda value: f"must be {rule}; got {show_number(value)}"


def _say_text(most: int | None = None, empty: str = "") -> Callable[[object], str]:
    """Return what says why something is no text of at most so many characters."""

    def say(value: object) -> str:
        if not isinstance(value, str):
            return f"must be text; got {show_no_text(value)}"
        if most is not None and len(value) > most:
            return f"must have at most {most} characters; got {len(value)}"
        if _SURROGATE.search(value):
            return "must be valid Unicode; it holds half of a surrogate pair"
        if empty == "blank" and (found := _CONTROL.search(value)):
            code, place = ord(found[0]), found.start() + 1
            return f"must hold no control character; U+{code:04X} is character {place}"
        return f"must not be {empty}"

    return say


# How it is refused


class Check(Generic[T]):
    """A rule of an argument, and the one way of refusing what breaks it.

    Args:
        is_kept: Whether a value keeps the rule.
        say: Returns what follows the argument's name in a refusal.
    """

    __slots__ = ("_is_kept", "_say")

    def __init__(
        self, is_kept: Callable[[object], TypeGuard[T]], say: Callable[[object], str]
    ) -> None:
        self._is_kept = is_kept
        self._say = say

    def __call__(self, name: str, value: object) -> T:
        """Return the value, or raise `ValueError` if it breaks the rule."""
        if self._is_kept(value):
            return value
        msg = self.refusal(name, value)
        del value  # tracers show a failed frame's variables
        raise ValueError(msg)

    def refusal(self, name: str, value: object) -> str:
        """Return what is said of a value that breaks the rule."""
        return f"{name} {self._say(value)}"

    def on_field(
        self, _owner: object, attribute: "Attribute[Any]", value: object
    ) -> None:
        """Check a field of an attrs class; `forgetful_class` hides its frames."""
        if not self._is_kept(value):
            self(attribute.name, value)

    def on_optional_field(
        self, _owner: object, attribute: "Attribute[Any]", value: object
    ) -> None:
        """Check a field that may be `None`."""
        if value is not None and not self._is_kept(value):
            self(attribute.name, value)


_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def is_uuid(value: object) -> TypeGuard[str]:
    """Whether it is the id of a conversation as its listing gives it."""
    return isinstance(value, str) and re.fullmatch(_UUID, value) is not None


def _say_uuid(value: object) -> str:
    # It opens a conversation without a key: it is not shown.
    given = f"{len(value)} characters" if isinstance(value, str) else show_kind(value)
    return f"must be a UUID, such as the `id` of a listed conversation; got {given}"


check_uuid: Check[str] = Check(is_uuid, _say_uuid)
check_phone: Check[str] = Check(
    is_e164,
    lambda value: f"must be E.164, such as '+14155550123'; got {_show_phone(value)}",
)
check_id: Check[int] = Check(is_id, _say_number("a whole number above 0"))
check_count: Check[int] = Check(is_count, _say_number("a whole number above 0"))
check_whole: Check[int] = Check(is_whole, _say_number("a whole number of at least 0"))
check_period: Check[int | float] = Check(
    is_period, _say_number("seconds, more than 0 and finite")
)
check_pause: Check[int | float] = Check(
    is_pause, _say_number("seconds, 0 or more and finite")
)
check_text: Check[str] = Check(is_text, _say_text())
check_message_text: Check[str] = Check(
    is_message_text, _say_text(MAX_MESSAGE_LENGTH, "blank")
)
check_recipient_name: Check[str] = Check(is_recipient_name, _say_text(MAX_NAME_LENGTH))
check_key: Check[str] = Check(is_key, _say_text(MAX_KEY_LENGTH, "empty"))

_check_seconds = Check(is_seconds, _say_number("seconds, more than 0"))


def check_seconds(name: str, value: object, *, may_be_zero: bool = False) -> float:
    """Return the number of seconds; `inf` means without end.

    Raises:
        ValueError: It is no number of seconds above 0, or 0 where it may be.
    """
    if may_be_zero and is_number(value) and value == 0:
        return 0.0
    return float(_check_seconds(name, value))


# What is read from several arguments, or into another value


def choose(kind: type[Choice], name: str, value: object) -> Choice:
    """Return the member of an `Enum` that has this value.

    Raises:
        ValueError: None has.
    """
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(repr(str(member.value)) for member in kind)
        msg = f"{name} must be one of {known}; got {value!r}"
        raise ValueError(msg) from None


def choose_sender(sender_id: int | None, default: int | None) -> int:
    """Return the sender to use; a default was checked where it was given.

    Raises:
        ValueError: There is none, or it is no id.
    """
    if sender_id is not None:
        return check_id("sender_id", sender_id)
    if default is None:
        msg = "sender_id is missing: give one here, or a default to the client"
        raise ValueError(msg)
    return default


@forgetful
def read_inbound_phone(name: str, value: object) -> str:
    """Return the number of somebody who wrote, in E.164.

    Meta and those who forward its messages write it without the plus. It always
    has the country's code, so that it cannot be read in two ways.

    Raises:
        ValueError: It is no number in one of these forms.
    """
    if isinstance(value, str) and is_e164(f"+{value}"):
        return f"+{value}"
    return check_phone(name, value)


def read_age_seconds(name: str, at: object, *, now: datetime) -> float:
    """Return for how long something has been so; 0 for a time in the future.

    Raises:
        ValueError: It is no aware `datetime`.
    """
    if not isinstance(at, datetime):
        msg = f"{name} must be an aware datetime; got {show_kind(at)}"
        raise ValueError(msg)
    if at.utcoffset() is None:
        msg = f"{name} must be aware, such as datetime.now(UTC); it has no time zone"
        raise ValueError(msg)
    return max((now - at).total_seconds(), 0.0)
