"""Measure everything, and write one report: `python -m benchmarks [--quick]`.

It takes some six minutes on two quiet cores, and writes `RESULTS.md` and its
pictures beside this file; `--out` names another folder. What each figure means
and what noise does to it stands in the report and, in full, at the top of each
script. Pace and waits are measured in virtual time and repeat exactly.
"""

import argparse
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import hung, import_time, overhead, pace, structure, waiting
from benchmarks.contenders import Connections
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
The goal is 0.75 at 10 and at 100 in flight on kept connections, and 0.90 on fresh.

Each share is the median of {rounds} rounds, each in a fresh process, with the least
and the most; the first three rows are aiohttp against itself, which is the noise.
Microseconds and messages a second are this machine's: compare within the table.
""".strip()

IMPORT = """
Fresh processes in turn. The goal is within 15 ms of aiohttp, attrs and cattrs,
which whoever writes a client by hand imports as well.
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
process had before. Then how long a reply waits, in virtual time, behind a campaign.
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


def report(out: Path, *, is_quick: bool) -> Iterator[str]:
    """Give the lines of the report, and write its pictures into the folder."""
    yield "# Results\n"
    yield "Written by `python -m benchmarks`, in one run.\n"
    yield from _machine()
    _tell("What a message costs: the longest part")
    yield from _overhead(out, is_quick=is_quick)
    rounds = 3 if is_quick else 21
    yield from _section("Import", IMPORT, import_time.report(rounds))
    yield from _section("Reading an answer", STRUCTURE, structure.report(rounds))
    yield from _section("Pace", PACE, _pace(out, is_quick=is_quick))
    yield from _section("Answers that hang", HUNG, hung.report())
    most = 1_000 if is_quick else 100_000
    yield from _section(
        "Waiting", WAITING, waiting.report_runs(most), waiting.report_waits()
    )


def main() -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(description="Measure everything.")
    parser.add_argument("--quick", action="store_true", help="coarse, in two minutes")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the report")
    arguments = parser.parse_args()
    lines = list(report(arguments.out, is_quick=arguments.quick))
    (arguments.out / "RESULTS.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
