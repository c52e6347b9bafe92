"""The control API's rules for fields and for hosts, as tables."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from decimal import Decimal

import pytest

from autocalls_async.emulator.control.fields import Field, Type, WrongError, read
from autocalls_async.emulator.control.guard import make_guard

GOOD: list[tuple[Type, object, object]] = [
    (Type.TEXT, "hi 🙂", "hi 🙂"),
    (Type.PHONE, "+14155550123", "+14155550123"),
    (Type.INTEGER, 12, 12),
    (Type.INTEGER, "12", 12),
    (Type.NUMBER, "1.5", 1.5),
    (Type.NUMBER, 2, 2.0),
    (Type.BOOLEAN, False, False),
    (Type.OBJECT, {"a": 1}, {"a": 1}),
    (Type.TEXTS, ["a", "b"], ("a", "b")),
    (Type.MONEY, "12.50", Decimal("12.50")),
    (Type.MONEY, 0.1, Decimal("0.1")),
]
BAD: list[tuple[Type, object, str]] = [
    (Type.TEXT, 5, "must be text"),
    (Type.TEXT, "\udc00", "surrogate"),
    (Type.PHONE, "0151 2345", "E.164"),
    (Type.INTEGER, 1.5, "whole number"),
    (Type.INTEGER, True, "whole number"),
    (Type.INTEGER, "9" * 30, "whole number"),
    (Type.NUMBER, "soon", "must be a number"),
    (Type.NUMBER, "inf", "must be a number"),
    (Type.NUMBER, 10**400, "must be a number"),
    (Type.NUMBER, False, "must be a number"),
    (Type.BOOLEAN, 1, "true or false"),
    (Type.OBJECT, [], "must be an object"),
    (Type.TEXTS, "a", "list of texts"),
    (Type.TEXTS, [1], "must be text"),
    (Type.MONEY, "1e", "an amount"),
    (Type.MONEY, "Infinity", "an amount"),
    (Type.MONEY, True, "an amount"),
]


def names(rows: Sequence[tuple[Type, object, object]]) -> list[str]:
    """Name rows by their type and what is given."""
    return [f"{kind.name} {str(given)[:20]} {type(given)}" for kind, given, _ in rows]


@pytest.mark.parametrize(("kind", "given", "meant"), GOOD, ids=names(GOOD))
def test_a_field_is_read_as_it_is_meant(
    kind: Type, given: object, meant: object
) -> None:
    assert read({"x": given}, {"x": Field(type=kind, about="x")}) == {"x": meant}


@pytest.mark.parametrize(("kind", "given", "words"), BAD, ids=names(BAD))
def test_a_wrong_field_is_named_with_its_rule(
    kind: Type, given: object, words: str
) -> None:
    with pytest.raises(WrongError, match=words) as caught:
        read({"x": given}, {"x": Field(type=kind, about="x")})

    assert (caught.value.name, caught.value.status) == ("x", 422)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (Field(type=Type.NUMBER, about="x", minimum=1), 0, "at least 1"),
        (Field(type=Type.NUMBER, about="x", maximum=9), 10, "at most 9"),
        (Field(type=Type.NUMBER, about="x", minimum=1, maximum=9), 10, "1 to 9"),
        (Field(type=Type.TEXT, about="x", choices=("a", "b")), "c", "one of a, b"),
        (Field(type=Type.TEXT, about="the x", required=True), None, "required: the x"),
    ],
    ids=["low", "high", "between", "choice", "missing"],
)
def test_a_value_out_of_bounds_is_told(field: Field, value: object, words: str) -> None:
    with pytest.raises(WrongError, match=words):
        read({"x": value}, {"x": field})


def test_a_default_stands_in_and_its_schema_says_so() -> None:
    field = Field(
        type=Type.NUMBER, about="x", default=2, minimum=1, maximum=3, choices=()
    )

    assert read({}, {"x": field}) == {"x": 2}
    assert field.schema() == {
        "type": "number",
        "description": "x",
        "minimum": 1,
        "maximum": 3,
        "default": 2,
    }


@contextmanager
def refused(header: str) -> Iterator[None]:
    """Expect a 403 because of a header."""
    with pytest.raises(WrongError) as caught:
        yield
    assert (caught.value.status, caught.value.name) == (403, header)


HOSTS: list[tuple[str, list[str], str, bool]] = [
    ("127.0.0.1", [], "127.0.0.1:8080", True),
    ("127.0.0.1", [], "localhost", True),
    ("127.0.0.1", [], "[::1]:8080", True),
    ("127.0.0.1", [], "192.168.1.5:8080", False),
    ("127.0.0.1", [], "localhost.evil.test", False),
    ("127.0.0.1", [], "", False),
    ("127.0.0.1", ["Box.Test"], "box.test:9", True),
    ("127.0.0.1", ["box.test:8080"], "box.test:8080", True),
    ("127.0.0.1", ["box.test:8080"], "box.test:9", False),
    ("192.168.1.5", [], "192.168.1.5:8080", True),
    ("0.0.0.0", [], "192.168.1.5:8080", True),  # noqa: S104 - compared
    ("0.0.0.0", [], "[fe80::1]:8080", True),  # noqa: S104 - compared
    ("::", [], "192.168.1.5", True),
    ("0.0.0.0", [], "evil.test", False),  # noqa: S104 - compared
    ("::1", [], "[::1]:8080", True),
]


@pytest.mark.parametrize(("listening", "allowed", "host", "is_let_in"), HOSTS)
def test_a_host_is_ours_by_its_name(
    listening: str, allowed: list[str], host: str, is_let_in: bool
) -> None:
    guard = make_guard(listening, allowed)

    with nullcontext() if is_let_in else refused("Host"):
        guard.check("GET", {"Host": host}, socket=False)


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [
        ("http://localhost:8080", True),
        ("https://localhost:8080", True),
        ("http://LOCALHOST:8080", True),
        ("http://localhost:8081", False),
        ("http://localhost", False),
        ("null", False),
        ("file://localhost:8080", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_an_origin_is_ours_if_it_is_the_host(origin: str, is_let_in: bool) -> None:
    guard = make_guard("127.0.0.1", [])
    headers = {"Host": "localhost:8080", "Origin": origin}

    guard.check("GET", headers, socket=False)
    for method, socket in (("POST", False), ("DELETE", False), ("GET", True)):
        with nullcontext() if is_let_in else refused("Origin"):
            guard.check(method, headers, socket=socket)
