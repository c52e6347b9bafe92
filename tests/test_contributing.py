"""CONTRIBUTING names files, tests and commands: each is there."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.promises.simulation.__main__ import _parser
from tests.readme import ROOT

PAGE = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
NAMED = sorted(set(re.findall(r"`([\w./]+(?:/|\.py|\.md|\.toml))`", PAGE)))


def _stands(name: str) -> bool:
    folders = (ROOT, ROOT / "autocalls_async")
    return any(Path(folder, name).exists() for folder in folders)


@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_it_names_is_there(name: str) -> None:
    assert _stands(name)


def test_every_room_has_its_row() -> None:
    rooms = {path.parent.name for path in ROOT.glob("autocalls_async/*/__init__.py")}

    told = {room for room in rooms if f"| `{room}/`" in PAGE}

    assert rooms - told == {
        "testing"
    }  # the plugin: it has no line of the library's work


@pytest.mark.parametrize("command", [c for c in COMMANDS if "pytest" in c])
def test_a_test_that_it_runs_is_there(command: str) -> None:
    for word in shlex.split(command):
        if word.startswith("tests/"):
            path, _, name = word.partition("::")
            if name:
                assert f"def {name}" in (ROOT / path).read_text(encoding="utf-8")
            assert (ROOT / path).exists()


@pytest.mark.parametrize("command", [c for c in COMMANDS if " -m tests." in c])
def test_a_module_that_it_runs_is_there(command: str) -> None:
    module, *options = shlex.split(command.partition(" -m ")[2])

    assert find_spec(f"{module}.__main__")
    if options:
        assert _parser().parse_args(options).seeds >= 1


def test_names_that_it_tells_to_change_are_there() -> None:
    for name, path in (
        ("_ERROR_BY_CODE", "autocalls_async/http/replies.py"),
        ("_remedy", "autocalls_async/model/errors.py"),
        ("REFUSAL_ROWS", "tests/http/test_refusals.py"),
        ("_REFUSALS", "tests/promises/faults/cases/statuses.py"),
        ("PANELS", "autocalls_async/cli/terminal/guide.py"),
        ("CHANGED", "tests/cli/terminal/test_spread.py"),
        ("def make_limit", "autocalls_async/emulator/limits.py"),
    ):
        assert name.removeprefix("def ") in PAGE
        assert name in (ROOT / path).read_text(encoding="utf-8")
