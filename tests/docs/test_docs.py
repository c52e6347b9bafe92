"""The site: every public name has its place, and it builds without a complaint."""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.xdist_group("docs")  # the pages are made once

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = DOCS / "pages"
PUBLIC = [
    "",
    "blocking",
    "cluster",
    "emulator",
    "journal",
    "otel",
    "phones",
    "testing",
    "webhooks",
]


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Make the pages that are made from the code."""
    sys.path.insert(0, str(DOCS))
    try:
        return dict(importlib.import_module("build").make())
    finally:
        sys.path.remove(str(DOCS))
        sys.modules.pop("build", None)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_its_place(made: dict[str, str], name: str) -> None:
    module = f"autocalls_async.{name}".removesuffix(".")
    names = getattr(importlib.import_module(module), "__all__", [])
    public = {name for name in names if name[0] != "_"}

    text = "\n".join(made.values())
    shown = re.findall(r"^::: (\S+)$", text, re.MULTILINE)

    assert public <= {path.rpartition(".")[2] for path in shown}


def test_every_page_that_is_made_is_in_the_menu(made: dict[str, str]) -> None:
    menu = (DOCS / "mkdocs.yml").read_text(encoding="utf-8")

    assert [name for name in made if f"reference/made/{name}" not in menu] == []


def test_every_page_that_is_written_is_in_the_menu() -> None:
    menu = (DOCS / "mkdocs.yml").read_text(encoding="utf-8")
    written = {str(path.relative_to(PAGES)) for path in PAGES.rglob("*.md")}

    assert {
        name for name in written if "/made/" not in name if name not in menu
    } == set()


def test_every_page_says_what_it_is_about_in_its_own_words(
    made: dict[str, str],
) -> None:
    written = [p for p in PAGES.rglob("*.md") if p.parent.name != "made"]
    texts = [*made.values(), *(path.read_text(encoding="utf-8") for path in written)]
    opening = r'\A---\n(?:title: .+\n)?description: "(.{20,155})"\n---\n\n# '

    found = [re.match(opening, text) for text in texts]
    described = {match[1] for match in found if match}

    assert len(described) == len(texts)


@pytest.mark.needs("the real clock")
def test_the_pictures_are_of_runs_and_load_nothing(tmp_path: Path) -> None:
    script = [sys.executable, str(DOCS / "pictures.py"), str(tmp_path)]
    subprocess.run(script, check=True)  # noqa: S603  # our own words

    for name, end in {
        "demo": "Client and service agree on each of the 35 messages.",
        "bulk": "All of 11 messages accepted.",
    }.items():
        drawn = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        kept = (PAGES / "assets" / f"{name}.svg").read_text(encoding="utf-8")
        for picture in (drawn, kept):
            ET.fromstring(picture)  # noqa: S314  # our own
            assert end in picture.replace("&#160;", " ")
            assert re.findall(r"https?://(?!www\.w3\.org/)", picture) == []
