"""What people see while a campaign runs."""

import io
import sys

import pytest
from rich.console import Console

from autocalls_async.campaign.progress import Progress
from autocalls_async.cli.terminal.progress import (
    LiveProgress,
    PlainProgress,
    bar_style,
    outcome_counts,
    progress_line,
    show_progress,
)
from autocalls_async.cli.terminal.screen import Screen

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

    with PlainProgress(lines.append, total=300) as display:
        display.update(Progress(eta=60.0))
        display.update(HALFWAY)
        display.say("stopping")

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

    with LiveProgress(console, total=300) as display:
        display.update(HALFWAY)
        display.say("stopping\x1b[2J")
        display.update(ENDED)

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

    with LiveProgress(console, total=3):
        sys.stderr.write("#7 ended as unknown\n")

    assert sys.stderr is errors
    before, _, after = errors.getvalue().partition("#7 ended as unknown")
    assert before.endswith("\x1b[2K")  # the bar was wiped away first
    assert after.startswith("\n")
    assert "0 of 3" in after  # and drawn again below


@pytest.mark.parametrize(
    ("term", "kind"),
    [
        pytest.param("xterm-256color", LiveProgress, id="a terminal"),
        pytest.param("dumb", PlainProgress, id="a dumb terminal"),
    ],
)
def test_the_terminal_decides_how_progress_is_shown(
    term: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal

    display = show_progress(Screen(as_json=False), total=1)

    assert isinstance(display, kind)


def test_lines_of_json_on_a_terminal_are_not_mixed_with_a_moving_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")

    display = show_progress(Screen(as_json=True), total=1)

    assert isinstance(display, PlainProgress)


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
