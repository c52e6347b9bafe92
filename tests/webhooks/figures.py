"""How fast receipts are, and what they cost.

    .venv/bin/python -m tests.webhooks.figures

It prints the time of one `parse()`, how soon a receipt that one process takes in ends
the waiting in another (a SQLite file), and what 200,000 receipts cost in memory.
"""

import asyncio
import gc
import resource
import subprocess
import sys
import time
import timeit
from pathlib import Path
from tempfile import TemporaryDirectory

from autocalls_async import Deliveries
from autocalls_async.webhooks import MessageStatus, Receiver, Webhooks
from tests.webhooks.bodies import NEW, OLD, SECRET, receipt, signed

RECEIPTS = 200_000
GROUP = 100
"""Of them at once."""
NEWS = 200


def tell(*words: object) -> None:
    """Print, at once."""
    print(*words, flush=True)  # noqa: T201  # a command


def measure_parse() -> None:
    """Tell how long a receipt of a sender with two secrets takes."""
    receiver, raw = Receiver({12: [NEW, OLD]}), receipt()
    headers = signed(raw, OLD)
    times = timeit.repeat(lambda: receiver.parse(raw, headers), number=2000, repeat=20)
    tell(f"parse: {min(times) / 2000 * 1e6:.1f} µs, the best of 20")


async def take_in(path: str) -> None:
    """Take receipts in, each at a time of its own; tell when on standard output."""
    deliveries = Deliveries(path)
    hooks = Webhooks(Receiver(SECRET), deliveries=deliveries)
    await hooks.start()
    tell("ready")
    await asyncio.to_thread(sys.stdin.readline)
    for number in range(NEWS):
        await asyncio.sleep(0.0137 * (number % 7) + 0.02)
        raw = receipt(number)
        began = time.monotonic()
        await hooks.handle("/hooks/receipts", signed(raw), raw)
        tell(began)
    await deliveries.aclose()


async def measure_news(path: str) -> None:
    """Tell how soon another process knows."""
    command = [sys.executable, "-m", "tests.webhooks.figures", path]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    await process.stdout.readline()
    deliveries = Deliveries(path)
    seen: dict[int, float] = {}

    async def wait(number: int) -> None:
        await deliveries.wait(number, timeout=120)
        seen[number] = time.monotonic()

    async with asyncio.TaskGroup() as tasks:
        for number in range(NEWS):
            tasks.create_task(wait(number))
        await asyncio.sleep(0.5)
        process.stdin.write(b"go\n")
    told = (await process.stdout.read()).decode().split()
    await process.wait()
    await deliveries.aclose()
    late = sorted(seen[n] - float(at) for n, at in enumerate(told))
    p95 = late[int(0.95 * NEWS)]
    tell(f"news: p50 {late[NEWS // 2] * 1e3:.0f} ms, p95 {p95 * 1e3:.0f} ms")


async def measure_memory(path: str | None) -> None:
    """Tell by how much this process grows while so many receipts are taken in.

    It is the resident set, in a process of its own, after what the first few need.
    """
    deliveries = Deliveries(path)
    hooks = Webhooks(Receiver(SECRET), deliveries=deliveries)

    @hooks.on_status()
    async def see(_: MessageStatus) -> None:
        """Have something to do."""

    async def take(number: int) -> None:
        raw = receipt(10_000_000 + number // 2, ("sent", "delivered")[number % 2])
        await hooks.handle("/hooks/receipts", signed(raw), raw)

    for number in range(GROUP):
        await take(number)
    gc.collect()
    before, began = _resident(), time.monotonic()
    for begin in range(GROUP, RECEIPTS, GROUP):
        await asyncio.gather(*(take(n) for n in range(begin, begin + GROUP)))
    took = time.monotonic() - began
    gc.collect()
    name = type(deliveries.store).__name__
    tell(
        f"{name}: {_resident() - before:.1f} MB grown, {RECEIPTS / took:,.0f} a second"
    )
    await deliveries.aclose()


def _resident() -> float:
    """Return how many MB of this process are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


async def measure_apart(path: str) -> None:
    """Measure it in a new process, which has measured nothing else."""
    command = [sys.executable, "-m", "tests.webhooks.figures", "--memory", path]
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0


async def main() -> None:
    """Measure all."""
    measure_parse()
    with TemporaryDirectory() as folder:
        await measure_news(str(Path(folder) / "news.db"))
        await measure_apart(str(Path(folder) / "many.db"))
    await measure_apart("")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--memory", file]:
            asyncio.run(measure_memory(file or None))
        case [file]:
            asyncio.run(take_in(file))
        case _:
            asyncio.run(main())
