"""Our pace beside the usual recipes, against the same limiters, in one run.

    python -m benchmarks.pace [--runs 5] [--svg benchmarks/pace.svg]
    python -m benchmarks.pace --latency "20-200 ms"

Each recipe sends 125 messages over real HTTP to the emulator, 5 to 60 ms away
each way, against each shape of limiter. A cell of the table is the share of
requests that got a 429, and goodput: accepted messages a second between the
first and the last, as a share of 5. The most 429s of each column are bold. A
recipe that does not try again loses each message that got a 429.

All of it runs in virtual time, so a busy machine changes the seconds it takes
and no figure; another `--runs` does, by a percent or two. pyrate-limiter reads
a clock of its own, and is given the loop's. python-telegram-bot's way is that of
its `AIORateLimiter`, rebuilt around plain posts, with 8 retries (its default is
none). `pip install --group bench` (pip 25.1) brings aiometer and pyrate-limiter;
a row whose package is missing is left out, and named.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Protocol

import aiohttp
from aiolimiter import AsyncLimiter
from attrs import frozen

from autocalls_async import AutocallsClient, FreeformMessage
from autocalls_async.emulator import Emulator
from autocalls_async.testing import run as run_in_virtual_time
from benchmarks.picture import Panel, draw
from benchmarks.service import LATENCIES, LIMITERS, RATE, SENDER, make_service

COUNT = 125
PTB_RETRIES = 8
DRAWN = ("AsyncLimiter(5, 1)", "AsyncLimiter(1, 0.2)", "autocalls_async")


class Post(Protocol):
    """Posts one message."""

    async def __call__(self, number: int) -> float | None:
        """Post it; give the seconds that a 429 named, else `None`."""


Way = Callable[[Post, Sequence[int]], Awaitable[None]]
Recipe = Callable[[Emulator, Sequence[int]], Awaitable[None]]


def _phone(number: int) -> str:
    return f"+4930{1_000_000 + number}"


async def _ours(emulator: Emulator, numbers: Sequence[int]) -> None:
    """Send with our client, told like the others to leave the windows alone."""
    messages = [
        FreeformMessage(recipient_phone=_phone(number), message="hello")
        for number in numbers
    ]
    async with AutocallsClient(
        "key", base_url=emulator.base_url, sender_id=SENDER, window_check="never"
    ) as client:
        async for _ in client.send_many(messages):
            pass


def _plain(way: Way) -> Recipe:
    """Let a recipe send with plain aiohttp."""

    async def send_all(emulator: Emulator, numbers: Sequence[int]) -> None:
        url = f"{emulator.base_url}/user/whatsapp/send-freeform"
        headers = {"Accept": "application/json", "Authorization": "Bearer key"}
        async with aiohttp.ClientSession(headers=headers) as session:

            async def post(number: int) -> float | None:
                body = {
                    "sender_id": SENDER,
                    "recipient_phone": _phone(number),
                    "message": "hello",
                }
                async with session.post(url, json=body) as response:
                    if response.status == 429:
                        return float(response.headers["Retry-After"])
                    return None

            await way(post, numbers)

    return send_all


def _bucket(size: float, seconds: float) -> Way:
    """Go through aiolimiter, all at once."""

    async def send_all(post: Post, numbers: Sequence[int]) -> None:
        limiter = AsyncLimiter(size, seconds)

        async def one(number: int) -> None:
            async with limiter:
                await post(number)

        await asyncio.gather(*map(one, numbers))

    return send_all


async def _aiometer(post: Post, numbers: Sequence[int]) -> None:
    import aiometer  # noqa: PLC0415  # it may be missing

    await aiometer.run_on_each(post, numbers, max_per_second=RATE)


async def _pyrate(post: Post, numbers: Sequence[int]) -> None:
    import pyrate_limiter as pyrate  # noqa: PLC0415  # it may be missing

    loop = asyncio.get_running_loop()

    class Bucket(pyrate.InMemoryBucket):
        """A bucket on the loop's clock."""

        def now(self) -> int:
            return int(loop.time() * 1000)

    bucket = Bucket([pyrate.Rate(RATE, pyrate.Duration.SECOND)])
    # What has leaked is dropped by a thread, which knows no virtual time; nothing
    # is counted wrongly without it.
    limiter = pyrate.Limiter(pyrate.SingleBucketFactory(bucket, schedule_leak=False))

    async def one(number: int) -> None:
        await limiter.try_acquire_async("sends")
        await post(number)

    await asyncio.gather(*map(one, numbers))


async def _telegram(post: Post, numbers: Sequence[int]) -> None:
    """Do as python-telegram-bot's `AIORateLimiter`: a 429 halts all requests.

    Source:
        Its documentation and `_aioratelimiter.py`: who has its permit waits until
        the halt is over, and the end of any request ends the halt.
    """
    limiter = AsyncLimiter(RATE, 1)
    goes = asyncio.Event()
    goes.set()

    async def attempt(number: int) -> bool:
        async with limiter:
            await goes.wait()
            retry_after = await post(number)
        if retry_after is not None:
            goes.clear()
            await asyncio.sleep(retry_after + 0.1)
        goes.set()
        return retry_after is None

    async def one(number: int) -> None:
        for _ in range(1 + PTB_RETRIES):
            if await attempt(number):
                return

    await asyncio.gather(*map(one, numbers))


RECIPES: Mapping[str, Recipe] = {
    "AsyncLimiter(5, 1)": _plain(_bucket(5, 1)),
    "AsyncLimiter(1, 0.2)": _plain(_bucket(1, 0.2)),
    "aiometer": _plain(_aiometer),
    "pyrate-limiter": _plain(_pyrate),
    "python-telegram-bot's way": _plain(_telegram),
    "autocalls_async": _ours,
}
PACKAGES = {"aiometer": "aiometer", "pyrate-limiter": "pyrate_limiter"}


@frozen
class Tally:
    """What the service saw of one run, or of several together."""

    times: Sequence[float]
    refused: Sequence[float]
    goodput: float


Results = Mapping[tuple[str, str], Sequence[Tally]]
"""By recipe and limiter, the runs."""


async def _measure(recipe: Recipe, limiter: str, latency: str, seed: int) -> Tally:
    # Not at a whole second: a calendar knows the difference.
    await asyncio.sleep(Random(seed).random())
    async with make_service(limiter, latency, seed=seed) as emulator:
        await recipe(emulator, range(COUNT))
    accepted = [request.at for request in emulator.requests if request.status == 200]
    return Tally(
        times=[request.at for request in emulator.requests],
        refused=[request.at for request in emulator.requests if request.status == 429],
        goodput=(len(accepted) - 1) / (accepted[-1] - accepted[0]) / RATE,
    )


def measure_all(latency: str, runs: int) -> Results:
    """Let each recipe that is installed meet each limiter."""
    return {
        (name, limiter): [
            run_in_virtual_time(_measure(recipe, limiter, latency, seed))
            for seed in range(runs)
        ]
        for name, recipe in RECIPES.items()
        if name not in _missing()
        for limiter in LIMITERS
    }


def _missing() -> list[str]:
    return [name for name, module in PACKAGES.items() if find_spec(module) is None]


def _refused(tallies: Sequence[Tally]) -> float:
    """Tell the share of 429s over some runs."""
    sends = sum(len(tally.times) for tally in tallies)
    return sum(len(tally.refused) for tally in tallies) / sends


def _goodput(tallies: Sequence[Tally]) -> float:
    return sum(tally.goodput for tally in tallies) / len(tallies)


def _table(results: Results) -> Iterator[str]:
    names = list(dict.fromkeys(name for name, _ in results))
    yield f"| {' | '.join(['429s, goodput', *LIMITERS])} |"
    yield f"| {' | '.join(['---'] * (1 + len(LIMITERS)))} |"
    worst = {
        limiter: max(_refused(results[name, limiter]) for name in names)
        for limiter in LIMITERS
    }
    for name in names:
        cells = []
        for limiter in LIMITERS:
            tallies = results[name, limiter]
            share = _refused(tallies)
            refused = _percent(share)
            if share and share == worst[limiter]:
                refused = f"**{refused}**"
            cells.append(f"{refused}, {_percent(_goodput(tallies))}")
        yield f"| {' | '.join([_code(name), *cells])} |"


def _code(name: str) -> str:
    return f"`{name}`" if "(" in name or "_" in name else name


def _percent(share: float) -> str:
    """Write a share, with a decimal where it would else look like nothing."""
    return f"{share:.1%}" if 0 < share < 0.02 else f"{share:.0%}"


def picture(results: Results) -> str:
    """Draw the arrivals of some recipes."""
    panels = []
    for name in DRAWN:
        tallies = results[name, "sliding log"]  # the figures of all, as in the table
        refused, used = _percent(_refused(tallies)), _percent(_goodput(tallies))
        note = f"{refused} refused, {used} of the limit used"
        panels.append(Panel(name, note, tallies[0].times, tallies[0].refused))
    return draw(panels, limit=RATE, seconds=25)


def report(results: Results) -> Iterator[str]:
    """Yield the lines of the table."""
    yield from _table(results)
    if missing := _missing():
        yield f"\nLeft out, not installed: {', '.join(missing)}"


def main() -> None:
    """Print the table, and draw the picture where asked to."""
    parser = argparse.ArgumentParser(description="Compare ways to pace.")
    parser.add_argument("--runs", type=int, default=5, help="of each cell")
    parser.add_argument("--latency", choices=LATENCIES, default="5-60 ms")
    parser.add_argument("--svg", type=Path, help="draw arrivals into this file")
    arguments = parser.parse_args()
    results = measure_all(arguments.latency, arguments.runs)
    print("\n".join(report(results)))
    if arguments.svg:
        arguments.svg.write_text(picture(results))


if __name__ == "__main__":
    main()
