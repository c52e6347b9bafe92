"""What several of the pure tests need: samples, any JSON, and secrets to look for."""

import json
import types
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st

from autocalls_async.http.replies import read_refusal
from autocalls_async.http.reply import Reply
from autocalls_async.model.errors import RejectedError
from autocalls_async.model.values.frozen import FrozenDict

PHONE = "+14155550123"
TEXT = "the result of your test is positive"
KEY = "7|hunter2hunter2hunter2hunter2"
SECRETS = (PHONE, PHONE[1:], PHONE[2:], TEXT, KEY)

SAMPLES = {
    path.name: path.read_bytes()
    for path in (Path(__file__).parent / "samples").iterdir()
}


def shows_a_secret(text: str) -> bool:
    return any(secret in text for secret in SECRETS)


def phones() -> st.SearchStrategy[str]:
    return st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)


def _nodes(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each node of a JSON value, its root included."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from _nodes(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nodes(item, (*path, index))


_PATHS = {name: tuple(_nodes(json.loads(body))) for name, body in SAMPLES.items()}
_KEYS = sorted({step for p in _PATHS.values() for path in p for step in map(str, path)})

_words = st.sampled_from(
    (
        *("true", "false", "0", "12", "1e999", "SESSION_EXPIRED", "SENDER_OFFLINE"),
        *("2026-02-25T10:30:00+00:00", "2026-02-25T10:30:00", "0001-01-01T00:00+23:59"),
    )
)
_numbers = st.integers() | st.floats() | st.sampled_from((10**400, -(10**400)))
_texts = st.text(st.characters(exclude_categories=())) | _words
_scalars = st.none() | st.booleans() | _numbers | _texts
keys = st.sampled_from(_KEYS) | st.text(max_size=5)

json_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner),
    max_leaves=20,
)
"""Any JSON, and what Python's reader takes for it: NaN, 1e999, half surrogates."""


_CONCRETE: dict[Any, type[object]] = {Mapping: FrozenDict}


def _replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:  # noqa: ANN401  # JSON
    if not path:
        return new
    value[path[0]] = _replaced(value[path[0]], path[1:], new)
    return value


def _taken(value: Any, path: tuple[Any, ...], retag: str | None) -> Any:  # noqa: ANN401  # JSON
    parent = value
    for step in path[:-1]:
        parent = parent[step]
    node = parent.pop(path[-1])
    if retag is not None and isinstance(parent, dict):
        parent[retag] = node
    return value


@st.composite
def mutated_samples(draw: st.DrawFn) -> bytes:
    """Return a real answer with one node replaced, deleted or given another name."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    value = json.loads(SAMPLES[name])
    path = draw(st.sampled_from(_PATHS[name]))
    if path and draw(st.booleans()):
        value = _taken(value, path, draw(st.none() | keys))
    else:
        value = _replaced(value, path, draw(json_values))
    return json.dumps(value).encode()


def is_exactly(value: object, shape: Any) -> bool:  # noqa: ANN401  # any annotation
    """Say whether a value and all in it have exactly the declared types."""
    origin, arguments = get_origin(shape), get_args(shape)
    if origin in {Union, types.UnionType}:
        return any(is_exactly(value, each) for each in arguments)
    if type(value) is not _CONCRETE.get(origin, origin or shape):
        return False
    match value:
        case tuple():
            return all(is_exactly(item, arguments[0]) for item in value)
        case datetime():
            return value.tzinfo is UTC
        case Decimal():
            return value.is_finite()
    hints = get_type_hints(shape) if attrs.has(shape) else {}
    names = [field.name for field in attrs.fields(shape)] if hints else []
    return all(is_exactly(getattr(value, name), hints[name]) for name in names)


def reply(status: int, content: object = None, **headers: str) -> Reply:
    """Make a reply whose body is the content as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=json.dumps(content).encode())


def refusal(answer: Reply) -> RejectedError:
    return read_refusal(answer, recipient_phone=PHONE, attempts=2)
