"""What a journal in a file does beyond what every journal does."""

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from autocalls_async.journal import (
    JournalError,
    JournalLockedError,
    JournalStateError,
    SqliteJournal,
    State,
)
from autocalls_async.journal.storage.reading import JournalReader
from autocalls_async.journal.storage.store import Durability, Step, Store
from autocalls_async.model.errors import AutocallsError
from tests.disks import remount, small_disk, small_files
from tests.journal.support import (
    PHONE,
    TEXT,
    add,
    bring,
    look,
    opened,
    shows_a_secret,
    states,
)


@contextmanager
def spoiled(file: Path) -> Iterator[None]:
    """Let another program take the table away for a while."""
    with closing(sqlite3.connect(file)) as db:
        db.execute("ALTER TABLE messages RENAME TO elsewhere")
        yield
        db.execute("ALTER TABLE elsewhere RENAME TO messages")


def edit(file: Path, sql: str) -> None:
    """Change a file behind the journal's back."""
    with closing(sqlite3.connect(file)) as db:
        db.executescript(sql)


def overwrite(file: Path, content: bytes) -> None:
    """Put something else in a file."""
    file.write_bytes(content)


def read(file: Path) -> bytes:
    """Return all that is in a file."""
    return file.read_bytes()


def wait_for_threads() -> None:
    """Wait until no journal's thread is left."""
    for thread in threading.enumerate():
        if thread.name.startswith("autocalls journal"):
            thread.join()


def count_commits(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows by one with each call into a journal's thread."""
    loop = asyncio.get_running_loop()
    calls: list[object] = []
    original = loop.run_in_executor

    def counting(*arguments: Any) -> Any:  # noqa: ANN401  # it passes them on
        calls.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(loop, "run_in_executor", counting)
    return calls


async def test_what_is_asked_together_shares_a_commit(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"k{n}" for n in range(100)]

    async with opened(SqliteJournal(file)) as journal:
        await add(journal, *keys)
        calls = count_commits(monkeypatch)
        await asyncio.gather(*map(journal.intend, keys))
        intent_count = len(calls)
        for key in keys:
            journal.settle(key, state=State.ACCEPTED)
        await journal.flush()
        call_count = len(calls)
        counts = await journal.counts()

    assert intent_count == 1
    assert call_count == 2
    assert counts[State.ACCEPTED] == 100


async def test_what_is_settled_while_a_commit_is_under_way_shares_the_next(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [[f"{name}{n}" for n in range(64)] for name in "ab"]

    async with opened(SqliteJournal(file)) as journal:
        await add(journal, *first, *second)
        await asyncio.gather(*map(journal.intend, first))
        calls = count_commits(monkeypatch)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # so that a commit takes its time
            for key in first:  # answers come one by one
                journal.settle(key, state=State.ACCEPTED)
                await asyncio.sleep(0)
            other.execute("ROLLBACK")
        await asyncio.gather(*map(journal.intend, second))

        assert len(calls) == 2
        assert await journal.counts() == dict.fromkeys(State, 0) | {
            State.ACCEPTED: 64,
            State.IN_FLIGHT: 64,
        }


async def test_what_was_settled_is_kept_at_once_though_nobody_asks_for_more(
    file: Path,
) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await bring(journal, "a", State.IN_FLIGHT)
        await bring(journal, "b", State.IN_FLIGHT)
        for key in ("a", "b"):  # a second time, after the first was kept
            journal.settle(key, state=State.ACCEPTED)
            await asyncio.sleep(0.0001)  # time stands still while a commit is out
            with JournalReader(file) as reader:
                found = {entry.key: entry.state for entry in reader.entries()}
            assert found[key] is State.ACCEPTED


async def test_of_many_intents_in_one_commit_only_the_forbidden_one_fails(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"k{n}" for n in range(64)]

    async with opened(SqliteJournal(file)) as journal:
        await add(journal, *keys)
        await bring(journal, "k40", State.ACCEPTED)
        await journal.flush()
        calls = count_commits(monkeypatch)
        results = await asyncio.gather(
            *map(journal.intend, keys), return_exceptions=True
        )
        commit_count = len(calls)
        found = await states(journal)

    assert commit_count == 1
    assert [n for n, result in enumerate(results) if result is not None] == [40]
    assert "'k40' is accepted; it cannot be handed over" in str(results[40])
    assert found.pop("k40") is State.ACCEPTED
    assert set(found.values()) == {State.IN_FLIGHT}


async def test_what_cannot_be_resolved_whole_spoils_nothing_else_in_its_commit(
    file: Path,
) -> None:
    async with opened(SqliteJournal(file)) as journal:
        for key in ("a", "b", "c"):
            await bring(journal, key, State.UNKNOWN)
        await add(journal, "new")

        results = await asyncio.gather(
            journal.resolve(["a"], state=State.ACCEPTED),
            journal.resolve(["b", "new", "c"], state=State.ACCEPTED),
            journal.resolve(["c"], state=State.NEW),
            journal.intend("new"),
            return_exceptions=True,
        )

        assert (results[0], results[2], results[3]) == (1, 1, None)
        assert isinstance(results[1], JournalStateError)
        assert await states(journal) == {
            "a": State.ACCEPTED,
            "b": State.UNKNOWN,
            "c": State.NEW,
            "new": State.IN_FLIGHT,
        }


def test_a_step_shows_no_key() -> None:
    step = Step(Durability.DURABLE, Store.intend, (PHONE, 0, False))

    assert repr(step) == "Step(DURABLE, intend)"


async def test_a_confirmed_intent_is_in_the_files_before_anything_else_happens(
    file: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "copy" / file.name
    copied.parent.mkdir()

    async with opened(SqliteJournal(file)) as journal:
        await add(journal, "a", "b")
        await journal.intend("a")
        for suffix in ("", "-wal"):
            shutil.copy(f"{file}{suffix}", f"{copied}{suffix}")

    with JournalReader(copied) as copy:
        found = {entry.key: entry.state for entry in copy.entries()}
    assert found == {"a": State.UNKNOWN, "b": State.NEW}


async def test_the_file_is_its_owners_alone_and_whole_once_it_is_closed(
    file: Path,
) -> None:
    async with SqliteJournal(file) as journal:
        await add(journal, "a")
        modes = {
            path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()
        }

    assert set(modes) == {"run.db", "run.db-wal", "run.db-shm", "run.db.lock"}
    assert set(modes.values()) == {0o600}
    assert {path.name for path in file.parent.iterdir()} == {"run.db", "run.db.lock"}


async def test_one_bad_step_spoils_no_other_in_its_group(file: Path) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await add(journal, "a", "b")
        await bring(journal, "had", State.ACCEPTED)

        results = await asyncio.gather(
            journal.intend("a"),
            journal.intend("nobody"),
            journal.admit("had", content="{}", recipient_phone=PHONE),
            journal.intend("b"),
            return_exceptions=True,
        )

        assert [type(result).__name__ for result in results] == [
            "NoneType",
            "JournalStateError",
            "JournalConflictError",
            "NoneType",
        ]
        assert await states(journal) == {
            "a": State.IN_FLIGHT,
            "b": State.IN_FLIGHT,
            "had": State.ACCEPTED,
        }


async def test_after_a_failed_commit_nothing_is_claimed_and_nothing_more_leaves(
    file: Path,
) -> None:
    journal = SqliteJournal(file)
    await journal.open()
    await add(journal, "a", "b", "c")
    await journal.intend("c")

    with spoiled(file):
        results = await asyncio.gather(
            journal.intend("a"), journal.intend("b"), return_exceptions=True
        )
        journal.settle("c", state=State.ACCEPTED)
        with pytest.raises(
            JournalError, match=r"journal run\.db: SQLite refused it \(SQLITE_ERROR\)"
        ):
            await journal.flush()
    with pytest.raises(JournalError, match="SQLITE_ERROR"):
        await journal.intend("a")
    with pytest.raises(JournalError, match="SQLITE_ERROR"):
        await add(journal, "d")
    found = await states(journal)
    await journal.aclose()

    assert [type(result) for result in results] == [JournalError, JournalError]
    assert results[0] is not results[1]
    assert isinstance(results[0], AutocallsError)
    assert found == {"a": State.NEW, "b": State.NEW, "c": State.ACCEPTED}


async def test_what_waits_while_a_commit_fails_is_told_too(file: Path) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await add(journal, "a", "b", "c")
        await journal.intend("c")

        with spoiled(file):
            first = asyncio.create_task(journal.intend("a"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            journal.settle("c", state=State.ACCEPTED)
            results = await asyncio.gather(
                first, journal.intend("b"), journal.counts(), return_exceptions=True
            )

        assert [type(result) for result in results] == [JournalError] * 3
        assert (await look(journal, "c")).state is State.ACCEPTED


async def test_what_cannot_be_kept_at_the_end_is_told_and_the_file_is_closed(
    file: Path,
) -> None:
    journal = SqliteJournal(file)
    await journal.open()
    await bring(journal, "a", State.IN_FLIGHT)

    with spoiled(file):
        journal.settle("a", state=State.ACCEPTED)
        with pytest.raises(JournalError, match="SQLITE_ERROR"):
            await journal.aclose()

    async with opened(SqliteJournal(file)) as again:
        assert await states(again) == {"a": State.UNKNOWN}


async def test_another_program_that_writes_to_the_file_is_waited_for_in_vain(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autocalls_async.journal.storage.file.BUSY_SECONDS", 0.01)

    async with opened(SqliteJournal(file)) as journal:
        await add(journal, "a")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(
                JournalError, match=r"locked \(SQLITE_BUSY\); close the other"
            ):
                await journal.intend("a")

        assert await states(journal) == {"a": State.NEW}


async def test_a_read_that_fails_says_why(file: Path) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await add(journal, "a")
        with spoiled(file), pytest.raises(JournalError, match="SQLITE_ERROR"):
            await journal.counts()

        await journal.intend("a")


async def test_a_sqlite_without_strict_tables_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 36, 0))

    with pytest.raises(JournalError, match=r"is too old; it needs 3\.37"):
        await SqliteJournal(file).open()


async def test_two_journals_of_one_file_are_kept_apart_whatever_their_names(
    file: Path, tmp_path: Path
) -> None:
    other_name = tmp_path / "other.db"
    other_name.symlink_to(file)

    async with opened(SqliteJournal(file)):
        with pytest.raises(JournalLockedError, match="in use by process") as caught:
            await SqliteJournal(other_name).open()

    assert caught.value.pid == os.getpid()
    async with opened(SqliteJournal(other_name)) as journal:
        assert await states(journal) == {}


async def test_a_holder_that_has_not_said_who_it_is_still_holds(file: Path) -> None:
    async with opened(SqliteJournal(file)):
        overwrite(Path(f"{file}.lock"), b"\xff")

        with pytest.raises(JournalLockedError, match="in use by another process"):
            await SqliteJournal(file).open()


async def test_a_name_that_means_something_to_sqlite_is_a_file_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async with opened(SqliteJournal(":memory:")) as journal:
        await add(journal, "a")

    async with opened(SqliteJournal(":memory:")) as journal:
        assert await states(journal) == {"a": State.NEW}


def _text_file(file: Path) -> None:
    file.write_text(f"recipient_phone,message\n{PHONE},{TEXT}\n" * 100)


def _foreign(file: Path) -> None:
    edit(file, "CREATE TABLE t (a); PRAGMA user_version = 1;")


def _newer(file: Path) -> None:
    edit(file, "PRAGMA user_version = 3;")


def _damaged(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[100:] = os.urandom(len(content) - 100)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("is_ours", "spoil", "told"),
    [
        pytest.param(
            False, _text_file, r"no database \(SQLITE_NOTADB\); name another", id="text"
        ),
        pytest.param(False, _foreign, r"application id 0, version 1", id="foreign"),
        pytest.param(True, _newer, "has version 3, and this version", id="newer"),
        pytest.param(True, _damaged, r"damaged \(SQLITE_CORRUPT\)", id="damaged"),
    ],
)
async def test_a_file_that_is_no_journal_of_this_version_is_refused_and_left_alone(
    file: Path, is_ours: bool, spoil: Callable[[Path], None], told: str
) -> None:
    if is_ours:
        async with opened(SqliteJournal(file)) as journal:
            await add(journal, "a")
    spoil(file)
    before = read(file)

    for _ in range(2):  # the first one let go of the lock
        with pytest.raises(JournalError, match=told) as caught:
            await SqliteJournal(file).open()

        assert not shows_a_secret(f"{caught.value} {caught.value!r}")
    assert read(file) == before


async def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(JournalError, match=r"journal folder: it cannot be opened"):
        await SqliteJournal(tmp_path / "folder").open()
    with pytest.raises(JournalError, match=r"journal run\.db: its lock file"):
        await SqliteJournal(tmp_path / "nowhere" / "run.db").open()


@pytest.mark.parametrize("step_count", range(6))
async def test_cancelling_at_any_step_of_opening_leaves_nothing_open(
    file: Path, step_count: int
) -> None:
    opening = asyncio.create_task(SqliteJournal(file).open())
    for _ in range(step_count):
        await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait([opening])
    await asyncio.to_thread(wait_for_threads)

    async with opened(SqliteJournal(file)) as journal:
        assert await states(journal) == {}


@pytest.mark.parametrize("step_count", range(8))
async def test_cancelling_at_any_step_of_closing_keeps_what_was_settled(
    file: Path, step_count: int
) -> None:
    journal = SqliteJournal(file)
    await journal.open()
    await bring(journal, "a", State.IN_FLIGHT)
    waiting = asyncio.create_task(journal.intend("a"))
    journal.settle("a", state=State.ACCEPTED)

    closing = asyncio.create_task(journal.aclose())
    for _ in range(step_count):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing, waiting])
    if step_count == 0:  # it never began to close
        await journal.aclose()
    await asyncio.to_thread(wait_for_threads)

    async with opened(SqliteJournal(file)) as again:
        assert await states(again) == {"a": State.ACCEPTED}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a small disk of its own."""
    with small_disk(tmp_path / "disk") as folder:
        yield folder


async def fill(journal: SqliteJournal) -> Exception | None:
    """Hand messages over until the journal refuses; say why it did."""

    async def hand_over(number: int) -> None:
        key = f"k{number}"
        await journal.admit(key, content="x" * 1_000, recipient_phone=PHONE)
        await journal.intend(key)
        journal.settle(key, state=State.ACCEPTED)

    for number in range(1_000):
        (error,) = await asyncio.gather(hand_over(number), return_exceptions=True)
        if isinstance(error, Exception):
            return error
    return None


async def check_it_goes_on(file: Path) -> None:
    """Check that what was confirmed is there, and that the journal works again."""
    async with opened(SqliteJournal(file)) as journal:
        found = await states(journal)
        accepted = [key for key in found if found[key] is State.ACCEPTED]
        await add(journal, "later")
        await journal.intend("later")

    assert len(accepted) >= len(found) - 2
    assert len(accepted) > 1


async def test_a_full_disk_stops_the_journal_and_room_lets_it_go_on(
    disk: Path, tmp_path: Path
) -> None:
    journal = SqliteJournal(disk / "run.db")
    await journal.open()

    failure = await fill(journal)
    with suppress(JournalError):
        await journal.aclose()
    shutil.copytree(disk, tmp_path / "larger")

    assert isinstance(failure, JournalError)
    assert "full (SQLITE_FULL); make room, and run it again" in str(failure)
    await check_it_goes_on(tmp_path / "larger" / "run.db")


async def test_an_error_of_the_disk_stops_the_journal(file: Path) -> None:
    journal = SqliteJournal(file)
    await journal.open()

    with small_files(200_000):
        failure = await fill(journal)
    await journal.aclose()

    assert isinstance(failure, JournalError)
    assert "disk" in str(failure)
    await check_it_goes_on(file)


async def test_a_read_only_disk_is_named(disk: Path) -> None:
    async with opened(SqliteJournal(disk / "run.db")) as journal:
        await add(journal, "a")
    remount(disk, "ro")

    with pytest.raises(JournalError, match="Read-only file system"):
        await SqliteJournal(disk / "run.db").open()


async def test_a_fault_of_ours_is_told_by_flush_and_harms_nothing(file: Path) -> None:
    async with opened(SqliteJournal(file)) as journal:
        await bring(journal, "a", State.IN_FLIGHT)
        no_end: Any = State.IN_FLIGHT
        journal.settle("a", state=no_end)
        journal.settle("a", state=State.ACCEPTED)

        with pytest.raises(KeyError):
            await journal.flush()

        assert await states(journal) == {"a": State.ACCEPTED}


async def test_the_first_of_several_faults_is_told(file: Path) -> None:
    async with opened(SqliteJournal(file)) as journal:
        journal.settle("first", state=State.UNSENT)
        journal.settle("second", state=State.UNSENT)

        with pytest.raises(JournalStateError, match="'first'"):
            await journal.flush()
        await journal.flush()
