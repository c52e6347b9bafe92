"""What people see: lines, tables, commands to copy."""

import pytest
from rich.text import Text

from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.tables import fact_table, make_table


def test_tables_stand_side_by_side_where_there_is_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = make_table("One", ("a" * 30,)), make_table("Two", ("b" * 30,))

    monkeypatch.setenv("COLUMNS", "80")
    Screen(as_json=False).show(one, two)
    wide = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "50")
    Screen(as_json=False).show(one, two)
    narrow = capsys.readouterr().out

    assert any("One" in line and "Two" in line for line in wide.splitlines())
    assert not any("One" in line and "Two" in line for line in narrow.splitlines())


def test_a_command_to_copy_is_never_cut_in_two(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    command = "autocalls bulk people.csv --journal run.db"

    Screen(as_json=False).offer("to go on", command)

    assert capsys.readouterr().out == f"to go on: {command}\n"


@pytest.mark.parametrize(
    ("term", "is_left"),
    [
        pytest.param("xterm-256color", False, id="a terminal"),
        pytest.param("dumb", True, id="elsewhere"),
    ],
)
def test_what_is_waited_for_is_a_line_only_where_it_cannot_vanish(
    term: str,
    is_left: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("FORCE_COLOR", "1")

    with Screen(as_json=False).waiting("asking the service"):
        pass

    err = capsys.readouterr().err
    assert (err == "asking the service\n") == is_left
    assert "asking the service" in err


def test_a_title_stands_on_one_line_above_a_narrow_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    title = "Dry run of people.csv: nothing was sent"

    Screen(as_json=False).show(fact_table(title, [("rows", "1")]))

    assert title in capsys.readouterr().out


def test_tables_below_each_other_are_apart(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    one, two = make_table("One", ("a" * 30,)), make_table("Two", ("b" * 30,))

    Screen(as_json=False).show(one, two)

    lines = capsys.readouterr().out.splitlines()
    titles = [n for n, line in enumerate(lines) if line.strip() in {"One", "Two"}]
    assert [lines[number - 1].strip() for number in titles] == ["", ""]


def test_a_table_without_room_has_a_line_for_each_cell_and_cuts_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    table = make_table("Senders", ("id", "number", "status", "name"))
    table.add_row("12", "+14155551234", "disconnected", Text("Acme [red] Support"))
    table.add_row("15", "+442071234567", "online", Text("Acme Sales"))

    Screen(as_json=False).show(table)

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:7] == [
        ["Senders"],
        ["id", "12"],
        ["number", "+14155551234"],
        ["status", "disconnected"],
        ["name", "Acme", "[red]", "Support"],
        [],
    ]
    assert ["name", "Acme", "Sales"] in lines


def test_a_last_column_that_folds_leaves_a_table_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    table = make_table("Senders", ("id", "number", "text"))
    table.add_row("12", "+14155551234", Text("a long one " * 9))

    Screen(as_json=False).show(table)

    assert "id   number" in capsys.readouterr().out
