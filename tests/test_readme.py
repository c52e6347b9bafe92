"""The README: its programs run, its tables agree with the code, its tests exist."""

import ast
import asyncio
import inspect
import os
import re
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from runpy import run_path
from textwrap import dedent

import pytest

import autocalls_async
from autocalls_async import AutocallsClient, AutocallsError
from autocalls_async.cli.demo.demo import demo
from autocalls_async.cli.demo.plan import Script
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.emulator import Emulator
from autocalls_async.http.settings import DEFAULT_BASE_URL
from autocalls_async.policy.verdict import Verdict
from tests.readme import DEMO, OUTPUT, PROGRAMS, README, ROOT, page, table

COMMAND = "python3 -m venv .venv && .venv/bin/pip install -e '.[{}]' && .venv/bin/{}"
NAMES = {
    Verdict.ACCEPTED: "`Accepted`",
    Verdict.REFUSED: "`Rejected`",
    Verdict.UNSENT: "`Unsent`",
    Verdict.UNKNOWN: "`Unknown`",
}


async def start_program(path: Path, environment: Mapping[str, str]) -> str:
    """Run a program as its reader would, and give what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        path,
        cwd=path.parent,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    return out.decode()


async def run_program(path: Path, environment: Mapping[str, str]) -> str:
    """Run a program in a thread with a loop of its own, and give what it printed.

    A process takes a third of a second to begin, and one of them shows that it can.
    """
    out, err = StringIO(), StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        chdir(path.parent),
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        await asyncio.to_thread(run_path, str(path), run_name="__main__")
    assert err.getvalue() == ""
    return out.getvalue()


@pytest.fixture
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write one of the README's programs to a file."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAMS[request.param], encoding="utf-8")
    return path


@pytest.fixture
async def environment(emulator: Emulator) -> dict[str, str]:
    """Say how to reach an emulator with the account that the README speaks of."""
    emulator.populate()
    return {
        "AUTOCALLS_API_KEY": "1|any-key",
        "AUTOCALLS_SENDER_ID": "12",
        "AUTOCALLS_BASE_URL": emulator.base_url,
    }


@pytest.mark.real_time
@pytest.mark.parametrize("written", ["six lines"], indirect=True)
async def test_the_program_of_six_lines_sends(
    written: Path, environment: dict[str, str], emulator: Emulator
) -> None:
    out = await start_program(written, environment)

    (accepted,) = emulator.accepted
    number = accepted.whatsapp_message_id
    assert out.startswith(f"SentMessage(whatsapp_message_id={number}, ")


@pytest.mark.real_time
@pytest.mark.parametrize("written", ["match"], indirect=True)
async def test_the_program_that_matches_tells_each_outcome(
    written: Path, environment: dict[str, str], emulator: Emulator
) -> None:
    out = await run_program(written, environment)

    lines = out.splitlines()
    assert len(lines) == 6
    assert sum(" accepted as " in line for line in lines) == len(emulator.accepted)
    assert sum("the window is closed" in line for line in lines) == 2


@pytest.mark.real_time
@pytest.mark.parametrize("written", ["many"], indirect=True)
async def test_the_program_for_many_messages_prints_what_the_readme_shows(
    written: Path, environment: dict[str, str]
) -> None:
    out = await run_program(written, environment)

    assert sorted(out.splitlines()) == sorted(OUTPUT.splitlines())


@pytest.mark.real_time
@pytest.mark.parametrize("written", ["survive"], indirect=True)
async def test_the_program_with_a_journal_sends_nothing_twice(
    written: Path, environment: dict[str, str], emulator: Emulator
) -> None:
    first = await run_program(written, environment)
    second = await run_program(written, environment)

    assert first.splitlines()[-1] == "3 accepted, 0 seen to before"
    assert second == "0 accepted, 3 seen to before\n"
    assert sorted(a.kind for a in emulator.accepted) == [
        "freeform",
        "freeform",
        "template",
    ]


@pytest.mark.real_time
@pytest.mark.parametrize("written", ["replies"], indirect=True)
async def test_the_program_with_replies_sends_one_before_its_campaign_is_over(
    written: Path, environment: dict[str, str], emulator: Emulator
) -> None:
    await run_program(written, environment)

    texts = [accepted.message for accepted in emulator.accepted]
    assert len(texts) == 7
    assert 0 < texts.index("You wrote: Are you open?") < 6


@pytest.mark.parametrize(
    ("extra", "program"),
    [
        pytest.param("cli", "autocalls demo", id="demo"),
        pytest.param("dev", "pytest", id="tests"),
    ],
)
def test_the_two_commands_are_one_line_each(extra: str, program: str) -> None:
    assert COMMAND.format(extra, program) in README.splitlines()


def words(text: str) -> set[str]:
    """Return the lines that say something, without their layout."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return {line for line in lines if re.search(r"\w", line)}


async def test_the_demo_prints_what_its_picture_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    # Virtual time jumps over a process, so that none is killed here.
    status = await demo(Script(killed_count=0), Screen(as_json=False))

    printed, shown = words(capsys.readouterr().out), words(DEMO)
    # On the real clock these depend on the machine.
    begin = ("goodput", "time", "a reply in between", "a kill")
    measured = {line for line in shown if line.startswith(begin)}
    assert status == 0
    assert len(measured) == len(begin)
    assert shown - measured - printed == set()


def test_every_test_it_names_exists() -> None:
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", page("explanation/promises.md"))

    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists()
        or not re.search(rf"\bdef {name}\(", (ROOT / path).read_text("utf-8"))
    ]

    assert len(named) >= 2 * 9  # promises
    assert missing == []


def test_the_error_table_has_every_error() -> None:
    public = [getattr(autocalls_async, name) for name in autocalls_async.__all__]
    errors = {
        each.__name__
        for each in public
        if inspect.isclass(each) and issubclass(each, AutocallsError)
    }

    rows = table("error", page("reference/errors.md"))

    assert sorted(row[0] for row in rows) == sorted(f"`{name}`" for name in errors)
    assert all(all(row) for row in rows)


def test_the_configuration_table_has_every_argument_and_its_default() -> None:
    source = dedent(inspect.getsource(AutocallsClient.__init__))
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    defaults = [ast.unparse(each) for each in function.args.kw_defaults if each]
    names = [argument.arg for argument in function.args.kwonlyargs]
    known = dict(zip(names, defaults, strict=True))
    known["base_url"] = repr(DEFAULT_BASE_URL)

    rows = table("argument", page("reference/configuration.md"))

    expected = [["`api_key`", ""], *([f"`{n}`", f"`{d}`"] for n, d in known.items())]
    assert [row[:2] for row in rows] == expected
    variables = re.findall(r"AUTOCALLS_\w+", str(AutocallsClient.from_env.__doc__))
    assert [row[3].strip("`") for row in rows if row[3]] == variables


def test_it_is_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= 150


def test_every_file_that_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)

    assert [link for link in links if not (ROOT / link).exists()] == []
    assert len(links) > 10
