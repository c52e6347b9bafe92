"""The journals' one behaviour, of the journal in PostgreSQL too."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.journal import PostgresJournal
from autocalls_async.cluster.protocol.lease import Lease
from autocalls_async.cluster.protocol.writer import Writer
from tests.journal.support import LetPass, MakeJournal
from tests.journal.test_behaviour import *  # noqa: F403  # each of its tests
from tests.journal.test_people import *  # noqa: F403

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]


@pytest.fixture
async def now() -> Callable[[], datetime]:
    """Tell the time on the wall, which is the server's too."""
    return lambda: datetime.now(UTC)


@pytest.fixture
def let_pass(database: Database) -> LetPass:
    """Let time pass for what was noted so far: the server's clock cannot be set."""

    async def move_back(seconds: float) -> None:
        await database.fetch(
            """UPDATE autocalls.message SET
            added_at = added_at - make_interval(secs => %s),
            handed_over_at = handed_over_at - make_interval(secs => %s)""",
            *(seconds, seconds),
        )

    return move_back


@pytest.fixture
async def make_journal(database: Database) -> AsyncIterator[MakeJournal]:
    """Yield the journal of one account, each time as after a restart."""
    session = database.session("autocalls test")
    lease = Lease(session, ttl=60.0)
    await lease.register()
    writer = Writer(database.session("autocalls test"))
    yield lambda: PostgresJournal("acme", database=database, writer=writer, lease=lease)
    await writer.aclose()
    await session.aclose()
