"""What `--help` shows: every option in its panel, and examples that are commands."""

import shlex
from typing import Any

import pytest
import typer

from autocalls_async.cli.app import app
from autocalls_async.cli.terminal.guide import EXAMPLES, PANELS, walk
from tests.cli.conftest import Autocalls

ROOT: Any = typer.main.get_command(app)
COMMANDS = dict(walk(ROOT))


def test_every_command_has_an_example() -> None:
    bare = {"journal", "webhooks", "exclude", "cluster", "cluster unknown"}

    assert EXAMPLES.keys() == COMMANDS.keys() - bare


def test_an_example_is_a_command_and_fits_into_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTOCALLS_CLUSTER_DSN", "postgresql://host/db")

    for named, lines in EXAMPLES.items():
        for line in lines:
            words, name, command = shlex.split(line), "", ROOT
            while words and words[0] in getattr(command, "commands", {}):
                command = command.commands[words[0]]
                name = f"{name} {words.pop(0)}".strip()
            command.make_context(name, words)  # it refuses what it does not know

            assert name.startswith(named)
            assert len(f" autocalls {line}") <= 78


def test_every_panel_holds_options_that_exist() -> None:
    known = {each.name for command in COMMANDS.values() for each in command.params}

    assert PANELS.keys() - known == set()


def test_an_option_of_bulk_is_in_a_panel_unless_it_is_what_is_to_be_done() -> None:
    options = {each.name for each in COMMANDS["bulk"].params}

    assert options - PANELS.keys() == {"dry_run", "preview", "test_to", "price"}


@pytest.mark.parametrize("width", [80, 120])
def test_help_fits_into_the_terminal_and_shows_its_panels_in_order(
    width: int, autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    shown = autocalls("bulk", "--help").out

    assert max(map(len, shown.splitlines())) <= width
    titles = [line[3:].partition(" ─")[0] for line in shown.splitlines() if "╭" in line]
    assert titles == [
        "Arguments",
        *("Options", "Input", "Message", "Rules", "Output", "Connection"),
    ]
    assert "\x1b" not in shown
