"""What people see while a campaign runs."""

import io
import sys

import pytest
from rich.console import Console

from autocalls_async.campaign.progress import Progress
from autocalls_async.cli.terminal.screen import (
    LiveWatch,
    PlainWatch,
    Screen,
    bar_style,
    fact_table,
    make_table,
    outcome_counts,
    progress_line,
)

HALFWAY = Progress(
    accepted=118, rejected=2, taken=150, total=300, elapsed=24.0, eta=38.0
)
ENDED = Progress(accepted=300, taken=300, total=300, elapsed=61.0, eta=0.0)


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        pytest.param(Progress(eta=60.0), "0 of 300, about 1 min 00 s left", id="first"),
        pytest.param(
            HALFWAY,
            "120 of 300, 4.9 accepted a second, about 38 s left",
            id="on the way",
        ),
        pytest.param(ENDED, "300 of 300, in 1 min 01 s", id="ended"),
    ],
)
def test_a_line_tells_how_far_it_is(progress: Progress, expected: str) -> None:
    assert progress_line(progress, total=300) == expected


def test_only_outcomes_that_occurred_are_counted_in_a_line() -> None:
    assert outcome_counts(HALFWAY) == "118 accepted, 2 rejected"


def test_without_a_terminal_progress_is_lines() -> None:
    lines: list[str] = []

    with PlainWatch(lines.append, total=300) as watch:
        watch.update(Progress(eta=60.0))
        watch.update(HALFWAY)
        watch.say("stopping")

    assert lines == [
        "sending 300 messages",
        "0 of 300, about 1 min 00 s left",
        "120 of 300, 4.9 accepted a second, about 38 s left; 118 accepted, 2 rejected",
        "stopping",
    ]


def terminal(width: int = 80) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, color_system=None
    )


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_on_a_terminal_progress_is_a_bar_and_what_is_said_stays_above_it() -> None:
    console = terminal()

    with LiveWatch(console, total=300) as watch:
        watch.update(HALFWAY)
        watch.say("stopping\x1b[2J")
        watch.update(ENDED)

    picture = written(console)
    assert "━" in picture
    assert "118 accepted   2 rejected   0 unsent   0 unknown" in picture
    assert "300 of 300, in 1 min 01 s" in picture
    assert "stopping\ufffd[2J" in picture
    assert max(map(len, picture.splitlines())) <= 90  # with what moves the cursor


def test_a_warning_of_the_log_stands_above_the_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    console = Console(
        stderr=True, force_terminal=True, width=80, color_system=None, _environ={}
    )

    with LiveWatch(console, total=3):
        sys.stderr.write("#7 ended as unknown\n")

    assert sys.stderr is errors
    before, _, after = errors.getvalue().partition("#7 ended as unknown")
    assert before.endswith("\x1b[2K")  # the bar was wiped away first
    assert after.startswith("\n")
    assert "0 of 3" in after  # and drawn again below


@pytest.mark.parametrize(
    ("term", "kind"),
    [
        pytest.param("xterm-256color", LiveWatch, id="a terminal"),
        pytest.param("dumb", PlainWatch, id="a dumb terminal"),
    ],
)
def test_the_terminal_decides_how_progress_is_shown(
    term: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal

    watch = Screen(as_json=False).watch(total=1)

    assert isinstance(watch, kind)


def test_lines_of_json_on_a_terminal_are_not_mixed_with_a_moving_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")

    watch = Screen(as_json=True).watch(total=1)

    assert isinstance(watch, PlainWatch)


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


@pytest.mark.parametrize(
    ("progress", "style"),
    [
        (Progress(accepted=3), "green"),
        (Progress(), "green"),
        (Progress(accepted=3, unsent=1), "cyan"),
        (Progress(accepted=3, unsent=1, rejected=1), "yellow"),
        (Progress(accepted=3, rejected=1, unknown=1), "magenta"),
    ],
)
def test_the_bar_is_green_while_all_is_well(progress: Progress, style: str) -> None:
    assert bar_style(progress) == style
