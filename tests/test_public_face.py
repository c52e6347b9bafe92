"""What users see of the library as a whole: signatures, hovers, names, types."""

import inspect
import os
import pickle
import pkgutil
import pydoc
import subprocess
import sys
import typing
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from mypy import api

import autocalls_async
from tests.needs import MINUTES

SECRET = "7|a-secret-that-no-help-shows"  # noqa: S105  # made up

_INFOS = pkgutil.walk_packages(autocalls_async.__path__, "autocalls_async.")
MODULES = sorted(info.name for info in _INFOS if not info.name.endswith("__main__"))
"""All of ours, those of the extras too."""

HOME = str(Path(autocalls_async.__file__).parent)

FACES = sorted(
    name
    for name in ("autocalls_async", *MODULES)
    if hasattr(import_module(name), "__all__")
)
"""The modules that say what of them is public."""


def own_functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """Yield a module's functions and the methods of its classes, by name."""
    for name, value in vars(module).items():
        if isinstance(value, FunctionType):
            yield f"{module.__name__}.{name}", value
        elif inspect.isclass(value) and value.__module__.startswith("autocalls_async"):
            yield from methods(value)


def methods(kind: type) -> Iterator[tuple[str, FunctionType]]:
    """Yield what a class defines or inherits from us, unwrapped, by name."""
    for owner in kind.__mro__:
        if not owner.__module__.startswith("autocalls_async"):
            continue
        for name, value in vars(owner).items():
            inner = getattr(value, "__func__", getattr(value, "fget", value))
            made = name == "__annotate_func__"  # by Python 3.14, of annotations
            if isinstance(inner, FunctionType) and not made:
                yield f"{kind.__name__}.{name}", inner


@cache  # many modules know the same ones
def defaults_of(function: FunctionType) -> str:
    """Return how the defaults of its arguments are shown."""
    return repr(inspect.signature(function)) + repr(function.__kwdefaults__)


@pytest.mark.parametrize("name", ["autocalls_async", *MODULES])
def test_no_help_and_no_default_shows_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOCALLS_API_KEY", SECRET)
    module = import_module(name)

    shown = [pydoc.render_doc(module, renderer=pydoc.TextDoc())]
    shown += [defaults_of(function) for _, function in own_functions(module)]

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


def public_things() -> Iterator[tuple[str, object]]:
    """Yield all that a module of ours calls public, by its full name."""
    for face in FACES:
        module = import_module(face)
        for name in module.__all__:
            yield f"{face}.{name}", getattr(module, name)


THINGS = dict(public_things())


def is_ours(kind: type) -> bool:
    """Whether a class was written here."""
    return kind.__module__.startswith("autocalls_async")


@pytest.mark.parametrize("name", THINGS)
def test_type_hints_can_be_read_at_run_time(name: str) -> None:
    thing = THINGS[name]
    functions = {name: thing} if isinstance(thing, FunctionType) else {}
    if isinstance(thing, type) and is_ours(thing):
        typing.get_type_hints(thing)
        functions = dict(methods(thing))

    hints = {
        name: typing.get_type_hints(function) for name, function in functions.items()
    }

    written = {
        name
        for name, function in functions.items()
        if function.__code__.co_filename.startswith(HOME)  # attrs writes some
    }
    assert {name for name in written if "return" not in hints[name]} == set()


NAMED = {
    name: thing
    for name, thing in THINGS.items()
    if isinstance(thing, FunctionType) or (isinstance(thing, type) and is_ours(thing))
}
"""The classes and functions among them: aliases and values say no module."""


@pytest.mark.parametrize("name", NAMED)
def test_a_public_name_says_where_it_is_imported_from(name: str) -> None:
    thing = NAMED[name]

    assert f"{thing.__module__}.{thing.__qualname__}" == name
    assert pickle.loads(pickle.dumps(thing)) is thing  # noqa: S301  # our own bytes


def test_a_name_is_said_even_if_its_room_was_entered_by_another_door() -> None:
    code = (
        "from autocalls_async.campaign.planning.plan import Plan;"
        "from autocalls_async.journal.sqlite import SqliteJournal;"
        "print(Plan.__module__, SqliteJournal.__module__)"
    )

    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "autocalls_async autocalls_async.journal\n"


MISSPELT = """\
from autocalls_async import (AutocallsClient)

AutocallsClient.from_env(timeuot=3)
AutocallsClient.from_env(timeout="3")
AutocallsClient.from_env(max_queued=3, timeout=3, api_key="key", environ={})
AutocallsClient("key", timeuot=3)
"""

NO_SUCH_NAME = """\
from autocalls_async import (AutocalsClient)
from autocalls_async.journal import SqlitJournal
"""


def check_types(config: pytest.Config, code: str, *, name: str) -> list[str]:
    """Return the lines that mypy writes of a program, without its last one."""
    folder = config.rootpath / ".mypy_cache" / "face"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(code, encoding="utf-8")
    options = ["--strict", "--config-file=", f"--cache-dir={folder / 'mypy'}"]
    out, _, _ = api.run([*options, str(path)])
    return out.splitlines()[:-1]


@MINUTES
def test_a_checker_finds_a_misspelt_setting(pytestconfig: pytest.Config) -> None:
    found = check_types(pytestconfig, MISSPELT, name="misspelt")

    errors = [line for line in found if ": error: " in line]
    assert [int(line.split(":")[1]) for line in errors] == [3, 4, 6]
    assert 'Unexpected keyword argument "timeuot"' in errors[0]
    assert 'Argument "timeout"' in errors[1]


@MINUTES
def test_a_checker_finds_a_misspelt_name(pytestconfig: pytest.Config) -> None:
    found = check_types(pytestconfig, NO_SUCH_NAME, name="no_such_name")

    errors = [line for line in found if ": error: " in line]
    assert [int(line.split(":")[1]) for line in errors] == [1, 2]
    assert all("has no attribute" in line for line in errors)


def test_the_settings_are_those_of_the_client() -> None:
    parameters = dict(
        inspect.signature(autocalls_async.AutocallsClient).parameters.items()
    )
    hints = typing.get_type_hints(autocalls_async.AutocallsClient.__init__)

    settings = typing.get_type_hints(autocalls_async.ClientSettings)

    assert settings == {name: hints[name] for name in parameters if name != "api_key"}


@pytest.mark.parametrize("name", ["send", "send_freeform", "send_template"])
def test_a_send_documents_each_argument_and_error(name: str) -> None:
    function = getattr(autocalls_async.AutocallsClient, name)
    text = inspect.getdoc(function) or ""
    arguments, _, errors = text.partition("Raises:")

    named = [n for n in inspect.signature(function).parameters if n != "self"]
    assert [n for n in named if f"    {n}: " not in arguments] == []
    assert "Args:" in arguments
    for error in ("ValueError", "UnsentError", "RejectedError", "UnknownOutcomeError"):
        assert f"    {error}: " in errors


def test_every_method_of_the_client_says_that_it_is_the_clients() -> None:
    client = autocalls_async.AutocallsClient
    methods = inspect.getmembers(client, inspect.isfunction)

    told = {method.__qualname__ for name, method in methods if name[0] != "_"}

    assert told == {f"AutocallsClient.{name}" for name, _ in methods if name[0] != "_"}
    assert "AutocallsClient.senders" in told
