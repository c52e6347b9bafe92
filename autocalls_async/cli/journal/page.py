"""A campaign's report as a page: one file that loads nothing.

The page is `page.html`, a Jinja2 template that escapes whatever it is given.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from autocalls_async.cli.journal.chart import draw_rate, share_out
from autocalls_async.cli.journal.report import Report, show_instant
from autocalls_async.cli.journal.tally import facts_of
from autocalls_async.cli.rows.private import open_private
from autocalls_async.cli.terminal.failures import CommandError, Status, os_reason

_MOST_LINES = 10
"""Named; the others are counted."""

_COLORED = ("accepted", "rejected", "unsent", "unknown", "in-flight")
"""Outcomes that have a color of their own there."""


def render_report(report: Report, *, facts: Sequence[tuple[str, str]]) -> str:
    """Make the page.

    Args:
        report: Its numbers.
        facts: What else to say above them, as names and values.
    """
    return _page.render(
        report=report,
        facts=facts,
        shares=share_out(report.counts),
        chart=draw_rate(report.times, limit=report.limit) if report.times else None,
        most_lines=_MOST_LINES,
        colors=[*_COLORED, "other"],
    )


def write_page(
    path: Path, report: Report, *, more: Sequence[tuple[str, str]] = ()
) -> None:
    """Write a report's page, with more facts about it.

    Raises:
        CommandError: It cannot be written.
    """
    page = render_report(report, facts=[*facts_of(report), *more])
    try:
        with open_private(path, "w") as file:
            file.write(page)
    except OSError as error:
        msg = f"cannot write {path}: {os_reason(error)}"
        raise CommandError(msg, status=Status.FAILED) from error


def _class_of(name: str) -> str:
    """Return the class of an outcome's color."""
    kind = name.replace(" ", "-")
    return kind if kind in _COLORED else "other"


def _with_commas(number: int) -> str:
    return f"{number:,}"


_environment = Environment(
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_environment.filters |= {
    "class_of": _class_of,
    "instant": show_instant,
    "with_commas": _with_commas,
}
_page = _environment.from_string(
    files("autocalls_async.cli.journal").joinpath("page.html").read_text("utf-8")
)
