"""What `autocalls journal` shows of a journal in which bytes flipped."""

import asyncio
import csv
import io
from pathlib import Path

import pytest

from tests.cli.conftest import Autocalls
from tests.journal.storage.damage import flipped, make, shows_a_secret
from tests.needs import some_at_once

FLIP_COUNT = 15


@pytest.mark.parametrize("seed", some_at_once(range(3), (0).__eq__))
def test_no_command_shows_a_text_or_a_number_of_a_damaged_journal(
    autocalls: Autocalls, seed: int
) -> None:
    """An export has its column of numbers, and nothing of them beside it."""
    path = Path("run.db")
    asyncio.run(make(path))
    refused = 0

    for damaged in flipped(path.read_bytes(), seed=seed, count=FLIP_COUNT):
        path.write_bytes(damaged)
        for name in ("show", "report"):
            ended = autocalls("journal", name, "run.db")
            assert not shows_a_secret(ended.out + ended.err)
        ended = autocalls("journal", "export", "run.db")
        rows = [
            {name: cell for name, cell in row.items() if name != "recipient_phone"}
            for row in csv.DictReader(io.StringIO(ended.out))
        ]
        assert not shows_a_secret(f"{rows} {ended.err}")
        refused += ended.status == 2

    assert refused > FLIP_COUNT / 5
