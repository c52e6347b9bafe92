"""Values as plain JSON types.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from math import isfinite
from typing import Any, ClassVar

from attrs import fields


class Plain:
    """A value that can give itself as plain JSON types."""

    __slots__ = ()

    _also: ClassVar[tuple[str, ...]] = ()  # properties that belong to it

    def to_dict(self) -> dict[str, Any]:
        """Return this as plain JSON types, as `json.dumps()` takes them.

        It is data and not a log: numbers, names and texts are whole. An instant
        is ISO 8601, a decimal a number, a tuple a list, and a number of seconds
        without end is `None`.
        """
        names = [a.name for a in fields(type(self))]  # type: ignore[arg-type]  # all are attrs
        return {name: to_plain(getattr(self, name)) for name in (*names, *self._also)}


def to_plain(value: object) -> Any:  # noqa: ANN401  # whatever JSON can hold
    """Return a value as plain JSON types; what JSON has no word for is its text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else None
        case Plain():
            return value.to_dict()
        case Mapping():
            return {str(key): to_plain(item) for key, item in value.items()}
        case Enum():
            return value.value
    return _to_plain_text(value)


def _to_plain_text(value: object) -> Any:  # noqa: ANN401  # as above
    from decimal import Decimal  # noqa: PLC0415  # few values hold money

    match value:
        case Decimal():
            number = float(value)
            return number if isfinite(number) else str(value)
        case datetime():
            return value.isoformat()
        case Iterable():
            return [to_plain(item) for item in value]
    return str(value)
