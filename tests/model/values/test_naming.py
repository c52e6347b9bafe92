"""Public names say that they come from where users import them."""

from types import FunctionType

from autocalls_async.model.values.naming import show_in, show_methods_as


def _house() -> dict[str, object]:
    """Return a module's namespace: two things made there, and three that are not."""
    scope: dict[str, object] = {"__name__": "house.room"}
    program = "class Made: pass\nclass _Own: pass\ndef make(): pass\nNUMBER = 5\n"
    exec(program, scope)  # noqa: S102  # our own words
    return scope | {"Lent": int}


def _homes(scope: dict[str, object]) -> dict[str, str]:
    kinds = (type, FunctionType)
    return {n: t.__module__ for n, t in scope.items() if isinstance(t, kinds)}


def test_all_that_is_public_and_made_there_moves_to_the_face() -> None:
    scope = _house()

    show_in("house", of=scope)

    assert _homes(scope) == {
        "Made": "house",
        "_Own": "house.room",
        "make": "house",
        "Lent": "builtins",
    }


def test_only_what_is_named_moves() -> None:
    scope = _house()

    show_in("house", "Made", of=scope)

    assert _homes(scope)["Made"] == "house"
    assert _homes(scope)["make"] == "house.room"


def test_what_is_inherited_is_called_by_the_heir() -> None:
    class Oldest:
        kind = "old"

        def walk(self) -> None: ...

    class Old(Oldest):
        def run(self) -> None: ...
        def _rest(self) -> None: ...

    class Heir(Old):
        def sing(self) -> None: ...

    own = Heir.sing.__qualname__
    show_methods_as(Heir)

    assert Heir.run.__qualname__ == "Heir.run"
    assert Heir.walk.__qualname__ == "Heir.walk"
    assert Heir.sing.__qualname__ == own
    assert vars(Old)["_rest"].__qualname__.endswith("Old._rest")
    assert Heir.kind == "old"
