"""Workers that are nothing but their leases, and what they do by the protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.lease import Hold, Lease, take

PUT = "SELECT autocalls.enqueue('acme', %s, %s, %s, '{}')"
STATES = "SELECT key, state FROM autocalls.message ORDER BY id"
JOBS = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'"
INTEND = """
SELECT i.key FROM autocalls.intend(%s, ARRAY['acme'], ARRAY[%s::bigint], ARRAY[%s],
  ARRAY[false], ARRAY[false], ARRAY[false], ARRAY[true]) i
"""
SETTLE = """
SELECT s.key FROM autocalls.settle(%s, ARRAY['acme'], ARRAY[%s::bigint], ARRAY[%s],
  ARRAY[%s], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL]) s
"""
WAITING = "SELECT key FROM autocalls.waiting('acme', %s, %s::bigint[], %s::bigint[], 9)"
ANA, BO = "+14155550123", "+14155550124"


class Others:
    """Workers that are nothing but their leases."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sessions: list[Any] = []

    async def lease(self, *, seconds: float = 30.0) -> Lease:
        """Register a worker."""
        session = self.database.session("test")
        self.sessions.append(session)
        lease = Lease(session, ttl=seconds)
        await lease.register()
        return lease

    async def hold(self, *, seconds: float = 30.0) -> Hold:
        """Have a new worker take the account."""
        hold = await take(self.database, "acme", await self.lease(seconds=seconds))
        assert hold is not None
        return hold

    async def vanish(self, hold: Hold) -> None:
        """Cut a worker's connection, which does not stop it."""
        await hold.lease.session.aclose()
        gone = """SELECT 1 FROM autocalls.worker w
        WHERE w.id = %s AND w.id = ANY (autocalls.live_workers())"""
        async with asyncio.timeout(10):
            while True:
                if not await self.database.fetch(gone, hold.lease.id):
                    return
                await asyncio.sleep(0.02)

    async def intend(self, hold: Hold, key: str) -> bool:
        """Note an intent; tell whether it was allowed."""
        return bool(await self.database.fetch(INTEND, hold.lease.id, hold.epoch, key))

    async def settle(self, hold: Hold, key: str, state: str) -> bool:
        """Settle a message; tell whether it was allowed."""
        values = (hold.lease.id, hold.epoch, key, state)
        return bool(await self.database.fetch(SETTLE, *values))

    async def states(self) -> dict[str, str]:
        """Return the state of each message."""
        return dict(await self.database.fetch(STATES))


@asynccontextmanager
async def others_of(database: Database) -> AsyncIterator[Others]:
    """Have three messages of two people, and workers, whose connections are closed."""
    made = Others(database)
    for key, phone in (("a", ANA), ("b", ANA), ("c", BO)):
        await database.fetch(PUT, "bulk", key, phone)
    try:
        yield made
    finally:
        for session in made.sessions:
            await session.aclose()
