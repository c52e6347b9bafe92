"""Each program on the site runs, each test passes, each command is one."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from attrs import frozen

from autocalls_async.cli.app import app
from autocalls_async.emulator import Emulator
from tests.users_suite import run_suite

PAGES = Path(__file__).parents[2] / "docs" / "pages"
KINDS = {"program", "test", "module"}
_BLOCK = re.compile(
    r'(?:<!-- runs: (\w+) -->\n)?^```python title="([^"]+)"\n(.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


@frozen
class Snippet:
    """A block of Python on a page.

    Attributes:
        kind: `program` runs against the emulator, `test` under pytest, `module` is
            imported; the empty one belongs to another block.
    """

    page: str
    kind: str
    name: str
    code: str


def pages() -> Iterator[tuple[str, str]]:
    """Return name and text of each page that is written by hand."""
    for path in sorted(PAGES.rglob("*.md")):
        if path.parent.name != "made":
            yield str(path.relative_to(PAGES)), path.read_text(encoding="utf-8")


SNIPPETS = [
    Snippet(page, kind, name, code)
    for page, text in pages()
    for kind, name, code in _BLOCK.findall(text)
]


def of_kind(kind: str) -> pytest.MarkDecorator:
    chosen = [
        pytest.param(snippet, id=f"{snippet.page}-{snippet.name}")
        for snippet in SNIPPETS
        if snippet.kind == kind
    ]
    return pytest.mark.parametrize("snippet", chosen)


def test_every_block_of_python_says_how_it_runs() -> None:
    blocks = sum(text.count("```python") for _, text in pages())

    assert len(SNIPPETS) == blocks
    assert {snippet.kind for snippet in SNIPPETS} <= {*KINDS, ""}
    assert {snippet.name for snippet in SNIPPETS if not snippet.kind} == {
        "test_service.py"  # it is run beside its service, below
    }


@pytest.mark.needs("the real clock")
@pytest.mark.real_time
@of_kind("program")
async def test_a_program_runs(
    snippet: Snippet, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.populate()
    (tmp_path / snippet.name).write_text(snippet.code, encoding="utf-8")
    told = {
        "AUTOCALLS_API_KEY": "1|any-key",
        "AUTOCALLS_SENDER_ID": "12",
        "AUTOCALLS_BASE_URL": emulator.base_url,
    }

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        snippet.name,
        cwd=tmp_path,
        env=os.environ | told,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert (process.returncode, err.decode()) == (0, "")
    assert emulator.accepted or out


@pytest.mark.needs("the real clock")
@of_kind("test")
def test_a_test_passes(snippet: Snippet, pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nfilterwarnings = error\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )
    (pytester.path / snippet.name).write_text(snippet.code, encoding="utf-8")

    outcome = run_suite(pytester).parseoutcomes()

    assert outcome.keys() == {"passed"}


@pytest.mark.needs("the real clock")
def test_the_service_of_fastapi_passes_its_test(pytester: pytest.Pytester) -> None:
    for snippet in SNIPPETS:
        if snippet.page == "how-to/fastapi.md":
            path = pytester.path / snippet.name
            path.write_text(snippet.code, encoding="utf-8")

    run_suite(pytester, "-ppytester").assert_outcomes(passed=1)


@pytest.mark.needs("the real clock")
@pytest.mark.timeout(300)  # mypy reads aiohttp, FastAPI and pydantic
def test_all_of_them_are_imported_and_have_the_right_types(tmp_path: Path) -> None:
    paths: dict[str, Snippet] = {}
    for number, snippet in enumerate(SNIPPETS):
        path = tmp_path / f"page_{number}" / snippet.name
        path.parent.mkdir()
        path.write_text(snippet.code, encoding="utf-8")
        if snippet.kind:
            paths[str(path.relative_to(tmp_path))] = snippet
    modules = [path for path, snippet in paths.items() if snippet.kind == "module"]

    load = "import runpy, sys; [runpy.run_path(path) for path in sys.argv[1:]]"
    loaded = run(["-c", load, *modules], tmp_path)
    options = ["--strict", "--namespace-packages", "--explicit-package-bases"]
    checked = run(["-m", "mypy", *options, *paths], tmp_path)

    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert checked.returncode == 0, checked.stdout


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own words
        [sys.executable, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


COMMANDS = [
    pytest.param(line, id=f"{page}: {line}")
    for page, text in pages()
    for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("autocalls ")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOCALLS_API_KEY", "1|any-key")
    words = shlex.split(line, comments=True)[1:]
    command = typer.main.get_command(app)

    name = "autocalls"
    while words and words[0] in getattr(command, "commands", {}):
        name = words.pop(0)
        command = command.commands[name]  # type: ignore[attr-defined]  # a group's

    assert name != "autocalls"
    command.make_context(name, words)  # it refuses what it does not know


def test_every_link_between_pages_leads_somewhere() -> None:
    made = {"verdicts", "cli", "journal-tables", "cluster-tables", "changelog"}
    missing = [
        f"{page}: {link}"
        for page, text in pages()
        for link in re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", text)
        if not (PAGES / page).parent.joinpath(link).exists()
        and not (
            "/made/" in link
            and (Path(link).stem in made or Path(link).stem.startswith("api-"))
        )
    ]

    assert missing == []
