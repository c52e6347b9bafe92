"""A campaign that is killed with SIGKILL again and again, and resumed each time.

    python -m benchmarks.kill [--messages 300] [--kills 20] [--seed 1]

Runs `autocalls bulk --journal` in a process of its own against an emulator in
this one, kills it at random moments, and starts it again until it ends. Prints
what the emulator received and what the journal says. Exits with 1 if a message
was received twice, or has no end, or is unknown without having been in flight
at a kill. The times are this machine's; the counts of what is wrong must be 0.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

from autocalls_async.emulator import Emulator
from autocalls_async.journal import Entry, State
from autocalls_async.journal.storage.reading import JournalReader


def _write_rows(path: Path, count: int) -> list[str]:
    phones = [f"+4930{1_000_000 + number}" for number in range(count)]
    rows = "".join(f"{phone},hello {phone[-4:]}\n" for phone in phones)
    path.write_text(f"recipient_phone,message\n{rows}", encoding="utf-8")
    return phones


async def _start(folder: Path, base_url: str) -> asyncio.subprocess.Process:
    words = ["bulk", str(folder / "rows.csv"), "--journal", str(folder / "run.db")]
    options = [
        "--rate",
        "50",
        "--rate-is-agreed",
        "--base-url",
        base_url,
        "--sender-id",
        "12",
    ]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "autocalls_async", *words, *options),
        env={"AUTOCALLS_API_KEY": "1|any", "PATH": ""},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


def _entries(journal: Path) -> list[Entry]:
    """Read it; what a killed run left in flight is unknown."""
    if not journal.exists():
        return []
    with JournalReader(journal) as reader:
        return list(reader.entries())


def _lost(journal: Path) -> set[str]:
    return {e.key for e in _entries(journal) if e.state is State.UNKNOWN}


async def _wait_until(
    process: asyncio.subprocess.Process, emulator: Emulator, goal: float, rng: Random
) -> None:
    while process.returncode is None and emulator.accepted_count < goal:  # noqa: ASYNC110  # a moment by chance
        await asyncio.sleep(rng.uniform(0.0, 0.02))


async def _run(messages: int, kills: int, seed: int) -> bool:
    rng = Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phones = _write_rows(folder / "rows.csv", messages)
        async with Emulator(rate=50) as emulator:
            emulator.after_counting = lambda _: rng.uniform(0.0, 0.1)
            for phone in phones:
                emulator.customer_writes(phone)
            lost, killed, runs = set[str](), 0, 0
            while True:
                runs += 1
                process = await _start(folder, emulator.base_url)
                if killed < kills:
                    goal = emulator.accepted_count + rng.uniform(0, 600 / kills)
                    await _wait_until(process, emulator, goal, rng)
                if killed < kills and process.returncode is None:
                    process.kill()
                    killed += 1
                    await process.wait()
                    await asyncio.sleep(0.2)  # what was on the wire arrives
                    lost |= _lost(folder / "run.db")
                    continue
                await process.wait()
                break
            entries = _entries(folder / "run.db")
            return _tell(emulator, entries, lost, (messages, killed, runs))


def _tell(
    emulator: Emulator,
    entries: list[Entry],
    lost: set[str],
    counts: tuple[int, int, int],
) -> bool:
    messages, killed, runs = counts
    states = Counter(str(entry.state) for entry in entries)
    unknown = {entry.key for entry in entries if entry.state is State.UNKNOWN}
    twice = len(emulator.duplicates())
    ends = {State.ACCEPTED, State.REJECTED, State.UNKNOWN}
    without_end = messages - sum(entry.state in ends for entry in entries)
    claimed = {e.recipient_phone for e in entries if e.state is State.ACCEPTED}
    false = claimed - {accepted.recipient_phone for accepted in emulator.accepted}
    print(f"{messages} messages, {killed} kills, {runs} runs")
    print(
        f"journal: {dict(states)}; received by the service: {emulator.accepted_count}"
    )
    print(f"received twice: {twice}; without an end: {without_end}")
    print(f"accepted, but never received: {len(false)}")
    print(f"unknown, but not in flight at a kill: {len(unknown - lost)}")
    return not (twice or without_end or false or unknown - lost)


def main() -> int:
    """Kill and resume a campaign, and tell what became of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return 0 if asyncio.run(_run(given.messages, given.kills, given.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
