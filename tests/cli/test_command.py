"""The command as a whole: help, version, what it imports, where its output goes."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from autocalls_async import __version__
from autocalls_async.cli.choices import StateName
from autocalls_async.cli.emulator.options import LimitName
from autocalls_async.emulator import RateLimit
from autocalls_async.journal import State
from tests.cli.conftest import OPEN, Autocalls, Service

COMMANDS = [
    "account",
    "bulk",
    "demo",
    "emulator",
    "send",
    "senders",
    "status",
    "template",
    "templates",
]


def test_the_version_is_told(autocalls: Autocalls) -> None:
    ended = autocalls("--version")

    assert ended.status == 0
    assert ended.out == f"autocalls {__version__}\n"


def test_help_names_every_command(autocalls: Autocalls) -> None:
    ended = autocalls("--help")

    assert ended.status == 0
    assert all(f" {command} " in ended.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str, autocalls: Autocalls) -> None:
    ended = autocalls(command, "--help")

    assert ended.status == 0
    assert "--json" in ended.out


def test_help_warns_of_a_key_on_the_command_line(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOCALLS_API_KEY", "7|topsecret")

    ended = autocalls("send", "--help")

    assert "history" in ended.out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(
            ("sendd",),
            "no such command 'sendd'. Did you mean 'send', 'senders'? (autocalls -h",
            id="command",
        ),
        pytest.param(
            ("send",), "missing argument 'RECIPIENT' (autocalls send -h", id="argument"
        ),
        pytest.param(
            ("senders", "--nonsense"),
            "no such option: --nonsense (autocalls senders -h",
            id="option",
        ),
        pytest.param(
            ("emulator", "--port", "99999"),
            "--port must be less than or equal to 65535; got '99999' (autocalls em",
            id="range",
        ),
        pytest.param(
            ("send", OPEN, "hi", "--sender-id", "abc"),
            "--sender-id must be a valid integer; got 'abc' (autocalls send -h",
            id="number",
        ),
        pytest.param(
            ("bulk", "people.csv", "--repeats", "maybe"),
            "--repeats: 'maybe' is not one of 'first', 'all' (autocalls bulk -h",
            id="choice",
        ),
        pytest.param(
            ("bulk", "people.csv", "--price", "abc"),
            "--price: it must be an amount of at least 0, such as 0.05; got 'abc' (",
            id="ours",
        ),
        pytest.param(
            ("send", OPEN, "hi", "--account", "acme"),
            "--account needs --accounts FILE",
            id="together",
        ),
        pytest.param(("bulk", "x", "--rate"), "option '--rate' requires", id="cut off"),
        pytest.param(("\x1b[31m\n",), "no such command '", id="steering"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(
    arguments: tuple[str, ...], complaint: str, autocalls: Autocalls
) -> None:
    ended = autocalls(*arguments)

    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.startswith(f"autocalls: {complaint}")
    assert ended.err.removesuffix("\n").isprintable()


def test_a_variable_that_cannot_be_used_is_named(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOCALLS_SENDER_ID", "twelve")

    ended = autocalls("send", OPEN, "hi")

    assert ended.status == 2
    assert ended.err.startswith(
        "autocalls: AUTOCALLS_SENDER_ID must be a valid integer; got 'twelve' ("
    )


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("library", ["phonenumbers", "rich", "typer"])
def test_without_its_libraries_the_command_says_what_to_install(library: str) -> None:
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from autocalls_async.cli import main; sys.exit(main(['demo']))"
    )

    ended = run_python(code)

    assert ended.returncode == 2
    assert ended.stderr == (
        "autocalls: this command needs the extra 'cli': "
        "pip install 'autocalls-async[cli]'\n"
    )


def modules_of(*arguments: str) -> set[str]:
    """Run a command in a fresh interpreter, and give what it imported."""
    code = (
        "import sys; before = set(sys.modules); from autocalls_async.cli import main\n"
        f"status = main({arguments!r})\n"
        "print(*set(sys.modules) - before, file=sys.stderr); sys.exit(status)"
    )
    ended = run_python(code)
    assert ended.returncode == 0
    return set(ended.stderr.split())


def test_the_version_and_the_help_are_told_without_client_and_emulator() -> None:
    heavy = {"aiohttp", "asyncio", "phonenumbers", "sqlite3"}
    ours = {
        "autocalls_async.client",
        "autocalls_async.emulator",
        "autocalls_async.journal",
        "autocalls_async.model.errors",
    }

    version, help_page = modules_of("--version"), modules_of("--help")

    assert version & {*heavy, *ours, "rich"} == set()
    assert help_page & {*heavy, *ours} == set()


def test_what_the_options_name_is_what_the_journal_knows() -> None:
    assert [state.value for state in StateName] == [state.value for state in State]


def test_a_journal_is_shown_without_client_and_emulator(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    run_python(
        "import asyncio; from autocalls_async.journal import SqliteJournal\n"
        "async def main():\n"
        f"    async with SqliteJournal({str(path)!r}): pass\n"
        "asyncio.run(main())"
    )

    imported = modules_of("journal", "show", str(path))

    assert "autocalls_async.journal.storage.reading" in imported
    assert (
        imported
        & {
            "aiohttp",
            "autocalls_async.engine",
            "autocalls_async.webhooks",
            "autocalls_async.client",
            "autocalls_async.emulator",
        }
        == set()
    )


def test_the_emulators_limits_are_named_by_the_command() -> None:
    assert get_args(LimitName) == tuple(limit.value for limit in RateLimit)


@pytest.mark.real_time
def test_a_reader_that_leaves_is_no_traceback(service: Service, tmp_path: Path) -> None:
    rows = "".join(f"{OPEN},m{i},{i}\n" for i in range(60))
    (tmp_path / "rows.csv").write_text(f"recipient_phone,message,key\n{rows}")
    arguments = ["bulk", "rows.csv", "--json", "--rate", "20", "--rate-is-agreed"]
    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "autocalls_async", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()

    assert process.returncode == 1
    assert err.splitlines()[-1].startswith(
        "autocalls: cannot write standard output: Broken pipe"
    )
    assert len(service.emulator.accepted) < 60
