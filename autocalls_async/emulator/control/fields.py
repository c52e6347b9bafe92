"""What the fields of a control call must look like, and how that is documented.

Pure: no I/O, no clock, no asyncio.
"""

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from attrs import field, frozen

from autocalls_async.emulator.validation import is_phone

Values = dict[str, Any]


class WrongError(Exception):
    """A field is not as it must be, or another thing about a call."""

    def __init__(
        self, error: str, name: str | None = None, status: int = 422, **more: object
    ) -> None:
        super().__init__(error)
        self.name = name
        self.status = status
        self.more = more


class Type(Enum):
    """What a field holds; the value is its JSON schema."""

    TEXT = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"
    TEXTS = "array"
    PHONE = "phone"
    MONEY = "money"


@frozen(kw_only=True)
class Field:
    """One field of a body, a query or a path."""

    type: Type
    about: str
    required: bool = False
    default: object = None
    choices: tuple[str, ...] = field(default=())
    minimum: float | None = None
    maximum: float | None = None

    def read(self, value: object) -> object:
        """Return a value as it is meant.

        Raises:
            ValueError: It is not as it must be; the text says how.
        """
        read = _READERS[self.type](value)
        if self.choices and read not in self.choices:
            msg = f"must be one of {', '.join(self.choices)}; got {read!r}"
            raise ValueError(msg)
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if isinstance(read, int | float | Decimal) and not low <= read <= high:
            msg = f"must be {_range(self.minimum, self.maximum)}; got {value!r}"
            raise ValueError(msg)
        return read

    def schema(self) -> dict[str, Any]:
        """Return its JSON schema."""
        schema: dict[str, Any] = dict(_SCHEMAS[self.type])
        schema["description"] = self.about
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.minimum is not None:
            schema["minimum"] = self.minimum
        if self.maximum is not None:
            schema["maximum"] = self.maximum
        if self.default is not None:
            schema["default"] = self.default
        return schema


def read(given: Mapping[str, object], fields: Mapping[str, Field]) -> Values:
    """Return the values of fields, with defaults where there are any.

    Fields that may be left out, and were, are not in it.

    Raises:
        WrongError: One is missing, unknown or not as it must be.
    """
    for name in given:
        if name not in fields:
            known = ", ".join(fields) or "none"
            msg = f"there is no field {name!r} here; known: {known}"
            raise WrongError(msg, name)
    values: Values = {}
    for name, each in fields.items():
        if given.get(name) is not None:
            try:
                values[name] = each.read(given[name])
            except ValueError as error:
                msg = f"{name} {error}"
                raise WrongError(msg, name) from None
        elif each.required:
            msg = f"{name} is required: {each.about}"
            raise WrongError(msg, name)
        elif each.default is not None:
            values[name] = each.default
    return values


def _range(low: float | None, high: float | None) -> str:
    match low, high:
        case (None, _):
            return f"at most {high:g}"
        case (_, None):
            return f"at least {low:g}"
        case _:
            return f"{low:g} to {high:g}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = f"must be text; got {value!r}"
        raise ValueError(msg)
    try:
        value.encode()
    except UnicodeEncodeError:
        msg = "must be Unicode text; got half of a surrogate pair"
        raise ValueError(msg) from None
    return value


def _phone(value: object) -> str:
    text = _text(value)
    if not is_phone(text):
        msg = f"must be E.164, such as +14155550123; got {text!r}"
        raise ValueError(msg)
    return text


def _integer(value: object) -> int:
    match value:
        case bool():
            pass
        case int():
            return value
        case str() if value.isascii() and value.isdecimal() and len(value) < 19:
            return int(value)
    msg = f"must be a whole number; got {value!r}"
    raise ValueError(msg)


def _number(value: object) -> float:
    msg = f"must be a number; got {value!r}"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(msg)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(msg) from None
    if not math.isfinite(number):
        raise ValueError(msg)
    return number


def _money(value: object) -> Decimal:
    msg = f"must be an amount, such as 12.50; got {value!r}"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(msg)
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(msg) from None
    if not amount.is_finite():
        raise ValueError(msg)
    return amount


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        msg = f"must be true or false; got {value!r}"
        raise ValueError(msg)
    return value


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        msg = f"must be an object; got {type(value).__name__}"
        raise ValueError(msg)
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        msg = f"must be a list of texts; got {value!r}"
        raise ValueError(msg)
    return tuple(_text(one) for one in value)


_READERS = {
    Type.TEXT: _text,
    Type.INTEGER: _integer,
    Type.NUMBER: _number,
    Type.BOOLEAN: _boolean,
    Type.OBJECT: _object,
    Type.TEXTS: _texts,
    Type.PHONE: _phone,
    Type.MONEY: _money,
}

_SCHEMAS: Mapping[Type, Mapping[str, Any]] = {
    Type.TEXT: {"type": "string"},
    Type.INTEGER: {"type": "integer"},
    Type.NUMBER: {"type": "number"},
    Type.BOOLEAN: {"type": "boolean"},
    Type.OBJECT: {"type": "object"},
    Type.TEXTS: {"type": "array", "items": {"type": "string"}},
    Type.PHONE: {"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$"},
    Type.MONEY: {"type": ["string", "number"]},
}
