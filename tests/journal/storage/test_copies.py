"""A journal is never taken for new, and an honest resume always opens."""

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autocalls_async.journal import (
    JournalCopyError,
    JournalError,
    JournalLockedError,
    SqliteJournal,
    State,
)
from autocalls_async.journal.entry import MAY_LEAVE
from autocalls_async.journal.storage.copying import adopt, copy_journal
from autocalls_async.journal.storage.reading import JournalReader
from tests.journal.support import add, bring, opened, states

PARTS = ("", "-wal", "-shm", ".lock")


def leave(file: Path, to: Path) -> None:
    """Put all of a journal's files where a kill would leave them, as themselves."""
    to.mkdir()
    for part in PARTS:
        source = Path(f"{file}{part}")
        if source.exists():
            shutil.copy(source, to / source.name)
    inode = (to / file.name).stat().st_ino
    lock = to / f"{file.name}.lock"
    lock.write_text(f"{inode:020d}{lock.read_text()[20:]}")  # a kill moves no file


async def killed(file: Path, to: Path, *, rest: float = 0) -> Path:
    """Return what a run leaves that was killed after `a`, in its turn with `b`."""
    async with opened(SqliteJournal(file)) as journal:
        await bring(journal, "a", State.ACCEPTED)
        await add(journal, "c")
        if rest:
            await journal.flush()
            await asyncio.sleep(rest)
        await journal.intend("c")
        await bring(journal, "b", State.IN_FLIGHT)
        leave(file, to)
    return to / file.name


def hidden(folder: Path) -> list[Path]:
    """Return what should not be left in a folder."""
    return list(folder.glob(".*"))


LEFT = {"a": State.ACCEPTED, "c": State.UNKNOWN, "b": State.UNKNOWN}


def _nothing(file: Path) -> None:
    assert file.exists()


def _shell(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:  # it checkpoints, and removes the log
        assert db.execute("SELECT count(*) FROM messages").fetchone() == (3,)
    assert not Path(f"{file}-wal").exists()


def _torn(file: Path) -> None:
    with Path(f"{file}-wal").open("ab") as log:
        log.write(b"half of a frame that was never whole" * 50)


def _no_shm(file: Path) -> None:
    Path(f"{file}-shm").unlink(missing_ok=True)


def _halfway_checkpoint(file: Path) -> None:
    db = sqlite3.connect(file)
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    log = Path(f"{file}-wal").read_bytes()
    db.close()
    Path(f"{file}-wal").write_bytes(log)


@pytest.mark.parametrize(
    "then", [_nothing, _shell, _torn, _no_shm, _halfway_checkpoint]
)
async def test_an_honest_resume_opens(
    file: Path, tmp_path: Path, then: Callable[[Path], None]
) -> None:
    left = await killed(file, tmp_path / "left")
    then(left)

    for _ in range(2):
        async with opened(SqliteJournal(left)) as journal:
            assert await states(journal) == LEFT


def _only_main(file: Path) -> None:
    for part in PARTS[1:]:
        Path(f"{file}{part}").unlink(missing_ok=True)


def _no_log(file: Path) -> None:
    Path(f"{file}-wal").unlink()
    Path(f"{file}-shm").unlink()


def _no_lock(file: Path) -> None:
    Path(f"{file}.lock").unlink()


def _another_inode(file: Path) -> None:
    shutil.copy(file, file.with_name("other"))
    file.with_name("other").replace(file)


def _remove(file: Path) -> None:
    file.unlink()


def _header_alone(file: Path) -> None:
    _only_main(file)
    with closing(sqlite3.connect(file.with_name("other"))) as db:
        db.execute("PRAGMA journal_mode = WAL")
    file.with_name("other").replace(file)


@pytest.mark.parametrize("rest", [0, 1.5], ids=["at once", "after a rest"])
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param(_only_main, "a copy of a journal that was open", id="main"),
        pytest.param(_no_log, "its -wal is missing, or an older copy", id="no log"),
        pytest.param(_no_lock, "a copy of a journal that was open", id="no lock"),
        pytest.param(_another_inode, "a copy of a journal", id="another inode"),
        pytest.param(_header_alone, "has 4,096 bytes and no tables", id="no tables"),
        pytest.param(_remove, "it is gone: a run that was cut off", id="gone"),
        pytest.param(
            lambda file: os.truncate(file, 0), "it is gone: a run", id="emptied"
        ),
    ],
)
async def test_what_may_lack_a_message_that_was_sent_is_refused_in_words(
    file: Path, tmp_path: Path, spoil: Callable[[Path], None], told: str, rest: float
) -> None:
    left = await killed(file, tmp_path / "left", rest=rest)
    spoil(left)

    for _ in range(2):
        with pytest.raises(JournalCopyError, match=told) as caught:
            await SqliteJournal(left).open()
        assert caught.value.advice


async def test_an_older_copy_in_the_place_of_a_closed_journal_is_refused(
    file: Path,
) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await add(journal, "a", "b")
    shutil.copy(file, file.with_name("older"))
    async with opened(SqliteJournal(file)) as journal:
        await journal.intend("a")
        journal.settle("a", state=State.ACCEPTED)
    shutil.copy(file.with_name("older"), file)

    with pytest.raises(JournalCopyError, match="an older copy took its place"):
        await SqliteJournal(file).open()


async def test_a_copy_of_a_closed_journal_cannot_be_told_from_it(file: Path) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await bring(journal, "a", State.ACCEPTED)
    copied = shutil.copy(file, file.with_name("copy.db"))

    async with opened(SqliteJournal(copied)) as journal:
        assert await states(journal) == {"a": State.ACCEPTED}


async def test_one_that_was_closed_and_then_removed_begins_anew(file: Path) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await bring(journal, "a", State.ACCEPTED)
    _remove(file)

    for _ in range(2):
        async with opened(SqliteJournal(file)) as journal:
            assert await states(journal) == {}


async def test_one_that_was_closed_and_then_emptied_is_refused(file: Path) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await bring(journal, "a", State.ACCEPTED)
    os.truncate(file, 0)

    for _ in range(2):
        with pytest.raises(JournalCopyError, match="it is empty: a run had brought"):
            await SqliteJournal(file).open()


@pytest.mark.parametrize("part", ["", "-wal"])
@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_file_that_vanishes_or_is_replaced_stops_the_run(
    file: Path, part: str, is_replaced: bool
) -> None:
    journal = SqliteJournal(file)
    await journal.open()
    await bring(journal, "a", State.ACCEPTED)
    await journal.flush()
    victim = Path(f"{file}{part}")
    (_another_inode if is_replaced else _remove)(victim)

    what = "was replaced" if is_replaced else "is gone"
    with pytest.raises(JournalError, match=rf"{victim.name} {what} while it was in"):
        await add(journal, "b")
    with pytest.raises(JournalError, match=what):
        await journal.aclose()

    if part:  # what was committed came into the main file all the same
        async with opened(SqliteJournal(file)) as again:
            assert await states(again) == {"a": State.ACCEPTED}
    else:
        with pytest.raises(JournalCopyError):
            await SqliteJournal(file).open()


async def test_the_main_file_has_its_tables_and_mark_from_the_first_moment(
    file: Path,
) -> None:
    for _ in range(2):
        async with opened(SqliteJournal(file)):
            copied = Path(shutil.copy(file, file.with_name("copy.db")))
            with closing(sqlite3.connect(copied)) as db:
                marks = db.execute("SELECT is_open FROM standing").fetchall()
        assert marks == [(1,)]
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT is_open FROM standing").fetchall() == [(0,)]


async def test_rows_come_into_the_main_file_a_second_later(file: Path) -> None:
    def in_main() -> int:
        copied = Path(shutil.copy(file, file.with_name("copy.db")))
        with closing(sqlite3.connect(copied)) as db:
            return int(db.execute("SELECT count(*) FROM messages").fetchone()[0])

    async with opened(SqliteJournal(file)) as journal:
        await add(journal, "a")
        at_once = in_main()
        await asyncio.sleep(1.1)
        rested = in_main()
        await add(journal, "b")
        await asyncio.sleep(1.1)
        again = in_main()

    assert (at_once, rested, again) == (0, 1, 2)


async def test_a_reader_shows_a_copy_and_says_what_it_is(
    file: Path, tmp_path: Path
) -> None:
    left = await killed(file, tmp_path / "left")
    _no_lock(left)

    with JournalReader(left) as reader:
        found = {entry.key: entry.state for entry in reader.entries()}
        doubt = reader.doubt

    assert found == LEFT
    assert "a copy of a journal that was open" in str(doubt)


async def test_no_copy_of_any_step_would_send_again_what_had_left(
    file: Path, tmp_path: Path
) -> None:
    handed_over: set[str] = set()
    copies: list[tuple[Path, set[str]]] = []

    def take_copy() -> None:
        copied = tmp_path / f"{len(copies)}.db"
        for part in ("", "-wal", ".lock")[: 1 + len(copies) % 3]:
            source = Path(f"{file}{part}")
            if source.exists():
                shutil.copy(source, f"{copied}{part}")
        copies.append((copied, set(handed_over)))

    async with opened(SqliteJournal(file)) as journal:
        await add(journal, *(f"k{number}" for number in range(20)))
        for number in range(20):
            take_copy()
            await journal.intend(f"k{number}")
            handed_over.add(f"k{number}")
            take_copy()
            journal.settle(f"k{number}", state=State.ACCEPTED)
            await asyncio.sleep(random.Random(number).random())
    take_copy()

    refused = 0
    for copied, had_left in copies:
        try:
            async with opened(SqliteJournal(copied)) as journal:
                found = await states(journal)
        except JournalCopyError:
            refused += 1
        else:
            assert not {key for key in had_left if found.get(key) in MAY_LEAVE}
            assert set(found) >= had_left
    assert refused == len(copies) - 1  # the last was made after a clean close


# What gets out of it


async def test_a_whole_copy_can_be_made_at_any_time(file: Path, tmp_path: Path) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await bring(journal, "a", State.ACCEPTED)
        await bring(journal, "b", State.IN_FLIGHT)
        await journal.flush()
        is_open = copy_journal(file, tmp_path / "copy.db")
        with pytest.raises(JournalCopyError, match="a copy of a journal that was open"):
            await SqliteJournal(tmp_path / "copy.db").open()
    closed = copy_journal(file, tmp_path / "closed.db")

    with JournalReader(tmp_path / "copy.db") as reader:
        found = {entry.key: entry.state for entry in reader.entries()}
    assert (is_open, closed) == (True, False)
    assert found == {"a": State.ACCEPTED, "b": State.UNKNOWN}
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    async with opened(SqliteJournal(tmp_path / "closed.db")) as again:
        assert await states(again) == found
    with pytest.raises(FileExistsError):
        copy_journal(file, tmp_path / "copy.db")
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("as_unknown", [False, True])
@pytest.mark.parametrize("spoil", [_only_main, _no_log, _no_lock, _another_inode])
async def test_a_copy_that_was_adopted_is_a_journal_of_its_own(
    file: Path, tmp_path: Path, spoil: Callable[[Path], None], as_unknown: bool
) -> None:
    left = await killed(file, tmp_path / "left", rest=1.5)
    spoil(left)

    adopted = adopt(left, at=datetime.now(UTC), as_unknown=as_unknown)
    async with opened(SqliteJournal(left)) as journal:
        found = await states(journal)
    async with opened(SqliteJournal(left)) as journal:
        assert await states(journal) == found

    may_leave = [key for key, state in found.items() if state in MAY_LEAVE]
    assert found["a"] is State.ACCEPTED
    assert adopted.lost_count + adopted.doubted_count >= (1 if as_unknown else 0)
    assert not (as_unknown and may_leave)
    with pytest.raises(JournalError, match="there is nothing to adopt"):
        adopt(left, at=datetime.now(UTC), as_unknown=False)


async def test_what_has_no_table_or_is_in_use_cannot_be_adopted(
    file: Path, tmp_path: Path
) -> None:
    left = await killed(file, tmp_path / "left")
    _header_alone(left)

    with pytest.raises(JournalCopyError, match="no tables"):
        adopt(left, at=datetime.now(UTC), as_unknown=True)
    async with opened(SqliteJournal(file)):
        with pytest.raises(JournalLockedError):
            adopt(file, at=datetime.now(UTC), as_unknown=True)
