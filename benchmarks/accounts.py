"""How many messages a thousand accounts send in one process, and what each holds.

    python -m benchmarks.accounts [--clients 1000] [--rounds 5] [--seconds 10]

Each account has a client of its own with its default settings, which are 5 a
second and a fresh connection for each message, and each has always one more
message to send. That is 5,000 a second wanted of one core, more than it can do:
what it does is the figure. All clients send to the same server, which runs on
another core. Messages are counted by their answers, over the seconds after each
client has sent its first three, and the clients' windows are known.

The core is never idle, so the messages of a second of its time are what a core
does that is ours alone; on such a core the seconds of the clock tell the same.

Memory is resident memory of the process, after that: what it has more than before
the first client was made, by the number of clients. It holds what a client keeps
and its message under way.

Each round is a process of its own. Noise: whatever else runs takes from the rate
by the clock all that it uses; the other moves by a third between a quiet machine and
a busy one, and by a twentieth between rounds. Both are this machine's. A third of
the cost is the garbage collector's, which looks at all clients again and again.
Memory moves by 2 kB a client. Linux only, for its memory.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from attrs import asdict, frozen

from autocalls_async import AutocallsClient
from benchmarks.contenders import SENDER, TEXT
from benchmarks.fast_server import ROOT, FastServer, cores, fast_server, pin
from benchmarks.spread import Spread

CLIENTS = 1_000
ROUNDS = 5
SECONDS = 10.0
FIRST_MESSAGES = 3
PHONE = "+4930123456"


@frozen(kw_only=True)
class Figures:
    """One round's."""

    messages_a_cpu_second: float
    messages_a_second: float
    kilobytes_a_client: float


class _Accounts:
    """The clients, each sending one message after another."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: list[AutocallsClient] = []
        self.count = 0

    async def open(self, number: int, stack: AsyncExitStack) -> None:
        for _ in range(number):
            client = AutocallsClient(
                "1|key", base_url=f"{self._url}/api", sender_id=SENDER, timeout=60.0
            )
            client.windows.note_inbound(PHONE)
            self._clients.append(await stack.enter_async_context(client))

    async def send(self, messages: int) -> None:
        """Let each client send so many, one after another."""

        async def work(client: AutocallsClient) -> None:
            for _ in range(messages):
                await client.send_freeform(PHONE, TEXT)

        await asyncio.gather(*map(work, self._clients))

    async def send_for(self, seconds: float) -> None:
        """Let each client send until the time is over, and count the answers."""
        ends_at = time.perf_counter() + seconds

        async def work(client: AutocallsClient) -> None:
            while time.perf_counter() < ends_at:
                await client.send_freeform(PHONE, TEXT)
                self.count += 1

        await asyncio.gather(*map(work, self._clients))


def _kilobytes() -> int:
    """Tell the resident memory of this process."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


async def _measure_here(url: str, clients: int, seconds: float) -> Figures:
    async with AsyncExitStack() as stack:
        one = _Accounts(url)
        await one.open(1, stack)
        await one.send(FIRST_MESSAGES)  # what a process makes once is made
        gc.collect()
        before = _kilobytes()
        all_of_them = _Accounts(url)
        await all_of_them.open(clients, stack)
        await all_of_them.send(FIRST_MESSAGES)
        cpu, began = time.process_time(), time.perf_counter()
        await all_of_them.send_for(seconds)
        taken, cpu = time.perf_counter() - began, time.process_time() - cpu
        gc.collect()
        return Figures(
            messages_a_cpu_second=all_of_them.count / cpu,
            messages_a_second=all_of_them.count / taken,
            kilobytes_a_client=(_kilobytes() - before) / clients,
        )


def _measure(server: FastServer, clients: int, seconds: float) -> Figures:
    words = [server.url, str(clients), str(seconds)]
    answer = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-m", "benchmarks.accounts", "--here", *words],
        check=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Figures(**json.loads(answer.stdout))


def measure(
    rounds: int, *, clients: int = CLIENTS, seconds: float = SECONDS
) -> list[Figures]:
    """Return each round's figures."""
    with fast_server() as server:
        return [_measure(server, clients, seconds) for _ in range(rounds)]


def report(rounds: list[Figures], clients: int = CLIENTS) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"| {clients:,} clients, each of which wants 5 a second | | goal |"
    yield "| --- | ---: | ---: |"
    rates = Spread.of([figures.messages_a_second for figures in rounds])
    of_cpu = Spread.of([figures.messages_a_cpu_second for figures in rounds])
    memory = Spread.of([figures.kilobytes_a_client for figures in rounds])
    yield f"| messages of all, in a core's second | {of_cpu:,.0f} | ≥ 1,650 |"
    yield f"| the same, in a second of the clock | {rates:,.0f} | |"
    yield f"| kB of memory a client | {memory:.0f} | ≤ 55 |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure a thousand accounts.")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--here", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        pin(pair[0] if (pair := cores()) else None)
        url, clients, seconds = arguments.here
        figures = asyncio.run(_measure_here(url, int(clients), float(seconds)))
        print(json.dumps(asdict(figures)))
        return
    rounds = measure(
        arguments.rounds, clients=arguments.clients, seconds=arguments.seconds
    )
    print("\n".join(report(rounds, arguments.clients)))


if __name__ == "__main__":
    main()
