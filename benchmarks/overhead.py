"""What a message costs, as a share of what it costs with aiohttp alone.

    python -m benchmarks.overhead [--quick] [--rounds 5] [--messages 300]
    python -m benchmarks.overhead --only ours slack --json out.json --svg out.svg

Everybody sends the same text to the same server, which runs on another core and
costs a fraction of any client. A *share* is aiohttp's CPU seconds per message
over the contender's: 1.0 is as cheap as aiohttp, 0.5 costs twice as much.
aiohttp's side is what one would write by hand: POST the JSON, check the status,
read the JSON. Ours is the whole path: validate, window known, queue, lanes, pace
(a million a second, so it never binds), attempt, answer into classes, outcome.

*Kept* connections are reused: ours has a session lent. *Fresh*: one for each
message, our default; aiohttp's connector has `force_close`. The others' clients
are measured on kept connections, as they are meant to be used.

Each contender has a fresh process for each round. In it, after a warm-up, blocks
of `--messages` alternate, aiohttp, contender, aiohttp, and so on, and each of
the contender's is held against the mean of its two neighbours; garbage is
collected before a block and not charged to it. The round's share is the median
of its blocks. The tables give the median of the rounds, with the least and the
most. CPU is user and system time of the whole process, a journal's thread
included.

Noise: whatever else runs slows both sides of a pair, so shares move by a few
hundredths where seconds move by a third. Microseconds and messages a second are
this machine's; compare them within one run. A pair's cost includes loopback's
system calls, which is about a third of aiohttp's; a real network with TLS costs
all sides more and brings their shares nearer to 1.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from statistics import median

from attrs import asdict, frozen

from benchmarks.contenders import Connections, Contender, SendAll, raw
from benchmarks.fast_server import ROOT, FastServer, cores, fast_server, pin
from benchmarks.shares import ALL, Figure, best_peer, picture, table

ROUNDS = 5


@frozen(kw_only=True)
class Effort:
    """How much is sent in one round, by each side and with so many in flight.

    Attributes:
        messages: In a block.
        blocks: Of the contender; aiohttp has one more.
    """

    messages: int = 300
    blocks: int = 4

    def warm_up(self, in_flight: int) -> int:
        """Return the messages that each side sends first, uncounted."""
        return max(in_flight, self.messages // 2)


@frozen(kw_only=True)
class _Block:
    """Seconds a message."""

    cpu: float
    seconds: float


# In the contender's process


async def _block(send_all: SendAll, messages: int, in_flight: int) -> _Block:
    gc.collect()
    cpu, began = time.process_time(), time.perf_counter()
    await send_all(messages, in_flight)
    return _Block(
        cpu=(time.process_time() - cpu) / messages,
        seconds=(time.perf_counter() - began) / messages,
    )


async def _alternate(
    plain: SendAll, tested: SendAll, *, effort: Effort, in_flight: int
) -> tuple[list[_Block], list[_Block]]:
    messages = effort.messages
    for send_all in (plain, tested):
        await send_all(effort.warm_up(in_flight), in_flight)
    # What was imported is nobody's garbage.
    gc.freeze()
    by_raw, by_tested = [await _block(plain, messages, in_flight)], []
    for _ in range(effort.blocks):
        by_tested.append(await _block(tested, messages, in_flight))
        by_raw.append(await _block(plain, messages, in_flight))
    return by_raw, by_tested


def _figures(
    by_raw: Sequence[_Block], by_tested: Sequence[_Block]
) -> Mapping[str, float]:
    shares = [
        (before.cpu + after.cpu) / 2 / block.cpu
        for (before, after), block in zip(pairwise(by_raw), by_tested, strict=True)
    ]
    return {
        "share": median(shares),
        "cpu_microseconds": median(block.cpu for block in by_tested) * 1e6,
        "raw_cpu_microseconds": median(block.cpu for block in by_raw) * 1e6,
        "messages_a_second": 1 / median(block.seconds for block in by_tested),
        "raw_messages_a_second": 1 / median(block.seconds for block in by_raw),
    }


async def _measure_here(
    name: str, connections: Connections, url: str, effort: Effort
) -> list[Figure]:
    contender, figures = ALL[name], []
    async with (
        raw(url, connections) as plain,
        contender.open(url, connections) as tested,
    ):
        for in_flight in contender.in_flight:
            by_raw, by_tested = await _alternate(
                plain, tested, effort=effort, in_flight=in_flight
            )
            figure = Figure(
                name=name,
                connections=connections.value,
                in_flight=in_flight,
                **_figures(by_raw, by_tested),
            )
            figures.append(figure)
    return figures


def _answer(name: str, connections: str, url: str, messages: str, blocks: str) -> None:
    """Measure one, and print its figures for the process above."""
    pin(pair[0] if (pair := cores()) else None)
    effort = Effort(messages=int(messages), blocks=int(blocks))
    figures = asyncio.run(_measure_here(name, Connections(connections), url, effort))
    print(json.dumps([asdict(figure) for figure in figures]))


# In the process above


def _expected(contender: Contender, effort: Effort) -> int:
    """Say how many messages the server must see."""
    blocks = 2 * effort.blocks + 1
    return sum(
        blocks * effort.messages + 2 * effort.warm_up(in_flight)
        for in_flight in contender.in_flight
    )


def _measure(
    name: str, connections: Connections, server: FastServer, effort: Effort
) -> list[Figure]:
    """Measure one contender once, in a process of its own.

    Raises:
        AssertionError: The server saw another number of messages than were sent.
    """
    contender = ALL[name]
    if contender.is_slow:
        effort = Effort(messages=effort.messages, blocks=max(1, effort.blocks // 4))
    before = server.seen().count
    words = [name, connections.value, server.url, effort.messages, effort.blocks]
    answer = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-m", "benchmarks.overhead", "--here", *map(str, words)],
        check=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    seen = server.seen().count - before
    assert seen == _expected(contender, effort), f"{name}: the server saw {seen}"
    return [Figure(**figure) for figure in json.loads(answer.stdout)]


def measure_all(
    names: Sequence[str],
    effort: Effort,
    *,
    rounds: int,
    policies: Iterable[Connections] = Connections,
) -> Iterator[Figure]:
    """Measure each of them in each round."""
    turns = [
        (name, connections)
        for connections in policies
        for name in names
        if connections in ALL[name].connections
    ]
    with fast_server() as server:
        for number in range(rounds):
            for name, connections in turns:
                _tell(f"round {number + 1} of {rounds}: {name}, {connections.value}")
                yield from _measure(name, connections, server, effort)
        seen = server.seen()
        cost = seen.cpu_seconds / seen.count * 1e6
        _tell(f"the server took {cost:.0f} µs of CPU a message\n")


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def part_installed(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part them into those that are installed, and the others' titles."""
    present, missing = [], []
    for name in names:
        try:
            if package := ALL[name].package:
                version(package)
            present.append(name)
        except PackageNotFoundError:
            missing.append(ALL[name].title)
    return present, missing


def report(figures: Sequence[Figure], missing: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the tables."""
    for connections in Connections:
        yield from table(figures, connections)
        yield ""
    yield from best_peer(figures)
    for title in missing:
        yield f"Not installed, so not measured: {title}."


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure what a message costs.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--messages", type=int, default=300, help="in a block")
    parser.add_argument("--blocks", type=int, default=4, help="of each contender")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 200")
    parser.add_argument("--only", nargs="+", choices=ALL, default=list(ALL))
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--svg", type=Path, help="draw kept connections to this file")
    parser.add_argument("--here", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        _answer(*arguments.here)
        return
    if arguments.quick:
        arguments.rounds, arguments.messages = 3, 200
    effort = Effort(messages=arguments.messages, blocks=arguments.blocks)
    present, missing = part_installed(arguments.only)
    figures = list(measure_all(present, effort, rounds=arguments.rounds))
    print("\n".join(report(figures, missing)))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(f) for f in figures], indent=1))
    if arguments.svg:
        arguments.svg.write_text(picture(figures, Connections.KEPT))


if __name__ == "__main__":
    main()
