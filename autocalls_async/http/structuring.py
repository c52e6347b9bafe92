"""Typed values from plain JSON values: the one door to cattrs.

Pure: no I/O, no clock, no asyncio.

cattrs by default reads `"false"` as `True`, `1.9` as `1` and `None` as
`"None"`. Here a value has its type or is refused, with one exception: Laravel
writes big integers and decimals in quotes, so digits are a number where one is
documented. Fields that a class does not know, and optional ones that are not as
they should be, are kept in its `extra`: one odd field does not spoil an answer.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from types import GenericAlias, NoneType, UnionType
from typing import Any, TypeVar, get_args

import cattrs
from attrs import NOTHING, evolve, fields, has
from cattrs.gen import make_dict_structure_fn, override

from autocalls_async.model.values.frozen import FrozenDict

T = TypeVar("T")

_OURS: Mapping[str, Any] = dict.fromkeys(("extra", "fell_back"), override(omit=True))
"""Fields that the service knows nothing of."""

_MISFITS = (ValueError, TypeError, KeyError, OverflowError)


class Unreadable(ValueError):  # noqa: N818  # an answer's property, not our fault
    """A JSON value does not have the shape that was asked for."""


def structure(value: object, shape: type[T]) -> T:
    """Return the JSON value as `shape`.

    Raises:
        Unreadable: It is not of that shape.
    """
    try:
        return _converter().structure(value, shape)
    except _MISFITS as error:
        raise Unreadable from error


_PLAIN = (bool, int, str)

_WHOLE = re.compile(r"[0-9]{1,19}")  # as long as a bigint
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


def _exactly(*kinds: type) -> Callable[[object, object], Any]:
    may_be_digits = int in kinds

    def check(value: object, _: object) -> object:
        if type(value) in kinds:  # a bool is an int, but not here
            return value
        if may_be_digits and isinstance(value, str) and _WHOLE.fullmatch(value):
            return int(value)
        msg = f"expected {kinds[0].__name__}, got {type(value).__name__}"
        raise TypeError(msg)

    return check


def _decimal(value: object, _: object) -> Decimal:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"expected a number, got {type(value).__name__}"
        raise TypeError(msg)
    number = Decimal(repr(value))  # as it stood in the JSON, not its binary shadow
    if not number.is_finite():  # 1e999 is a float's infinity
        msg = "expected a finite number"
        raise ValueError(msg)
    return number


def _instant(value: object, _: object) -> datetime:
    if not isinstance(value, str):
        msg = f"expected ISO 8601, got {type(value).__name__}"
        raise TypeError(msg)
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        msg = "expected an offset"
        raise ValueError(msg)
    return at.astimezone(UTC)


def _with_extra(
    converter: cattrs.Converter, shape: type[Any]
) -> Callable[[object, object], Any]:
    """Return a hook for a class of ours, generated with its first use."""
    own = [a for a in fields(shape) if a.name not in _OURS]
    known = {a.name for a in own} | {"success"}
    optional = {a.name: a.type for a in own if a.default is not NOTHING}
    plain = make_dict_structure_fn(shape, converter, **_OURS)

    def fits(name: str, value: object) -> bool:
        try:
            converter.structure(value, optional[name])
        except _MISFITS:
            return False
        return True

    def hook(value: object, _: object) -> Any:  # noqa: ANN401  # it is of `shape`
        if not isinstance(value, dict):
            msg = f"expected an object, got {type(value).__name__}"
            raise TypeError(msg)
        apart = value.keys() - known
        try:
            result = plain(value)
        except _MISFITS:
            apart |= {k for k in value.keys() & optional if not fits(k, value[k])}
            result = plain({k: v for k, v in value.items() if k not in apart})
        if not apart:
            return result
        extra = {k: v for k, v in value.items() if k in apart}
        return evolve(result, extra=FrozenDict(extra))

    return hook


@cache  # made with the first answer: it takes as long as all else of an import
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    for kind in _PLAIN:
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook(Decimal, _decimal)
    converter.register_structure_hook(datetime, _instant)
    converter.register_structure_hook_factory(
        _is_optional, partial(_optional, converter)
    )
    converter.register_structure_hook_func(
        lambda shape: isinstance(shape, GenericAlias) and shape.__origin__ is tuple,
        partial(_rows, converter),
    )
    converter.register_structure_hook_func(
        lambda shape: getattr(shape, "__origin__", None) is Mapping, _mapping
    )
    converter.register_structure_hook_factory(
        _has_extra, partial(_with_extra, converter)
    )
    return converter


def _has_extra(shape: type) -> bool:
    """Whether it is a class that keeps what it does not know."""
    return has(shape) and hasattr(fields(shape), "extra")


def _is_optional(shape: object) -> bool:
    return isinstance(shape, UnionType) and shape.__args__[1:] == (NoneType,)


def _optional(
    converter: cattrs.Converter, shape: UnionType
) -> Callable[[object, object], Any]:
    """Return a hook that knows its inner one, and need not look it up each time."""
    kind = shape.__args__[0]
    if kind in _PLAIN:
        return _exactly(kind, NoneType)
    inner = converter.get_structure_hook(kind)
    return lambda value, _: None if value is None else inner(value, kind)


def _mapping(value: object, _: object) -> FrozenDict:
    """Read an object; an empty one is an empty list to PHP."""
    if isinstance(value, dict):
        return FrozenDict(value)
    if value == []:
        return FrozenDict()
    msg = f"expected an object, got {type(value).__name__}"
    raise TypeError(msg)


def _rows(
    converter: cattrs.Converter, value: object, shape: type[Any]
) -> tuple[Any, ...]:
    """Read a list; cattrs would take the letters of a text for one."""
    if not isinstance(value, list):
        msg = f"expected a list, got {type(value).__name__}"
        raise TypeError(msg)
    row = get_args(shape)[0]
    return tuple(converter.structure(item, row) for item in value)
