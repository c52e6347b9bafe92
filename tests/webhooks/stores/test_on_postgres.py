"""The stores' one behaviour, of the store in PostgreSQL too."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from autocalls_async.cluster.deliveries import PostgresDeliveries
from tests.webhooks.stores.conftest import MakeStore
from tests.webhooks.stores.support import arrival
from tests.webhooks.stores.test_behaviour import *  # noqa: F403  # each of its tests

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[], datetime]:
    """Tell a time that jumps where a test sleeps for long: the server's cannot."""
    passed = 0.0
    sleep = asyncio.sleep

    async def jump(seconds: float) -> None:
        nonlocal passed
        passed += seconds if seconds >= 1 else 0.0
        await sleep(min(seconds, 0.5))

    monkeypatch.setattr(asyncio, "sleep", jump)
    return lambda: datetime.now(UTC) + timedelta(seconds=passed)


@pytest.fixture
async def make_store(dsn: str, now: Callable[[], datetime]) -> AsyncIterator[MakeStore]:
    """Yield the store, each time as to another process."""
    made: list[PostgresDeliveries] = []

    def make() -> PostgresDeliveries:
        made.append(PostgresDeliveries(dsn, now=now))
        return made[-1]

    yield make
    for store in made:
        await store.aclose()


async def test_a_receipt_at_one_process_wakes_a_waiter_at_another(
    make_store: MakeStore,
) -> None:
    here, there = make_store(), make_store()
    await here.open()
    await there.open()
    await there.join()
    _, cursor = await here.news(None)
    waiting = asyncio.create_task(here.wait_for_news())
    await there.keep(arrival(7))
    async with asyncio.timeout(5):
        await waiting

    ids, _ = await here.news(cursor)
    assert set(ids) == {7}
