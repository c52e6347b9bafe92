"""A kill before a handler, and in one: nothing is lost, and nothing said twice."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest


def run(tmp_path: Path, where: str, number: int) -> int:
    """Run the receiver in a process of its own; give how it ended."""
    command = [sys.executable, "-m", "tests.webhooks.killed", "receipts.db", "log"]
    done = subprocess.run(  # noqa: S603  # our own words
        [*command, where, str(number)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
        check=False,
        capture_output=True,
    )
    return done.returncode


@pytest.mark.needs("the real clock")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("where", ["before", "in status", "in message"])
def test_twenty_kills_lose_no_status_and_repeat_no_reply(
    tmp_path: Path, where: str
) -> None:
    ends = [run(tmp_path, where, number) for number in range(1, 21)]
    last = run(tmp_path, "never", 0)

    lines = Counter((tmp_path / "log").read_text().splitlines())
    numbers = range(1, 21)
    assert ends == [-9] * 20
    assert last == 0
    if where != "in message":
        assert [n for n in numbers if not lines[f"status done {n}"]] == []
    replied = [lines[f"message {n}"] for n in numbers]
    assert max(replied) <= 1
    if where == "before":
        # The receipt comes first, and kills: the message never came in.
        assert sum(replied) == 0
    if where == "in message":
        assert replied == [1] * 20
        assert [n for n in numbers if not lines[f"unfinished {n}"]] == []
