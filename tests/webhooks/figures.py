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
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from autocalls_async import Deliveries
from autocalls_async.webhooks import Receiver, Webhooks
from autocalls_async.webhooks.stores.memory import MemoryDeliveries
from autocalls_async.webhooks.stores.protocol import Arrival, Receipt, Task
from autocalls_async.webhooks.stores.sqlite import SqliteDeliveries
from tests.webhooks.bodies import NEW, OLD, SECRET, receipt, signed

RECEIPTS = 200_000
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


async def fill(store: MemoryDeliveries | SqliteDeliveries) -> None:
    """Keep so many receipts, in groups as they come in a campaign."""
    await store.open()
    await store.join()
    for begin in range(0, RECEIPTS, 500):
        await asyncio.gather(
            *(store.keep(_arrival(n)) for n in range(begin, begin + 500))
        )


def _arrival(number: int) -> Arrival:
    kept = Receipt(
        whatsapp_message_id=10_000_000 + number // 2,
        status=("sent", "delivered")[number % 2],
        sender_id=12,
        person=f"+1415{number // 2:07}",
        at=datetime.now(UTC),
        received_at=datetime.now(UTC),
    )
    return Arrival(task=Task.STATUS, key=None, raw=b"", receipt=kept)


async def measure_memory(store: MemoryDeliveries | SqliteDeliveries) -> None:
    """Tell what so many receipts cost."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    began = time.monotonic()
    await fill(store)
    took = time.monotonic() - began
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    name = type(store).__name__
    tell(f"{name}: {held / 1e6:.1f} MB held, {grown:.1f} MB grown, {took:.0f} s traced")
    await store.aclose()


async def main() -> None:
    """Measure all."""
    measure_parse()
    with TemporaryDirectory() as folder:
        await measure_news(str(Path(folder) / "news.db"))
        await measure_memory(SqliteDeliveries(Path(folder) / "many.db"))
    await measure_memory(MemoryDeliveries())


if __name__ == "__main__":
    asyncio.run(take_in(sys.argv[1]) if len(sys.argv) > 1 else main())
