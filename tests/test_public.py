"""The package's public names: each is there, and imported where it is used."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import autocalls_async


def run_python(code: str) -> str:
    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_what_a_checker_is_told_is_what_there_is() -> None:
    source = Path(str(autocalls_async.__file__)).read_text(encoding="utf-8")
    told = {
        alias.name: node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.level == 0
        for alias in node.names
        if str(node.module).startswith("autocalls_async")
    }

    assert sorted(told) == sorted(autocalls_async.__all__)
    for name, module in told.items():
        there = getattr(import_module(str(module)), name)
        assert getattr(autocalls_async, name) is there


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'AutocalsClient'"):
        getattr(autocalls_async, "AutocalsClient")  # noqa: B009  # a checker knows too


def test_the_package_alone_imports_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import autocalls_async;"
        "print(*sorted(set(sys.modules) - before))"
    )

    new = run_python(code).split()

    assert [name for name in new if name.startswith("autocalls")] == [
        "autocalls_async",
        "autocalls_async._version",
    ]
    assert not {"asyncio", "attrs", "aiohttp", "cattrs"} & set(new)


def test_a_client_is_imported_without_what_the_first_one_made_needs() -> None:
    code = (
        "import sys; before = set(sys.modules);"
        "from autocalls_async import AutocallsClient;"
        "print(*sorted(set(sys.modules) - before))"
    )

    loaded = run_python(code).split()

    assert not {"cattrs", "aiolimiter", "sqlite3", "zoneinfo", "decimal"} & set(loaded)
    assert not {"autocalls_async.engine.sending", "autocalls_async.http.replies"} & set(
        loaded
    )
