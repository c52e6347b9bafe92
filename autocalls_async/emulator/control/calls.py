"""The calls of the control API: one table, which routes and documentation share."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from autocalls_async.emulator.app import App
from autocalls_async.emulator.control.fields import Field, Type, Values
from autocalls_async.emulator.sandbox.box import Sandbox

_PLACE = re.compile(r"\{(\w+)\}")

PATH_FIELDS: Mapping[str, Field] = {
    "phone": Field(type=Type.PHONE, about="The customer.", required=True),
    "id": Field(type=Type.INTEGER, about="Its id.", required=True),
}


@frozen(kw_only=True)
class Desk:
    """What a call acts on."""

    box: Sandbox
    app: App
    base_url: Callable[[], str]


@frozen(kw_only=True)
class Asked:
    """What a call was given, read and checked."""

    path: Values
    query: Values
    body: Values


Act = Callable[[Desk, Asked], Any | Awaitable[Any]]


@frozen(kw_only=True)
class Call:
    """One call."""

    method: str
    path: str
    about: str
    act: Act
    query: Mapping[str, Field] = field(factory=dict)
    body: Mapping[str, Field] | None = None
    """The fields of its body; None where it has none."""

    free_body: bool = False
    """Whether the body is taken as it is."""

    answer: str
    """The name of the answer's schema."""

    status: int = 200

    @property
    def path_fields(self) -> dict[str, Field]:
        """The fields in its path."""
        return {name: PATH_FIELDS[name] for name in _PLACE.findall(self.path)}

    @property
    def pattern(self) -> re.Pattern[str]:
        """What its path looks like."""
        return re.compile(_PLACE.sub(r"(?P<\1>[^/]+)", self.path))


@define
class Calls:
    """Calls by path and method; those with bodies can all be made by POST too."""

    all: list[Call] = field(factory=list)

    def add(
        self,
        method: str,
        path: str,
        about: str,
        **more: Any,  # noqa: ANN401  # of `Call`
    ) -> Callable[[Act], Act]:
        """Make a function a call."""

        def note(act: Act) -> Act:
            call = Call(method=method, path=path, about=about, act=act, **more)
            self.all.append(call)
            return act

        return note

    def find(self, path: str) -> dict[str, tuple[Call, dict[str, str]]]:
        """Return the calls that a path has, by method, with what stands in it."""
        found: dict[str, tuple[Call, dict[str, str]]] = {}
        for call in self.all:
            match = call.pattern.fullmatch(path)
            if match is not None:
                found[call.method] = call, match.groupdict()
        for method in ("PUT", "PATCH"):
            if method in found:
                found.setdefault("POST", found[method])
        return found


CALLS = Calls()
