"""What people are told once a campaign has ended."""

from pathlib import Path

import pytest

from autocalls_async.cli.bulk.conclusion import Conclusion, Results
from autocalls_async.cli.bulk.intake.inventory import Inventory
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.rules.given import GivenRules
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.journal import JournalError

CAMPAIGN = Campaign(file="rows.csv", journal=Path("run.db"), report=Path("run.html"))


def conclude(results: Results) -> int:
    """Tell of a campaign that has ended so."""
    return Conclusion(
        campaign=CAMPAIGN,
        found=Inventory(),
        rules=GivenRules(),
        results=results,
        screen=Screen(as_json=False),
    ).tell()


def test_a_report_is_said_to_be_written_where_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert conclude(Results(written=[Path("run.html")])) == 0

    assert "written: run.html" in capsys.readouterr().out


def test_a_report_that_a_broken_journal_kept_from_being_begun_is_not_claimed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = JournalError(path=Path("run.db"), detail="disk I/O error")

    assert conclude(Results(ended_by=error)) == 1

    said = capsys.readouterr()
    assert "written" not in said.out
    assert "stopped: " in said.err
