"""Each import contract is broken by what it forbids.

A contract can be kept because nothing breaks it, and because it looks at nothing. So
wrong imports are planted in a copy of the package, and each must be found there.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest

import autocalls_async

pytestmark = pytest.mark.xdist_group("contracts")  # one copy serves them all

_HOUSE = Path(str(autocalls_async.__file__)).parent
_SETTINGS = _HOUSE.parent / "pyproject.toml"
_LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def _read_contracts() -> Mapping[str, dict[str, Any]]:
    settings = tomllib.loads(_SETTINGS.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return {contract["id"]: contract for contract in found}


_CONTRACTS = _read_contracts()


def _ends_of_layers(contract: str) -> tuple[str, str]:
    """Return a module of the lowest layer, and one of the highest."""
    layers = _CONTRACTS[contract]["layers"]
    (container,) = _CONTRACTS[contract]["containers"]
    lowest, highest = (layer.split(" | ")[0] for layer in (layers[-1], layers[0]))
    return f"{container}.{lowest}", f"{container}.{highest}"


def _place_in(room: str) -> str:
    """Return the module of a room to plant in: itself, where it is one alone."""
    is_folder = (_HOUSE.parent / room.replace(".", "/")).is_dir()
    return f"{room}.planted" if is_folder else room


# The contract; the module that imports, made where there is none; what it imports.
_PLANTS = [
    *(
        (contract, f"autocalls_async.{room}.planted", library)
        for contract, library in (
            ("aiohttp", "aiohttp"),
            ("doors", "aiolimiter"),
            ("doors", "cattrs"),
            ("doors", "sqlite3"),
        )
        for room in ("campaign", "cli", "http", "journal", "model", "testing")
    ),
    ("aiohttp", "autocalls_async.engine.telemetry.records", "aiohttp"),
    *(
        ("pure", f"autocalls_async.{room}.planted", library)
        for room in ("http", "model", "policy")
        for library in _CONTRACTS["pure"]["forbidden_modules"]
    ),
    *(
        ("pure", module, "time")
        for module in _CONTRACTS["pure"]["source_modules"]
        if module.count(".") > 1
    ),
    *(
        ("emulator", _place_in(room), "autocalls_async.emulator.state")
        for room in _CONTRACTS["emulator"]["source_modules"]
    ),
    ("layers", "autocalls_async.emulator.planted", "autocalls_async.model.errors"),
    ("layers", "autocalls_async.emulator.planted", "autocalls_async.client"),
    ("layers", "autocalls_async.model.planted", "autocalls_async.policy.verdict"),
    ("layers", "autocalls_async.policy.planted", "autocalls_async.http.reply"),
    (
        "layers",
        "autocalls_async.http.planted",
        "autocalls_async.engine.telemetry.records",
    ),
    ("layers", "autocalls_async.http.planted", "autocalls_async.journal.entry"),
    ("layers", "autocalls_async.journal.planted", "autocalls_async.http.reply"),
    ("layers", "autocalls_async.campaign.planted", "autocalls_async.client"),
    (
        "layers",
        "autocalls_async.testing.planted",
        "autocalls_async.cli.terminal.commands",
    ),
    ("engine", *_ends_of_layers("engine")),
]

# Modules that have no row.
_ATTICS = ("autocalls_async.attic", "autocalls_async.engine.attic")

# Where planning stands on the rules.
_CIRCLE = (
    "autocalls_async.campaign.rules.planted",
    "autocalls_async.campaign.planning",
)


def _copy_house(into: Path) -> Path:
    copytree(_HOUSE, into / "autocalls_async", ignore=ignore_patterns("__pycache__"))
    (into / "pyproject.toml").write_bytes(_SETTINGS.read_bytes())
    return into


def _plant(house: Path, module: str, line: str) -> None:
    path = house / f"{module.replace('.', '/')}.py"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def _lint(house: Path) -> str:
    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", _LINT, "--no-cache"],
        cwd=house,
        env={"PYTHONPATH": str(house), "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def _part_of(report: str, contract: str) -> str:
    """Return what a report says of one broken contract, between two headings."""
    name = re.escape(_CONTRACTS[contract]["name"])
    found = re.search(rf"\n{name}\n-+\n(.*?)(?=\n[^\n]+\n---|\Z)", report, re.DOTALL)
    return found[1] if found else ""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what is found in a house with all the plants."""
    house = _copy_house(tmp_path_factory.mktemp("house"))
    for _, module, imported in dict.fromkeys([*_PLANTS, ("circles", *_CIRCLE)]):
        _plant(house, module, f"import {imported}")
    for room in _ATTICS:
        _plant(house, room, "")
    return _lint(house)


@pytest.mark.parametrize(
    ("contract", "module", "imported"),
    _PLANTS,
    ids=lambda word: str(word).removeprefix("autocalls_async."),
)
def test_a_wrong_import_breaks_its_contract(
    report: str, contract: str, module: str, imported: str
) -> None:
    arrow = rf"-\s+{re.escape(module)} -> {re.escape(imported)} \(l\.\d+"

    assert re.search(arrow, _part_of(report, contract))


def test_rooms_that_import_from_each_other_break_the_contract_of_circles(
    report: str,
) -> None:
    found = _part_of(report, "circles")

    assert "\nNo cycles are allowed in autocalls_async.campaign.\n" in found
    assert "\n- .rules -> .planning (1 import)\n" in found


def test_every_contract_has_its_plant() -> None:
    assert {contract for contract, *_ in _PLANTS} | {"circles"} == set(_CONTRACTS)


def test_a_new_module_must_get_its_row(report: str) -> None:
    for contract, module in zip(("layers", "engine"), _ATTICS, strict=True):
        assert f"\n- {module}\n" in _part_of(report, contract)


def test_the_house_without_a_plant_breaks_none(tmp_path: Path) -> None:
    assert f"{len(_CONTRACTS)} kept, 0 broken" in _lint(_copy_house(tmp_path))
