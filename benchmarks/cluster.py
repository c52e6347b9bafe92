"""What PostgreSQL and one worker bear: `python benchmarks/cluster.py latency|scale`.

It starts a PostgreSQL server of its own; `initdb` has to be on the machine. Its commits
are not synced, so that a slow disk does not hide what the library costs.
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path

from autocalls_async import AutocallsClient, FreeformMessage, SendLimit
from autocalls_async.cli.cluster.postgres import Server, find_programs
from autocalls_async.cluster import AccountSettings, Cluster, Worker, migrate
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.lease import Lease, take
from autocalls_async.cluster.protocol.writer import Told, Writer
from autocalls_async.emulator import Emulator

KEY = "1|the-benchmarks-own"
ACCEPTED = "SELECT count(*) FROM autocalls.message WHERE state = 'accepted'"
COMMITS = """
SELECT sum(xact_commit), split_part(pg_read_file('postmaster.pid'), chr(10), 1)::integer
FROM pg_stat_database
"""
HELD = "SELECT count(worker_id) FROM autocalls.account"


def text(number: int) -> FreeformMessage:
    """Write a free text."""
    return FreeformMessage(recipient_phone=f"+1415555{number:04d}", message="hello")


def open_emulator() -> Emulator:
    """Make a service without a limit of its own: many accounts share it."""
    return Emulator(
        api_key=KEY,
        rate_limit=None,
        everyone_is_open=True,
        balance=Decimal(10**9),
        record_requests=False,
        record_accepted=False,
    )


async def latency(dsn: str, count: int) -> None:
    """A held account that is idle, beside the client itself; and its first send."""
    async with open_emulator() as emulator, Cluster(dsn) as cluster:
        settings = AccountSettings(KEY, base_url=emulator.base_url, sender_id=12)
        worker = Worker(dsn, {"acme": settings, "other": settings})
        working = asyncio.create_task(worker.run(handle_signals=False))
        await asyncio.sleep(2)
        began = time.perf_counter()
        await cluster.send(text(1), account="acme")
        first = time.perf_counter() - began
        async with AutocallsClient(
            KEY, base_url=emulator.base_url, sender_id=12
        ) as client:
            held, direct = [], []
            for number in range(count):
                await asyncio.sleep(0.3)
                began = time.perf_counter()
                await cluster.send(text(number), account="acme")
                held.append(time.perf_counter() - began)
                began = time.perf_counter()
                await client.send(text(number))
                direct.append(time.perf_counter() - began)
        worker.stop()
        await working
    middle = statistics.median(held) - statistics.median(direct)
    print(f"first send of an account: {first * 1e3:.0f} ms")
    print(
        f"held and idle: {statistics.median(held) * 1e3:.1f} ms, the client itself "
        f"{statistics.median(direct) * 1e3:.1f} ms: {middle * 1e3:.1f} ms more (p50)"
    )


async def scale(dsn: str, accounts: int, seconds: float) -> None:
    """One worker with many accounts; the service is a process of its own."""
    names = [f"a{number}" for number in range(accounts)]
    async with Cluster(dsn) as cluster, Database(dsn) as database:
        for name in names:
            await cluster.add_account(name)
            batch = [text(number) for number in range(int(seconds + 20) * 5)]
            await cluster.enqueue_many(batch, account=name, campaign=name)
        with serving() as (base_url, service_pid):
            settings = AccountSettings(
                KEY, base_url=base_url, sender_id=12, send_limit=SendLimit(5)
            )
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            worker = Worker(dsn, dict.fromkeys(names, settings), max_accounts=accounts)
            working = asyncio.create_task(worker.run(handle_signals=False))
            held_after = await until_held(database, accounts)
            sent, costs = await database.value(ACCEPTED), Costs(database, service_pid)
            await costs.begin()
            began = time.perf_counter()
            await asyncio.sleep(seconds)
            count = await database.value(ACCEPTED) - sent
            took, told = time.perf_counter() - began, await costs.tell(count)
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            worker.stop()
            await working
    print(
        f"{accounts} accounts, all held after {held_after:.1f} s: "
        f"{count / took:.0f} sends a second, "
        f"{told}, {(after - before) / 1024 / accounts:.2f} MB an account"
    )


class Costs:
    """What messages cost the worker, PostgreSQL and the service, on Linux."""

    def __init__(self, database: Database, service_pid: int) -> None:
        self._database = database
        self._service_pid = service_pid
        self._began: list[float] = []

    async def begin(self) -> None:
        """Look at all meters."""
        self._began = await self._look()

    async def tell(self, count: int) -> str:
        """Return what has come to pass since, shared by so many messages."""
        spent = [
            now - then
            for now, then in zip(await self._look(), self._began, strict=True)
        ]
        worker, server, service, commits = (one / count for one in spent)
        return (
            f"{worker * 1e3:.2f} ms of processor a message, and {server * 1e3:.2f} of "
            f"PostgreSQL's with {commits:.2f} transactions, {service * 1e3:.2f} of the "
            "service's"
        )

    async def _look(self) -> list[float]:
        ((commits, postmaster),) = await self._database.fetch(COMMITS)
        server, service = seconds_of(postmaster), seconds_of(self._service_pid)
        return [time.process_time(), server, service, float(commits)]


def seconds_of(pid: int) -> float:
    """Return how long a process and its children, living or dead, were at work."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            if path.parent.name == str(pid):
                total += sum(map(int, words[11:15]))
            elif words[1] == str(pid):
                total += sum(map(int, words[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


async def until_held(database: Database, accounts: int) -> float:
    """Wait until all accounts are held; return the seconds that took."""
    began = time.perf_counter()
    while await database.value(HELD) < accounts:  # noqa: ASYNC110  # the server's
        await asyncio.sleep(0.1)
    return time.perf_counter() - began


async def serve() -> None:
    """Be the service until the input ends; say where it is."""
    async with open_emulator() as emulator:
        print(emulator.base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """Have the service in a process of its own; yield where it is, and its id."""
    words = [sys.executable, __file__, "serve"]
    with subprocess.Popen(words, stdin=-1, stdout=-1, text=True) as process:  # noqa: S603  # our own words
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
        process.stdin.close()


async def commits(dsn: str, accounts: int, rounds: int) -> None:
    """Group commit alone: an intent and an end of each account, at once."""
    async with Database(dsn) as database, Cluster(dsn) as cluster:
        lease = Lease(database.session("benchmark"), ttl=60)
        await lease.register()
        writer = Writer(database.session("benchmark"))
        holds = []
        for number in range(accounts):
            name = f"c{number}"
            await cluster.add_account(name)
            batch = [text(i) for i in range(rounds)]
            await cluster.enqueue_many(
                [
                    FreeformMessage(
                        recipient_phone=m.recipient_phone, message="x", key=f"k{i}"
                    )
                    for i, m in enumerate(batch)
                ],
                account=name,
            )
            hold = await take(database, name, lease)
            assert hold is not None
            holds.append(hold)
        began = time.perf_counter()
        for number in range(rounds):
            key = f"k{number}"
            intents = [
                writer.intend(h, key, (False, False, False, True)) for h in holds
            ]
            assert all(await asyncio.gather(*intents))
            for hold in holds:
                words = ("accepted", "7", None, None, None, None)
                writer.settle(Told(hold, key, words, print))
        await writer.flush()
        took = time.perf_counter() - began
        count = rounds * accounts
        print(
            f"group commit: {count / took:.0f} sends a second at {accounts} accounts, "
            f"{count / writer.commit_count:.0f} a commit"
        )
        await writer.aclose()
        await lease.session.aclose()


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["latency", "scale", "commits", "serve"])
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    if given.what == "serve":
        asyncio.run(serve())
        return
    programs = find_programs()
    assert programs is not None, "PostgreSQL is not installed"
    with Server(programs) as server:
        migrate(server.dsn())
        match given.what:
            case "latency":
                work = latency(server.dsn(), given.count)
            case "scale":
                work = scale(server.dsn(), given.accounts, given.seconds)
            case _:
                work = commits(server.dsn(), 20, given.count)
        asyncio.run(work)


if __name__ == "__main__":
    main()
