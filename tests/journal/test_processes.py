"""Several processes, and their sudden end, in real time."""

import os
import random
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autocalls_async.journal import JournalLockedError, SqliteJournal, State
from tests.disks import build_synced, cut_power
from tests.journal.process import MESSAGE_COUNT, WORKER_COUNT
from tests.journal.support import states

pytestmark = [pytest.mark.needs("the real clock"), pytest.mark.real_time]


@contextmanager
def running(
    task: str, file: Path, *, preload: Path | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """Run another process, and kill it in the end."""
    started = subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-m", "tests.journal.process", task, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | ({"LD_PRELOAD": str(preload)} if preload else {}),
        text=True,
    )
    with started:
        yield started
        started.kill()


def confirmed_before_kill(
    process: "subprocess.Popen[str]", *, at_least: int
) -> set[str]:
    """Kill it after so many confirmed intents; give all that were confirmed."""
    assert process.stdout is not None
    keys = [process.stdout.readline() for _ in range(at_least)]
    process.kill()
    keys += process.stdout.readlines()
    return {key.strip() for key in keys if key.endswith("\n")}


async def test_a_second_process_is_told_who_uses_the_journal(file: Path) -> None:
    with running("hold", file) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(JournalLockedError) as caught:
            await SqliteJournal(file).open()

        assert (caught.value.pid, caught.value.host) == (
            holder.pid,
            socket.gethostname(),
        )
        assert caught.value.since is not None
        assert f"run.db: in use by process {holder.pid} on host" in str(caught.value)
        assert "wait until it ends, or stop it" in str(caught.value)


async def test_the_lock_of_a_killed_process_is_free_at_once(file: Path) -> None:
    with running("hold", file) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()

        async with SqliteJournal(file) as journal:
            assert await states(journal) == {}


@pytest.fixture(scope="session")
def keep_synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build what keeps aside what was synced."""
    return build_synced(tmp_path_factory.mktemp("synced"))


async def check_after_kill(file: Path, confirmed: set[str]) -> None:
    """Check that nothing that was confirmed would be handed over again."""
    journal = SqliteJournal(file)
    lost_count = await journal.open()
    found = await states(journal)
    await journal.aclose()

    assert len(found) == MESSAGE_COUNT
    assert {found[key] for key in confirmed} <= {State.ACCEPTED, State.UNKNOWN}
    assert lost_count == list(found.values()).count(State.UNKNOWN) <= WORKER_COUNT
    assert list(found.values()).count(State.NEW) > 0
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


@pytest.mark.parametrize("seed", range(2))
async def test_a_killed_writer_leaves_only_what_was_in_flight_unknown(
    file: Path, seed: int
) -> None:
    count = random.Random(seed).randint(1, 2_000)

    with running("write", file) as writer:
        confirmed = confirmed_before_kill(writer, at_least=count)

    assert len(confirmed) >= count
    await check_after_kill(file, confirmed)


@pytest.mark.parametrize("seed", range(2))
async def test_a_power_cut_loses_no_confirmed_intent(
    file: Path, keep_synced: Path, seed: int
) -> None:
    count = random.Random(seed).randint(1, 200)

    with running("write", file, preload=keep_synced) as writer:
        confirmed = confirmed_before_kill(writer, at_least=count)
    cut_power(file.parent)

    assert len(confirmed) >= count
    await check_after_kill(file, confirmed)
