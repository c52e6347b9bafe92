"""What a journal costs: `python -m benchmarks.journal [FOLDER]`.

It prints three tables in Markdown, measured in a file in FOLDER (here, if none
is given): the disk decides, so run it on the one you use, and compare only what
one run has printed.

- *Full speed*: messages handed over and settled as fast as it goes by 64 tasks,
  two commits each, durable. Beside it the usual way: a thread for each call and
  a commit for each thread. "Loop held" is the longest time for which the event
  loop could do nothing else.
- *At 5 a second*: what the journal adds to the time of each send.
- *A large campaign*: the time, and the memory over that of a program that does
  nothing, that a hundred thousand messages of 200 characters take; each line
  runs in a process of its own (Linux only: memory is read from `/proc`).
"""

import asyncio
import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, closing
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define

from autocalls_async import AutocallsClient, FreeformMessage
from autocalls_async.journal import Draft, SqliteJournal, State
from autocalls_async.journal.keys import to_content

MESSAGE_COUNT = 20_000
NAIVE_COUNT = 2_000
TASK_COUNT = 64
PACED_COUNT = 40
ROW_COUNT = 100_000
BATCH = 500
TICK_SECONDS = 0.001

HandOver: TypeAlias = Callable[[str], Awaitable[None]]


@define
class Lag:
    """The longest time for which the loop could do nothing else, in seconds."""

    longest: float = 0.0


@asynccontextmanager
async def watch_loop() -> AsyncIterator[Lag]:
    """Measure how late the loop comes to what is due."""
    lag = Lag()

    async def tick() -> None:
        while True:
            due = time.perf_counter() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            lag.longest = max(lag.longest, time.perf_counter() - due)

    ticking = asyncio.create_task(tick())
    try:
        yield lag
    finally:
        ticking.cancel()


def messages(count: int) -> Iterator[FreeformMessage]:
    """Yield so many messages."""
    for number in range(count):
        yield FreeformMessage(
            recipient_phone=f"+1{number + 10**9}",
            message=f"{number:<200}.",
            sender_id=12,
            key=f"{number:016x}",
        )


def drafts(count: int) -> Iterator[list[Draft]]:
    """Yield so many messages as a journal takes them, in batches."""
    made = (
        Draft(
            key=message.key or "",
            content=to_content(message, 12),
            recipient_phone=message.recipient_phone,
        )
        for message in messages(count)
    )
    while batch := list(islice(made, BATCH)):
        yield batch


async def hand_all_over(count: int, hand_over: HandOver) -> tuple[float, float]:
    """Return messages a second, and for how long the loop was held."""
    keys = iter([draft.key for batch in drafts(count) for draft in batch])

    async def work() -> None:
        for key in keys:
            await hand_over(key)

    async with watch_loop() as lag:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(TASK_COUNT):
                tasks.create_task(work())
        rate = count / (time.perf_counter() - began)
    return rate, lag.longest


async def with_journal(path: Path) -> tuple[float, float]:
    """Hand messages over with the journal."""
    async with SqliteJournal(path) as journal:
        for batch in drafts(MESSAGE_COUNT):
            await journal.admit_many(batch)

        async def hand_over(key: str) -> None:
            await journal.intend(key)
            await asyncio.sleep(0)
            journal.settle(key, state=State.ACCEPTED, whatsapp_message_id=1)

        rate, lag = await hand_all_over(MESSAGE_COUNT, hand_over)
        await journal.flush()
    return rate, lag


async def with_thread_per_call(path: Path) -> tuple[float, float]:
    """Hand messages over with a thread and a commit for each call."""
    lock = threading.Lock()
    with closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE m (key TEXT PRIMARY KEY, content TEXT, state TEXT)")
        rows = [(d.key, d.content, "new") for b in drafts(NAIVE_COUNT) for d in b]
        db.execute("BEGIN")
        db.executemany("INSERT INTO m VALUES (?, ?, ?)", rows)
        db.execute("COMMIT")

        def note(key: str, state: str) -> None:
            with lock:
                db.execute("UPDATE m SET state = ? WHERE key = ?", (state, key))

        async def hand_over(key: str) -> None:
            await asyncio.to_thread(note, key, "in flight")
            await asyncio.to_thread(note, key, "accepted")

        return await hand_all_over(NAIVE_COUNT, hand_over)


async def at_pace(path: Path) -> list[float]:
    """Return what each intent took, at 5 a second."""
    taken = []
    async with SqliteJournal(path) as journal:
        for batch in drafts(PACED_COUNT):
            await journal.admit_many(batch)
            for draft in batch:
                await asyncio.sleep(0.2)
                began = time.perf_counter()
                await journal.intend(draft.key)
                taken.append(time.perf_counter() - began)
                journal.settle(draft.key, state=State.ACCEPTED)
    return sorted(taken)


async def nothing(_: Path) -> None:
    """Do nothing: what a program takes in any case."""


async def load(path: Path) -> None:
    """Add all messages to a new journal."""
    async with SqliteJournal(path) as journal:
        for batch in drafts(ROW_COUNT):
            found = await journal.admit_many(batch)
            assert set(found) == {State.NEW}


async def settle_all(path: Path) -> None:
    """Hand all over and settle them."""
    async with SqliteJournal(path) as journal:

        async def hand_over(key: str) -> None:
            await journal.intend(key)
            journal.settle(key, state=State.ACCEPTED, whatsapp_message_id=1)

        await hand_all_over(ROW_COUNT, hand_over)


async def resume(path: Path) -> None:
    """Run it again, and learn of each message that it needs no sending."""
    nowhere = "http://127.0.0.1:1/api"
    async with AutocallsClient("1|key", base_url=nowhere) as client:
        run = client.send_many(messages(ROW_COUNT), journal=path)
        async for outcome in run:
            raise AssertionError(outcome)
    assert run.progress.skipped == ROW_COUNT


async def count_all(path: Path) -> None:
    """Open it and count by state."""
    async with SqliteJournal(path) as journal:
        counts = await journal.counts()
    assert counts[State.ACCEPTED] == ROW_COUNT


async def report(path: Path) -> None:
    """Read every entry."""
    async with SqliteJournal(path) as journal:
        count = 0
        async for _ in journal.entries():
            count += 1
    assert count == ROW_COUNT


PHASES: dict[str, Callable[[Path], Coroutine[Any, Any, None]]] = {
    "load, 500 at a time": load,
    "hand over and settle": settle_all,
    "resume with `send_many`": resume,
    "count by state": count_all,
    "read every entry": report,
}


def measure(phase: Callable[[Path], Coroutine[Any, Any, None]], path: Path) -> Any:  # noqa: ANN401  # two floats, from a process
    """Return the seconds a phase takes, and the most memory of its process in MB."""
    began = time.perf_counter()
    asyncio.run(phase(path))
    seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text()
    # Not `ru_maxrss`: a process begins with that of the one that started it.
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return seconds, int(peak.split()[1]) / 1024


def alone(
    phase: Callable[[Path], Coroutine[Any, Any, None]], path: Path
) -> tuple[float, float]:
    """Measure a phase in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        seconds, megabytes = pool.submit(measure, phase, path).result()
    return seconds, megabytes


def show_speed(folder: Path) -> None:
    """Print the first table."""
    print(f"\n### Full speed, {TASK_COUNT} tasks\n")
    print("| | messages a second | loop held |\n| --- | ---: | ---: |")
    for name, way in (
        ("journal, group commit", with_journal),
        ("a thread and a commit for each call", with_thread_per_call),
    ):
        rate, lag = asyncio.run(way(folder / f"{way.__name__}.db"))
        print(f"| {name} | {rate:,.0f} | {lag * 1000:.1f} ms |", flush=True)


def show_pace(folder: Path) -> None:
    """Print the second table."""
    taken = [1000 * each for each in asyncio.run(at_pace(folder / "pace.db"))]
    print("\n### At 5 a second\n")
    print("| added to a send | median | longest |\n| --- | ---: | ---: |")
    print(f"| intent | {statistics.median(taken):.1f} ms | {taken[-1]:.1f} ms |")


def show_campaign(folder: Path) -> None:
    """Print the third table."""
    path = folder / "campaign.db"
    print(f"\n### A large campaign, {ROW_COUNT:,} messages\n")
    print("| | seconds | memory | file |\n| --- | ---: | ---: | ---: |")
    _, idle = alone(nothing, path)
    for name, phase in PHASES.items():
        seconds, megabytes = alone(phase, path)
        size = path.stat().st_size / 2**20
        print(
            f"| {name} | {seconds:.1f} | {megabytes - idle:.0f} MB | {size:.0f} MB |",
            flush=True,
        )


def main() -> None:
    """Print all."""
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
    with tempfile.TemporaryDirectory(dir=where) as name:
        folder = Path(name)
        show_speed(folder)
        show_pace(folder)
        show_campaign(folder)


if __name__ == "__main__":
    main()
