"""The page of the package, as a registry shows it: README without a dead link."""

import re
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest
from hatchling.build import prepare_metadata_for_build_wheel

from autocalls_async import __version__
from tests.readme import README, ROOT

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)]*)\)")


@pytest.fixture
def metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Message:
    """Make what a build writes of the package."""
    monkeypatch.chdir(ROOT)
    folder = tmp_path / prepare_metadata_for_build_wheel(str(tmp_path))
    return message_from_string((folder / "METADATA").read_text(encoding="utf-8"))


def page_of(metadata: Message) -> str:
    """Return the long description."""
    text = metadata.get_payload()
    assert isinstance(text, str)
    return text


def test_the_page_has_no_link_that_leads_nowhere(metadata: Message) -> None:
    links = [target for _, _, target in LINK.findall(page_of(metadata))]

    assert [link for link in links if not link.startswith("https://")] == []


def test_the_page_says_what_the_readme_says_of_more_than_a_clone(
    metadata: Message,
) -> None:
    words, _, _ = README.partition("\n## Read on")
    before, _, rest = words.partition("\n## Try it")
    after = rest[rest.index("\n## Many messages") :]
    alone = re.compile(rf"^{LINK.pattern}\n+", re.MULTILINE)

    text = page_of(metadata)

    for part in (before, after):
        assert LINK.sub(r"\2", alone.sub("", part)).strip() in text
    assert "docs/pages" in text
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_page_installs_the_package_and_no_clone(metadata: Message) -> None:
    text = page_of(metadata)

    assert re.findall(r"pip install (.*)", text) == ["'autocalls-async[cli]'"]


def test_the_page_names_addresses_that_are_known(metadata: Message) -> None:
    named = [line.split(", ")[1] for line in metadata.get_all("Project-URL", [])]

    assert named
    assert all(address.startswith("https://") for address in named)


def test_the_changes_of_this_version_stand_under_those_to_come() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    sections = re.findall(r"^## (.*)$", changes, re.MULTILINE)

    assert sections[0] == "[Unreleased]"
    assert re.fullmatch(
        rf"\[{re.escape(__version__)}\] - [0-9]{{4}}(-[0-9]{{2}}){{2}}", sections[1]
    )
    assert f"`v{__version__}`" in changes
