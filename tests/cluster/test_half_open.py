"""A host that nothing reaches any more, though its connections stand."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from attrs import evolve, frozen

from autocalls_async.cluster import Cluster, ClusterError, UndecidedError, Worker
from autocalls_async.cluster.protocol import database as door
from autocalls_async.cluster.protocol.database import Database, Session
from autocalls_async.emulator import Emulator
from tests.cluster.support import KEY, RATE, hello, running, settings_of, until
from tests.cluster.swallowing import Way, way_to

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
    pytest.mark.timeout(120),
]

LEASE = 3.0
_HOLDER = "SELECT epoch FROM autocalls.account WHERE worker_id IS NOT NULL"
_LATE = "SELECT 1 FROM autocalls.message WHERE key = 'late'"
_OPEN = """
SELECT count(*) FROM autocalls.message WHERE state IN ('new', 'unsent', 'in flight')
"""


@frozen
class Host:
    """A worker behind ways that can fall silent."""

    emulator: Emulator
    database: Way
    service: Way

    def vanish(self) -> None:
        """Cut it off from all."""
        self.database.shut()
        self.service.shut()

    def come_back(self) -> None:
        """Let it reach all again."""
        self.database.open()
        self.service.open()


@asynccontextmanager
async def a_host(dsn: str) -> AsyncIterator[Host]:
    """Have a worker that reaches database and service by ways of its own."""
    port = int(dsn.rpartition(":")[2].partition("/")[0])
    async with (
        Emulator(api_key=KEY, everyone_is_open=True, rate=RATE) as emulator,
        way_to(port) as database,
        way_to(int(emulator.base_url.rpartition(":")[2].partition("/")[0])) as service,
    ):
        settings = settings_of(emulator)
        to_service = emulator.base_url.replace(
            f":{emulator.base_url.rpartition(':')[2].partition('/')[0]}",
            f":{service.port}",
        )
        far = evolve(settings, base_url=to_service)
        way = dsn.replace(f":{port}/", f":{database.port}/")
        async with running(
            Worker(way, {"acme": far}, lease_seconds=LEASE, drain_seconds=2)
        ):
            yield Host(emulator, database, service)


async def test_a_host_that_is_gone_is_succeeded_after_its_lease(
    dsn: str, database: Database
) -> None:
    async with a_host(dsn) as host, Cluster(dsn) as cluster:
        messages = [hello(f"text {i}", f"+1415555{i:04d}") for i in range(80)]
        await cluster.enqueue_many(messages, account="acme", campaign="c")
        await until(lambda: _has_sent(host, 20))
        host.vanish()
        vanished_at = time.monotonic()
        settings = settings_of(host.emulator)
        async with running(Worker(dsn, {"acme": settings}, lease_seconds=LEASE)):
            sent = len(host.emulator.accepted)
            await until(lambda: _has_sent(host, sent + 20))
            took = time.monotonic() - vanished_at
            host.come_back()
            await until(lambda: _nothing_is_open(database))
            progress = await cluster.progress("c")

    texts = Counter(one.message for one in host.emulator.accepted)
    assert max(texts.values()) == 1
    assert len(texts) + progress.unknown >= 80
    assert host.emulator.rejected_count == 0
    assert took < 60


async def _has_sent(host: Host, count: int) -> bool:
    return len(host.emulator.accepted) >= count


async def _nothing_is_open(database: Database) -> bool:
    return not await database.value(_OPEN)


async def test_a_send_ends_in_its_time_though_the_database_is_silent(
    dsn: str,
) -> None:
    port = int(dsn.rpartition(":")[2].partition("/")[0])
    async with (
        way_to(port) as way,
        Cluster(dsn.replace(f":{port}/", f":{way.port}/")) as cluster,
    ):
        await cluster.add_account("acme")
        waiting = asyncio.create_task(
            cluster.send(hello(), account="acme", timeout=2.0)
        )
        await until(lambda: _waits(dsn, 1))
        way.shut()
        with pytest.raises(UndecidedError, match="database was out of reach"):
            async with asyncio.timeout(6):
                await waiting
        with pytest.raises(ClusterError, match="could not be put in within"):
            async with asyncio.timeout(4):
                await cluster.send(hello(), account="acme", key="late", timeout=0.5)
        way.open()
    async with Database(dsn) as database:  # what was put in late was taken back
        assert not await database.fetch(_LATE)


async def _waits(dsn: str, count: int) -> bool:
    async with Cluster(dsn) as cluster:
        accounts = (await cluster.status()).accounts
        return [one.interactive for one in accounts] == [count]


async def test_a_session_that_is_not_answered_is_made_anew(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(door, "_LISTEN_SECONDS", 0.3)
    port = int(dsn.rpartition(":")[2].partition("/")[0])
    async with way_to(port) as way:
        far = dsn.replace(f":{port}/", f":{way.port}/")
        asking, hearing = Session(far, name="asks"), Session(far, name="hears")
        await asking.fetch("SELECT 1")
        heard = hearing.listen("autocalls_out")
        assert await anext(heard) is None
        way.shut()
        with pytest.raises(ClusterError, match=r"did not answer within 0\.5 s"):
            await asking.fetch("SELECT 1")
        with pytest.raises(ClusterError, match="did not answer"):
            async with asyncio.timeout(5):
                await anext(heard)
        way.open()
        assert await asking.fetch("SELECT 1") == [(1,)]
        await asking.aclose()
        await hearing.aclose()
