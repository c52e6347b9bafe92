"""The world of an experiment: a database, a service that tells what it saw, workers."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from typing import Any

from attrs import define, field

from autocalls_async import FreeformMessage
from autocalls_async.cli.cluster.postgres import Server
from autocalls_async.cluster import Cluster, ClusterError, migrate
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.emulator import Emulator
from tests.cluster.support import KEY

LEASE_SECONDS = 6.0
_UNKNOWN = "SELECT count(*) FROM autocalls.message WHERE state = 'unknown'"
_IN_FLIGHT = """SELECT count(*) FILTER (WHERE state = 'in flight'),
count(*) FILTER (WHERE state = 'unknown') FROM autocalls.message"""
_ROWS = "SELECT id, content::json ->> 'message', state FROM autocalls.message"


class WorkerProcess:
    """A worker that can be killed, stopped and continued."""

    def __init__(self, dsn: str, base_url: str, *options: str) -> None:
        self._words = [sys.executable, "-m", "tests.cluster.process", dsn, base_url]
        self._words += options
        self.start()

    def start(self) -> None:
        """Start it, for the first time or again."""
        self._process = subprocess.Popen(self._words, stderr=subprocess.DEVNULL)  # noqa: S603  # our own words

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:  # noqa: PTH123  # of the system's
            return file.read().rpartition(")")[2].split()[0] == "T"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()

    def end(self) -> int:
        """Let it hand over; return its exit status."""
        self._process.terminate()
        return self._process.wait(30)


@define
class World:
    """What an experiment has to do with."""

    server: Server
    dsn: str
    cluster: Cluster
    database: Database
    emulator: Emulator
    draw: random.Random
    workers: list[WorkerProcess] = field(factory=list)
    way: str = ""  # of the workers to the database, where it is another
    message_count: int = 0
    messages_per_kill: int = 0
    failed: Counter[str] = field(factory=Counter)
    replied: dict[str, float] = field(factory=dict)

    def start(self, count: int, *options: str) -> None:
        """Start workers."""
        way = self.way or self.dsn
        known = ("--key", KEY, "--lease", str(LEASE_SECONDS))
        for _ in range(count):
            self.workers.append(
                WorkerProcess(way, self.emulator.base_url, *known, *options)
            )

    async def until_started(self) -> None:
        """Wait until all workers have a lease."""

        async def are_there() -> bool:
            status = await self.cluster.status()
            return len(status.workers) >= len(self.workers)

        await until(are_there)

    async def holder(self) -> WorkerProcess | None:
        """Return the worker that holds the account."""
        try:
            (account,) = (await self.cluster.status()).accounts
        except ClusterError:
            return None
        pids = {worker.pid: worker for worker in self.workers}
        return pids.get(account.holder_pid or 0)

    @asynccontextmanager
    async def losing(self, counts: list[int]) -> AsyncIterator[None]:
        """Note how many messages were in flight when a worker was lost.

        They may become unknown, and no others: what is in flight just after, and what
        was taken for lost meanwhile.
        """
        before = await self.database.value(_UNKNOWN)
        yield
        (found,) = await self.database.fetch(_IN_FLIGHT)
        counts.append(sum(found) - before)

    async def campaign(self, count: int, *, people: int = 10_000) -> None:
        """Put a campaign in."""
        messages = [
            FreeformMessage(
                recipient_phone=f"+1415555{i % people:04d}", message=f"bulk #{i}"
            )
            for i in range(count)
        ]
        await self.cluster.enqueue_many(messages, account="acme", campaign="spring")

    async def reply(self, number: int, phone: str) -> None:
        """Answer somebody who wrote just now, and measure how soon it is sent."""
        message = FreeformMessage(recipient_phone=phone, message=f"reply #{number}")
        try:
            await self.cluster.note_inbound("acme", phone)
            began = time.monotonic()
            await self.cluster.send(message, account="acme", timeout=60)
            self.replied[f"reply #{number}"] = time.monotonic() - began
        except Exception as error:  # noqa: BLE001  # its kind is part of what is reported
            self.failed[type(error).__name__] += 1

    async def until_done(self, *, seconds: float = 300.0) -> None:
        """Wait until nothing waits or is under way."""
        sql = """SELECT count(*) FROM autocalls.message
        WHERE state IN ('new', 'unsent', 'in flight')"""

        async def is_done() -> bool:
            try:
                return not await self.database.value(sql)
            except ClusterError:
                return False

        await until(is_done, seconds=seconds)

    async def verdict(self) -> dict[str, Any]:
        """Hold what the table says against what the service saw."""
        rows = await self.database.fetch(_ROWS)
        texts = Counter(one.message for one in self.emulator.accepted)
        states = Counter(state for _, _, state in rows)
        lies = [
            text
            for _, text, state in rows
            if (state == "accepted") is (text not in texts) and state != "unknown"
        ]
        at = sorted(one.at for one in self.emulator.accepted)
        return {
            "accepted": len(self.emulator.accepted),
            "doubles": sum(n - 1 for n in texts.values()),
            "losses": len([t for _, t, s in rows if s in ("new", "unsent")]),
            "lies": len(lies),
            "unknown": states["unknown"],
            "unknown that came": sum(
                1 for _, text, state in rows if state == "unknown" and text in texts
            ),
            "429s": self.emulator.rejected_count,
            "most in a second": self.emulator.most_sends_in_any_second(),
            "order breaks": self.order_breaks(),
            "goodput": round((len(at) - 1) / max(at[-1] - at[0], 1e-9), 2),
            "longest pause": round(max((b - a for a, b in pairwise(at)), default=0), 2),
            "replies p90": _percentile(list(self.replied.values()), 0.9),
            "replies": len(self.replied),
            "replies that failed": dict(self.failed),
        }

    def order_breaks(self) -> int:
        """Count messages to somebody that came before one put in earlier."""
        last: dict[str, int] = {}
        breaks = 0
        for one in self.emulator.accepted:
            number = int((one.message or "").partition("#")[2])
            breaks += last.get(one.recipient_phone, -1) > number
            last[one.recipient_phone] = max(number, last.get(one.recipient_phone, -1))
        return breaks


async def until(
    condition: Callable[[], Awaitable[object]], *, seconds: float = 60.0
) -> None:
    """Wait until something holds; fail where it does not come about."""
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)


def _percentile(values: list[float], share: float) -> float | None:
    return round(sorted(values)[int(share * (len(values) - 1))], 2) if values else None


@asynccontextmanager
async def open_world(
    server: Server, *, seed: int, dsn: str = "", latency: bool = True, rate: int = 5
) -> AsyncIterator[World]:
    """Make a database, a service with latencies of its own, and no worker yet."""
    where = dsn or server.dsn(f"world{time.time_ns()}")
    await asyncio.to_thread(_create, server, where)
    draw = random.Random(seed)
    emulator = Emulator(
        api_key=KEY, everyone_is_open=True, balance=Decimal(10**6), rate=rate
    )
    if latency:
        emulator.before_counting = lambda _: draw.uniform(0.005, 0.06)
        emulator.after_counting = lambda _: draw.uniform(0.005, 0.06)
    async with (
        emulator,
        Cluster(where, max_connections=20) as cluster,
        Database(where) as database,
    ):
        await cluster.add_account("acme")
        world = World(server, where, cluster, database, emulator, draw)
        try:
            yield world
        finally:
            for worker in world.workers:
                worker.kill()


def _create(server: Server, dsn: str) -> None:
    import psycopg  # noqa: PLC0415  # most test runs need no database's driver

    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        name = dsn.rpartition("/")[2]
        connection.execute(f"CREATE DATABASE {name}".encode())
    migrate(dsn)
