"""Copies of a journal that a run is just writing: nobody is written to twice by one."""

import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.conftest import Autocalls, Service

MESSAGES = 250
COPIES = 50


def write_rows() -> None:
    phones = (f"+4930{1_000_000 + number}" for number in range(MESSAGES))
    Path("rows.csv").write_text("recipient_phone\n" + "\n".join(phones) + "\n")


def command(journal: str, rate: int = 100) -> tuple[str, ...]:
    pace = ("--rate", str(rate), "--rate-is-agreed")
    return ("bulk", "rows.csv", "--template", "46", "--journal", journal, *pace)


def copy_parts(folder: Path, number: int) -> str:
    """Copy the journal as `cp` does, with the log, or the lock too, or without."""
    copied = folder / f"{number}.db"
    for part in ("", "-wal", ".lock")[: 1 + number % 3]:
        source = Path(f"run.db{part}")
        if source.exists():
            shutil.copyfile(source, f"{copied}{part}")
    return str(copied)


@pytest.mark.needs("the real clock")
@pytest.mark.real_time
def test_a_copy_made_at_any_moment_sends_nothing_twice_without_a_refusal(
    autocalls: Autocalls, service: Service, tmp_path: Path
) -> None:
    write_rows()
    chance = random.Random(13)
    copies: list[str] = []
    words = [sys.executable, "-m", "autocalls_async", *command("run.db")]

    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:  # noqa: S603  # ourselves
        while not Path("run.db").exists() and run.poll() is None:
            time.sleep(0.0005)
        for number in range(COPIES):
            copies.append(copy_parts(tmp_path, number))
            time.sleep(chance.random() * 0.04)
        run.communicate()
    sent_at_once = len(service.emulator.accepted)

    ends: Counter[tuple[str, int]] = Counter()
    for copied in copies:
        before = len(service.emulator.accepted)
        ended = autocalls(*command(copied, rate=1000))
        ends["refused" if ended.status == 2 else "went on", ended.status] += 1
        assert len(service.emulator.accepted) == before
    twice = Counter(m.recipient_phone for m in service.emulator.accepted)

    assert run.returncode == 0
    assert sent_at_once == MESSAGES
    assert max(twice.values()) == 1
    assert ends["refused", 2] >= COPIES * 0.9
