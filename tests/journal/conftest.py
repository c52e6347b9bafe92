"""Both journals, for the suite that holds them to one behaviour."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from autocalls_async.journal import MemoryJournal, SqliteJournal
from tests.journal.support import LetPass, MakeJournal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Say where the file of the journal is."""
    return tmp_path / "run.db"


@pytest.fixture(params=["memory", "sqlite"])
def make_journal(
    request: pytest.FixtureRequest, file: Path, now: Callable[[], datetime]
) -> MakeJournal:
    """Return each journal in turn."""
    if request.param == "sqlite":
        return lambda: SqliteJournal(file, now=now)
    journal = MemoryJournal(now=now)
    return lambda: journal


@pytest.fixture
def let_pass() -> LetPass:
    """Let time pass: the tests' own clock jumps."""
    return asyncio.sleep
