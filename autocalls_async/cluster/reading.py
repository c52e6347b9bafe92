"""What the shared table tells: outcomes, progress, who holds what, what is unknown."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

from attrs import define, field

from autocalls_async.campaign.progress import Progress
from autocalls_async.cluster.protocol.database import Database, Row
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.records import (
    COLUMNS,
    AccountStatus,
    ClusterStatus,
    Standing,
    WorkerStatus,
    to_standing,
)
from autocalls_async.model.outcomes import Outcome

LOOK_SECONDS = 0.5
"""Bulk tells nobody: a NOTIFY serialises the server's commits."""

_BATCH = 200
# A transaction that is under way may have settled something before what is seen now:
# nothing is told before all older ones are over, in the server's other databases too.
_OUTCOMES = f"""
SELECT {COLUMNS}, m.settled_in::text FROM autocalls.message m
WHERE m.campaign = %s AND m.state IN ('accepted', 'rejected', 'unknown')
  AND (m.settled_in, m.id) > (%s::xid8, %s)
  AND m.settled_in < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY m.settled_in, m.id LIMIT {_BATCH}
"""  # noqa: S608  # our own words
_IS_OPEN = """
SELECT EXISTS (SELECT 1 FROM autocalls.message m WHERE m.campaign = %s
  AND (m.state IN ('new', 'unsent', 'in flight')
  OR (m.settled_in, m.id) > (%s::xid8, %s)))
"""
_TAKE_PLACE = """
INSERT INTO autocalls.cursor (campaign, reader, settled_in, id, token)
VALUES (%s, %s, '0', 0, %s) ON CONFLICT (campaign, reader)
DO UPDATE SET token = excluded.token RETURNING settled_in::text, id
"""
_MOVE = """
UPDATE autocalls.cursor SET settled_in = %s::xid8, id = %s
WHERE campaign = %s AND reader = %s AND token = %s RETURNING 1
"""
_IS_MINE = """
SELECT 1 FROM autocalls.cursor WHERE campaign = %s AND reader = %s AND token = %s
"""
_PROGRESS = """
SELECT count(*) FILTER (WHERE state = 'accepted'),
  count(*) FILTER (WHERE state = 'rejected'), count(*) FILTER (WHERE state = 'unsent'),
  count(*) FILTER (WHERE state = 'unknown'), count(*) FILTER (WHERE attempt > 0),
  count(*), coalesce(extract(epoch FROM coalesce(
    CASE WHEN bool_and(state IN ('accepted', 'rejected', 'unknown'))
      THEN max(settled_at) END, clock_timestamp())
    - min(added_at)), 0)::float8
FROM autocalls.message WHERE campaign = %s
"""
_WORKERS = """
SELECT id, host, pid, extract(epoch FROM lease_until - clock_timestamp())::float8
FROM autocalls.worker WHERE id = ANY (autocalls.live_workers()) ORDER BY id
"""
_ACCOUNTS = """
SELECT a.name, w.pid, w.host, a.epoch, coalesce(m.interactive, 0),
  coalesce(m.bulk, 0),
  coalesce(extract(epoch FROM clock_timestamp() - m.oldest), 0)::float8,
  CASE WHEN autocalls.is_paused(a) THEN a.paused END
FROM autocalls.account a
LEFT JOIN autocalls.worker w
  ON w.id = a.worker_id AND w.id = ANY (autocalls.live_workers())
LEFT JOIN (
  SELECT account, count(*) FILTER (WHERE lane = 'interactive') AS interactive,
    count(*) FILTER (WHERE lane = 'bulk') AS bulk, min(added_at) AS oldest
  FROM autocalls.message WHERE state IN ('new', 'unsent') GROUP BY account
) m ON m.account = a.name ORDER BY a.name
"""
_UNKNOWN_COUNT = "SELECT count(*) FROM autocalls.message WHERE state = 'unknown'"
_UNKNOWN = f"""
SELECT {COLUMNS} FROM autocalls.message m
WHERE m.state = 'unknown' AND m.id > %s AND (%s::text IS NULL OR m.account = %s)
ORDER BY m.id LIMIT {_BATCH}
"""  # noqa: S608  # our own words
_ONE = f"SELECT {COLUMNS} FROM autocalls.message m WHERE m.id = %s"  # noqa: S608  # our own words


@define
class _Reader:
    """Who reads a campaign, and where: after this transaction's message."""

    database: Database
    campaign: str
    name: str
    token: str = field(factory=lambda: uuid4().hex)
    place: tuple[str, int] = ("0", 0)
    kept: tuple[str, int] = ("0", 0)

    async def begin(self) -> None:
        """Go on where this reader was, in place of whoever reads under its name."""
        names = (self.campaign, self.name, self.token)
        ((settled_in, number),) = await self.database.fetch(_TAKE_PLACE, *names)
        self.place = self.kept = (settled_in, number)

    async def read(self) -> list[Row]:
        """Return the next ends."""
        return await self.database.fetch(_OUTCOMES, self.campaign, *self.place)

    async def is_done(self) -> bool:
        """Whether there will be no more."""
        values = (self.campaign, *self.place)
        return not await self.database.value(_IS_OPEN, *values)

    async def keep(self) -> bool:
        """Keep the place; tell whether it is still this reader's."""
        names = (self.campaign, self.name, self.token)
        if self.place == self.kept:
            return bool(await self.database.fetch(_IS_MINE, *names))
        self.kept = self.place
        return bool(await self.database.fetch(_MOVE, *self.place, *names))


async def read_outcomes(
    database: Database, campaign: str, name: str
) -> AsyncIterator[Outcome]:
    """Yield how a campaign's messages end, from where this reader was.

    Raises:
        ClusterError: Another call goes on with its place.
    """
    reader = _Reader(database, campaign, name)
    await reader.begin()
    while True:
        rows = await reader.read()
        try:
            for *columns, settled_in in rows:
                standing = to_standing(tuple(columns))
                yield standing.outcome()
                reader.place = (settled_in, standing.id)
        finally:
            is_ours = await reader.keep()
        if not is_ours:
            detail = (
                f"another call reads the outcomes of {campaign!r} as {name!r} now;"
                " give each reader a name of its own"
            )
            raise ClusterError(detail=detail)
        if not rows:
            if await reader.is_done():
                return
            await asyncio.sleep(LOOK_SECONDS)


async def read_progress(database: Database, campaign: str) -> Progress:
    """Return how far a campaign has come."""
    (row,) = await database.fetch(_PROGRESS, campaign)
    accepted, rejected, unsent, unknown, taken, total, elapsed = row
    return Progress(
        accepted=accepted,
        rejected=rejected,
        unsent=unsent,
        unknown=unknown,
        taken=taken,
        total=total,
        elapsed=elapsed,
    )


async def read_status(database: Database) -> ClusterStatus:
    """Return who holds what, and what waits."""
    workers = await database.fetch(_WORKERS)
    accounts = await database.fetch(_ACCOUNTS)
    return ClusterStatus(
        workers=tuple(
            WorkerStatus(id=number, host=host, pid=pid, lease_seconds=seconds)
            for number, host, pid, seconds in workers
        ),
        accounts=tuple(_to_account(*row) for row in accounts),
        unknown=await database.value(_UNKNOWN_COUNT),
    )


def _to_account(  # the columns of a row
    name: str,
    pid: int | None,
    host: str | None,
    epoch: int,
    interactive: int,
    bulk: int,
    oldest: float,
    paused: str | None,
) -> AccountStatus:
    return AccountStatus(
        name=name,
        holder_pid=pid,
        holder_host=host,
        epoch=epoch,
        interactive=interactive,
        bulk=bulk,
        oldest_wait=oldest,
        paused=paused,
    )


async def read_unknown(
    database: Database, account: str | None
) -> AsyncIterator[Standing]:
    """Yield what is unknown, in the order of addition."""
    after = 0
    while rows := await database.fetch(_UNKNOWN, after, account, account):
        for row in rows:
            standing = to_standing(row)
            after = standing.id
            yield standing


async def read_outcome(database: Database, message_id: int) -> Outcome | None:
    """Return how a message ended; `None` where it has not, or is gone."""
    rows = await database.fetch(_ONE, message_id)
    if not rows or not (standing := to_standing(rows[0])).is_ended:
        return None
    return standing.outcome()
