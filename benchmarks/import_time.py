"""How long the import and the command take, beside what they stand on.

    python -m benchmarks.import_time [--rounds 21]

Each import has a fresh process, which reads the clock before and after it; the
two alternate, and the difference is taken round by round. The packages are
aiohttp, attrs and cattrs: whoever writes a client by hand imports them as well.
Rooms that only a client needs come with the first client, so that is timed as well.

The second table names what ours loads beyond them, by the milliseconds that each
module takes itself, without those it imports, as `-X importtime` tells; packages
that are not ours are summed up by their first name. The flag costs something at
each module, so the sum is more than the difference above.

The third is the whole command `autocalls --version`, from the start of its process
to its end, beside a Python that does nothing.

Noise: files come from the page cache and modules from `__pycache__`, after a
first round that is not counted. A busy machine adds a third to every figure, and
a few milliseconds to a single difference; the median of the differences moves by
one.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.fast_server import ROOT
from benchmarks.spread import Spread

BASE = "import aiohttp, attrs, cattrs"
OURS = "from autocalls_async import AutocallsClient"
VERSION = ("-m", "autocalls_async", "--version")
CLIENT = f"{OURS}\nAutocallsClient('key', base_url='https://autocalls.test')"
MODULES_SHOWN = 10
TRACES = 5


def _python(*words: str) -> subprocess.CompletedProcess[str]:
    # Else what was edited last would be compiled again in each process.
    unset = {"PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, *words],
        check=True,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in unset},
        capture_output=True,
        text=True,
    )


def _command_milliseconds(*words: str) -> float:
    began = time.perf_counter()
    _python(*words)
    return (time.perf_counter() - began) * 1000


def _milliseconds(statement: str) -> float:
    clock = "__import__('time').perf_counter()"
    code = f"began = {clock}\n{statement}\nprint({clock} - began)"
    return float(_python("-c", code).stdout) * 1000


def measure(rounds: int) -> list[tuple[float, ...]]:
    """Return the milliseconds of the packages, of ours, and of ours with a client.

    Each has one for every round.
    """
    statements = (BASE, OURS, CLIENT)
    for statement in statements:
        _milliseconds(statement)
    turns = [[_milliseconds(one) for one in statements] for _ in range(rounds)]
    return list(zip(*turns, strict=True))


def _beyond() -> Mapping[str, float]:
    """Return the modules that ours loads beyond the packages, each with its own ms."""
    code = (
        f"import sys\n{BASE}\nknown = set(sys.modules)\n{OURS}\n"
        "print(*set(sys.modules) - known)"
    )
    traced = _python("-X", "importtime", "-c", code)
    names = set(traced.stdout.split())
    lines = (line.split("|") for line in traced.stderr.splitlines())
    return {
        name.strip(): int(own.removeprefix("import time:")) / 1000
        for own, _, name in lines
        if name.strip() in names
    }


def _modules() -> list[tuple[str, float]]:
    traces = [_beyond() for _ in range(TRACES)]
    own: dict[str, float] = {}
    for name in traces[0]:
        is_ours = name.startswith("autocalls_async")
        shown = f"`{name}`" if is_ours else f"`{name.partition('.')[0]}`, not ours"
        ms = median(trace.get(name, 0.0) for trace in traces)
        own[shown] = own.get(shown, 0.0) + ms
    return sorted(own.items(), key=lambda item: -item[1])


def report(rounds: int) -> Iterator[str]:
    """Yield the lines of the tables."""
    base, ours, client = measure(rounds)
    yield "| import | ms, median (least to most) |"
    yield "| --- | ---: |"
    yield f"| aiohttp, attrs, cattrs | {Spread.of(base):.0f} |"
    yield f"| `autocalls_async` | {Spread.of(ours):.0f} |"
    yield f"| difference, round by round | {_difference(base, ours):.1f} |"
    yield f"| difference with a first client | {_difference(base, client):.1f} |"
    yield ""
    yield from _modules_table(_modules())


def _difference(base: Sequence[float], other: Sequence[float]) -> Spread:
    return Spread.of([b - a for a, b in zip(base, other, strict=True)])


def _modules_table(modules: Sequence[tuple[str, float]]) -> Iterator[str]:
    total = sum(ms for _, ms in modules)
    yield f"| what it loads beyond those, {total:.0f} ms in all | ms of its own |"
    yield "| --- | ---: |"
    for name, ms in modules[:MODULES_SHOWN]:
        yield f"| {name} | {ms:.1f} |"


def check_command() -> None:
    """Make sure that there is a command to measure.

    Raises:
        SystemExit: There is none.
    """
    try:
        _python(*VERSION)
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.stderr.strip()) from None


def report_command(rounds: int) -> Iterator[str]:
    """Yield the lines of the command's table."""
    ways = {"`python -c pass`": ("-c", "pass"), "`autocalls --version`": VERSION}
    for words in ways.values():
        _command_milliseconds(*words)
    turns = [
        [_command_milliseconds(*words) for words in ways.values()]
        for _ in range(rounds)
    ]
    yield "| command | ms, median (least to most) |"
    yield "| --- | ---: |"
    for name, values in zip(ways, zip(*turns, strict=True), strict=True):
        yield f"| {name} | {Spread.of(values):.0f} |"
    added = [command - bare for bare, command in turns]
    yield f"| difference, round by round | {Spread.of(added):.0f} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure the import.")
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    check_command()
    print("\n".join((*report(rounds), "", *report_command(rounds))))


if __name__ == "__main__":
    main()
