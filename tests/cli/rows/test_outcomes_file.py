"""Each outcome is on disk before the next one is known."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from autocalls_async.cli.rows.outcomes_file import OutcomesFile, check_place
from autocalls_async.cli.terminal.failures import CommandError
from autocalls_async.cli.terminal.outcomes import OUTCOME_COLUMNS

RECORD: dict[str, Any] = dict.fromkeys(OUTCOME_COLUMNS) | {
    "line": 2,
    "outcome": "accepted",
    "detail": 'a "b", é\n',
}


def test_csv_is_written_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"

    with OutcomesFile(path, overwrite=False) as file:
        file.write(RECORD)
        text = path.read_text(encoding="utf-8")

    (row,) = csv.DictReader(text.splitlines(keepends=True))
    assert tuple(row) == OUTCOME_COLUMNS
    assert row["line"] == "2"
    assert row["detail"] == RECORD["detail"]
    assert row["error"] == ""


def test_json_lines_are_written_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"

    with OutcomesFile(path, overwrite=False) as file:
        file.write(RECORD)
        text = path.read_text(encoding="utf-8")

    assert [json.loads(line) for line in text.splitlines()] == [RECORD]


def test_a_file_is_replaced_only_where_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("precious")

    with pytest.raises(CommandError, match="exists already"):
        check_place(path, source=None, overwrite=False)
    with pytest.raises(CommandError, match="exists already"):
        OutcomesFile(path, overwrite=False)
    assert path.read_text() == "precious"
    check_place(path, source=None, overwrite=True)
    with OutcomesFile(path, overwrite=True):
        pass
    assert path.read_text() == ""


def test_the_file_that_is_read_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("precious")
    link = tmp_path / "link.csv"
    link.symlink_to(path)

    with pytest.raises(CommandError, match="is the file that is read"):
        check_place(link, source=path, overwrite=True)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "out.csv"

    with pytest.raises(CommandError, match="No such file or directory"):
        OutcomesFile(path, overwrite=False)


FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a full device")


@needs_full
def test_a_full_disk_is_told_when_the_header_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.symlink_to(FULL)

    with pytest.raises(CommandError, match="No space left on device"):
        OutcomesFile(path, overwrite=True)


@needs_full
def test_a_full_disk_is_told_once_for_an_outcome(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.symlink_to(FULL)

    with (
        OutcomesFile(path, overwrite=True) as file,
        pytest.raises(OSError, match="No space left on device"),
    ):
        file.write(RECORD)
