"""What the page is made of: all of it is named, and what is of others is unchanged."""

import hashlib
import json
import re
from pathlib import Path

import pytest

import autocalls_async.emulator

PAGE = Path(autocalls_async.emulator.__file__).parent / "page"
VENDOR = PAGE / "vendor"
ENTRIES = json.loads((VENDOR / "vendor.json").read_text())


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["file"] for entry in ENTRIES])
def test_a_file_of_others_is_unchanged(entry: dict[str, str]) -> None:
    digest = hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest()

    assert digest == entry["sha256"]


def test_every_file_of_others_is_listed_with_version_and_licence() -> None:
    listed = {entry["file"] for entry in ENTRIES}
    licences = {entry["license_file"] for entry in ENTRIES}

    assert {path.name for path in VENDOR.iterdir()} == {
        "vendor.json",
        *listed,
        *licences,
    }
    for entry in ENTRIES:
        assert entry["package"]
        assert entry["version"]
        assert entry["license"] in {"MIT", "Apache-2.0"}


@pytest.mark.parametrize(
    ("licence", "words"),
    [
        pytest.param("preact-LICENSE.txt", "The MIT License", id="preact"),
        pytest.param("htm-LICENSE.txt", "Apache License", id="htm"),
    ],
)
def test_the_licence_of_others_goes_with_their_files(licence: str, words: str) -> None:
    assert words in (VENDOR / licence).read_text()


def test_every_module_is_asked_for_at_once() -> None:
    index = (PAGE / "index.html").read_text()
    asked = re.findall(
        r'(?:modulepreload" href|module" src)="/_sandbox/page/(.*?)"', index
    )
    modules = [*PAGE.rglob("*.js"), *PAGE.rglob("*.mjs")]

    assert sorted(asked) == sorted(str(p.relative_to(PAGE)) for p in modules)
