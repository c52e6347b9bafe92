"""A campaign of 5.6 hours in two minutes: 100,000 messages, start to end.

    python -m benchmarks.campaign [--limiter "sliding log" ...]
        [--latency "5-60 ms" ...] [--count 100000] [--seed 1]

The real client sends over real HTTP to the emulator, in virtual time. For each
limiter and latency named, and by default for the sliding log at 5 to 60 ms:

- 429s: requests refused. The message is sent again, so none is lost.
- goodput: accepted messages a second between the first and the last outcome,
  as a share of 5. A cautious pace costs here what it saves above.
- most in a second: arrivals at the service in any stretch shorter than a second.
- real time: what it took here. A busy machine changes this figure alone; all
  others repeat exactly for the same `--seed`.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterator

from autocalls_async import Accepted, AutocallsClient, FreeformMessage, Outcome
from autocalls_async.testing import run as run_in_virtual_time
from benchmarks.service import LATENCIES, LIMITERS, RATE, SENDER, make_service


def _messages(count: int) -> Iterator[FreeformMessage]:
    for number in range(count):
        yield FreeformMessage(
            recipient_phone=f"+4930{1_000_000 + number}", message="hello"
        )


async def _simulate(limiter: str, latency: str, count: int, seed: int) -> str:
    """Send so many, and write the figures of a row."""
    loop = asyncio.get_running_loop()
    outcomes: Counter[type[Outcome]] = Counter()
    began, first = time.perf_counter(), None
    service = make_service(limiter, latency, seed=seed, keep_requests=False)
    async with service as emulator:
        async with AutocallsClient(
            "key", base_url=emulator.base_url, sender_id=SENDER, window_check="never"
        ) as client:
            async for outcome in client.send_many(_messages(count)):
                outcomes[type(outcome)] += 1
                first = loop.time() if first is None else first
        assert first is not None
        seconds = loop.time() - first
    assert outcomes == {Accepted: count}, outcomes
    assert emulator.accepted_count == count
    cells = (
        f"{emulator.rejected_count}",
        f"{(count - 1) / seconds / RATE:.1%}",
        f"{emulator.most_sends_in_any_second()}",
        f"{time.perf_counter() - began:.0f} s",
    )
    return " | ".join(cells)


def main() -> None:
    """Print a table with a row for each simulation."""
    parser = argparse.ArgumentParser(description="Simulate a long campaign.")
    parser.add_argument(
        "--limiter", nargs="+", choices=LIMITERS, default=["sliding log"]
    )
    parser.add_argument("--latency", nargs="+", choices=LATENCIES, default=["5-60 ms"])
    parser.add_argument("--count", type=int, default=100_000, help="messages")
    parser.add_argument("--seed", type=int, default=1, help="of the network")
    arguments = parser.parse_args()
    heads = ["429s", "goodput", "most in a second", "real time"]
    print(f"| {arguments.count:,} messages | latency |", " | ".join(heads), "|")
    print("| --- | --- |", " | ".join(["---:"] * len(heads)), "|")
    for limiter in arguments.limiter:
        for latency in arguments.latency:
            simulation = _simulate(limiter, latency, arguments.count, arguments.seed)
            row = run_in_virtual_time(simulation)
            print(f"| {limiter} | {latency} | {row} |", flush=True)


if __name__ == "__main__":
    main()
