"""What users see of the library as a whole: signatures, hovers, names, types."""

import inspect
import os
import pkgutil
import pydoc
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType

import pytest

import autocalls_async

SECRET = "7|a-secret-that-no-help-shows"  # noqa: S105  # made up

_INFOS = pkgutil.walk_packages(autocalls_async.__path__, "autocalls_async.")
MODULES = sorted(info.name for info in _INFOS if not info.name.endswith("__main__"))
"""All of ours, those of the extras too."""

FACES = sorted(
    name
    for name in ("autocalls_async", *MODULES)
    if hasattr(import_module(name), "__all__")
)
"""The modules that say what of them is public."""


def own_functions(module: ModuleType) -> Iterator[tuple[str, Callable[..., object]]]:
    """Give a module's functions and the methods of its classes, by name."""
    for name, value in vars(module).items():
        if inspect.isfunction(value):
            yield f"{module.__name__}.{name}", value
        elif inspect.isclass(value) and value.__module__.startswith("autocalls_async"):
            yield from methods(value)


def methods(kind: type) -> Iterator[tuple[str, Callable[..., object]]]:
    """Give what a class defines or inherits from us, unwrapped, by name."""
    for owner in kind.__mro__:
        if not owner.__module__.startswith("autocalls_async"):
            continue
        for name, value in vars(owner).items():
            inner = getattr(value, "__func__", getattr(value, "fget", value))
            if inspect.isfunction(inner):
                yield f"{kind.__name__}.{name}", inner


@pytest.mark.parametrize("name", ["autocalls_async", *MODULES])
def test_no_help_and_no_default_shows_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOCALLS_API_KEY", SECRET)
    module = import_module(name)

    shown = [pydoc.render_doc(module, renderer=pydoc.TextDoc())]
    for _, function in own_functions(module):
        shown += [repr(inspect.signature(function)), repr(function.__kwdefaults__)]

    assert SECRET in repr(os.environ)
    assert SECRET not in "".join(shown)


def test_the_help_of_a_client_from_the_environment_shows_no_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTOCALLS_API_KEY", SECRET)
    from_env = autocalls_async.AutocallsClient.from_env

    shown = pydoc.render_doc(from_env) + str(inspect.signature(from_env))

    assert "environ" in shown
    assert SECRET not in shown
