"""Measure everything, and write one report: `python -m benchmarks [--quick]`.

It takes some ten minutes on two quiet cores, and writes `RESULTS.md` and its
pictures beside this file; `--out` names another folder. What each figure means
and what noise does to it stands in the report and, in full, at the top of each
script. Pace and waits are measured in virtual time and repeat exactly.

`--also PYTHON` adds what a message costs with another interpreter, which has this
project and its group `bench` installed; it can be given several times.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import (
    accounts,
    hung,
    import_time,
    latency,
    overhead,
    pace,
    structure,
    waiting,
)
from benchmarks.contenders import Connections
from benchmarks.fast_server import ROOT
from benchmarks.shares import ALL, Figure, picture

HERE = Path(__file__).resolve().parent
PACKAGES = ("autocalls-async", "aiohttp", "aiolimiter", "attrs", "cattrs")
OTHERS = ("aiometer", "pyrate-limiter")

OVERHEAD = """
A *share* is aiohttp's CPU seconds per message over the contender's, on the same
server in the same minute: 1.0 is as cheap as aiohttp, 0.5 costs twice as much.
Ours is the whole path: validate, window known, queue, lanes, a pace that never
binds, attempt, answer into classes, outcome. *Observed* means that a plain
function is called with each record; *journal* that each message is noted in a
file, durably, before it leaves and after. `send_many` keeps 64 in flight by itself.
The goals: on kept connections 0.85 at 10 in flight, 0.82 at 100 and 0.90 with
`send_many`, 0.75 where that is observed and 0.30 with a journal; on fresh 0.95.

Each share is the median of {rounds} rounds, each in a fresh process, with the least
and the most; the first three rows are aiohttp against itself, which is the noise.
Microseconds and messages a second are this machine's: compare within the table.
""".strip()

ALSO = """
The same with another interpreter, ours alone, beside aiohttp on the same one. The
goal on CPython 3.13 is 1.0 on kept connections.
""".strip()

LATENCY = """
Milliseconds from the call to its answer, behind a proxy that is a round trip of
50 ms away: that is the floor. A new connection is another one, its TLS handshake
a third, and the question for a messaging window one more request. Each sample is a
client of its own, with its default settings; the others, as they are, share one
session. They know no windows, so theirs are known in their rows.
""".strip()

ACCOUNTS = """
Clients in one process on one core, each with a message to send at any time, to a
server on another core, over fresh connections. Together they want more than a core
can do, so that a second of its time tells what one does. Memory is resident memory,
each client's share of what the process has more than before the first one.
""".strip()

IMPORT = """
Fresh processes in turn. The goal is within 18 ms of aiohttp, attrs and cattrs,
which whoever writes a client by hand imports as well; and for the command within
0.2 s of a Python that does nothing.
""".strip()

STRUCTURE = """
Calls in turn, on one core. The goal is `structure()` under 5 µs.
""".strip()

PACE = """
125 sends, 5 to 60 ms away each way, against each shape of limiter: the share of
requests that got a 429, and accepted messages a second as a share of 5. The most
429s of a column are bold. In virtual time: it repeats exactly.
""".strip()

HUNG = """
A campaign and a reply every 1 to 2 s, 5 to 60 ms away each way, where answers hang
for a minute: which ones do, what that costs in pace and in a reply's wait, how many
messages end as unknown, and how many requests got a 429. During a stall nothing is
answered for 60 s; the last column is what reaches the service within a second of its
end. In virtual time: it repeats exactly.
""".strip()

WAITING = """
Messages handed through without HTTP and without a limit worth the name, beside
`asyncio.gather` over an aiolimiter: seconds, and the peak of memory over what the
process had before. The goal for 300,000 is 12 s, and 3 MB more than for 100,000.
Then how long a reply waits, in virtual time, behind a campaign.
""".strip()


def _machine() -> Iterator[str]:
    yield (
        f"{_cores()} cores, {platform.machine()}, {platform.system()}; "
        f"{platform.python_implementation()} {platform.python_version()}; "
        + ", ".join(_versions())
        + "."
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _versions() -> Iterator[str]:
    peers = [contender.package for contender in ALL.values() if contender.package]
    for name in (*PACKAGES, *peers, *OTHERS):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} not installed"


def _section(title: str, text: str, *parts: Iterable[str]) -> Iterator[str]:
    _tell(title)
    yield f"\n## {title}\n\n{text}"
    for lines in parts:
        yield ""
        yield from lines


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _overhead(out: Path, *, is_quick: bool) -> Iterator[str]:
    present, missing = overhead.part_installed(list(ALL))
    rounds = 2 if is_quick else overhead.ROUNDS
    effort = overhead.Effort(messages=100) if is_quick else overhead.Effort()
    figures = list(overhead.measure_all(present, effort, rounds=rounds))
    pictures = _draw(figures, out)
    yield from _section(
        "What a message costs",
        OVERHEAD.format(rounds=rounds),
        pictures,
        overhead.report(figures, missing),
    )


def _also(python: Path, *, is_quick: bool) -> Iterator[str]:
    """Yield the section of another interpreter, which measures it itself."""
    rounds = 2 if is_quick else overhead.ROUNDS
    effort = ["--messages", "100"] if is_quick else []
    contenders = ["raw", "ours", "many", "many-observed", "many-journal"]
    told = subprocess.run(  # noqa: S603  # whoever measures names it
        [python, "-V"], check=True, stdout=subprocess.PIPE, text=True
    )
    _tell(f"What a message costs on {told.stdout.strip()}")
    with TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        words = ["--rounds", str(rounds), *effort, "--json", out, "--only", *contenders]
        subprocess.run(  # noqa: S603  # as above
            [python, "-m", "benchmarks.overhead", *words],
            check=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        figures = [Figure(**figure) for figure in json.loads(out.read_text())]
    title = f"What a message costs on {told.stdout.strip()}"
    yield from _section(title, ALSO, overhead.report(figures, []))


def _latency(*, is_quick: bool) -> Iterator[str]:
    samples = 3 if is_quick else latency.SAMPLES
    return latency.report(latency.measure(latency.installed(), samples=samples))


def _accounts(*, is_quick: bool) -> Iterator[str]:
    rounds = accounts.measure(2, seconds=3) if is_quick else accounts.measure(5)
    return accounts.report(rounds)


def _draw(figures: list[Figure], out: Path) -> Iterator[str]:
    for connections in Connections:
        name = f"overhead-{connections.value}.svg"
        (out / name).write_text(picture(figures, connections))
        yield f"![Shares of aiohttp, {connections.value} connections]({name})\n"


def _pace(out: Path, *, is_quick: bool) -> Iterator[str]:
    results = pace.measure_all("5-60 ms", 1 if is_quick else 5)
    (out / "pace.svg").write_text(pace.picture(results))
    yield "![Arrivals in the last second, against the line at 5](pace.svg)\n"
    yield from pace.report(results)


def report(out: Path, *, is_quick: bool, also: Sequence[Path] = ()) -> Iterator[str]:
    """Yield the lines of the report, and write its pictures into the folder."""
    yield "# Results\n"
    yield "Written by `python -m benchmarks`, in one run.\n"
    yield from _machine()
    _tell("What a message costs: the longest part")
    yield from _overhead(out, is_quick=is_quick)
    for python in also:
        yield from _also(python, is_quick=is_quick)
    yield from _section("One reply", LATENCY, _latency(is_quick=is_quick))
    yield from _section("A thousand accounts", ACCOUNTS, _accounts(is_quick=is_quick))
    rounds = 3 if is_quick else 21
    yield from _section(
        "Import", IMPORT, import_time.report(rounds), import_time.report_command(rounds)
    )
    yield from _section("Reading an answer", STRUCTURE, structure.report(rounds))
    yield from _section("Pace", PACE, _pace(out, is_quick=is_quick))
    yield from _section("Answers that hang", HUNG, hung.report())
    most = 1_000 if is_quick else 300_000
    yield from _section(
        "Waiting", WAITING, waiting.report_runs(most), waiting.report_waits()
    )


def main() -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(description="Measure everything.")
    parser.add_argument("--quick", action="store_true", help="coarse, in three minutes")
    parser.add_argument(
        "--also", type=Path, action="append", default=[], help="another interpreter"
    )
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the report")
    arguments = parser.parse_args()
    import_time.check_command()  # else it would be missed after eight minutes
    # Each section is there once it is measured, should a later one fail.
    with (arguments.out / "RESULTS.md").open("w", buffering=1) as results:
        for line in report(
            arguments.out, is_quick=arguments.quick, also=arguments.also
        ):
            print(line, file=results)


if __name__ == "__main__":
    main()
