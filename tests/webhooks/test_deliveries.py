"""Waiting for what becomes of a message."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autocalls_async import Accepted, Deliveries, SentMessage
from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.memory import (
    MOST_AGE,
    MOST_IDS,
    MemoryDeliveries,
)
from tests.people import hello
from tests.webhooks.stores.support import arrival


@pytest.fixture(params=["memory", "sqlite"])
async def deliveries(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Deliveries]:
    """Open deliveries over each store, as a receiver."""
    file = None if request.param == "memory" else tmp_path / "receipts.db"
    opened = Deliveries(file)
    await (await opened.open()).join()
    yield opened
    await opened.aclose()


async def tell(deliveries: Deliveries, number: int, *statuses: str) -> None:
    for status in statuses:
        await deliveries.store.keep(arrival(number, status))


async def test_a_receipt_that_came_first_ends_the_waiting_at_once(
    deliveries: Deliveries,
) -> None:
    loop = asyncio.get_running_loop()
    for number in range(100):
        await tell(deliveries, number, "delivered")

    began = loop.time()
    found = [await deliveries.wait(number, timeout=60) for number in range(100)]

    assert [delivery.status for delivery in found] == ["delivered"] * 100
    assert loop.time() - began < 1


@pytest.mark.parametrize(
    ("until", "told", "status"),
    [
        pytest.param("sent", ["sent"], "sent", id="sent"),
        pytest.param("sent", ["read"], "read", id="further"),
        pytest.param("delivered", ["sent", "delivered"], "delivered", id="two steps"),
        pytest.param("read", ["sent", "delivered", "read"], "read", id="read"),
        pytest.param("read", ["sent", "failed"], "failed", id="failed"),
        pytest.param("delivered", ["undelivered"], "undelivered", id="undelivered"),
        pytest.param("sent", ["warning", "sent"], "sent", id="unknown first"),
    ],
)
async def test_it_ends_when_the_message_has_come_so_far(
    deliveries: Deliveries, until: str, told: list[str], status: str
) -> None:
    waiting = asyncio.create_task(deliveries.wait(7, until=until, timeout=60))
    await asyncio.sleep(1)
    was_waiting = not waiting.done()

    for one in told:
        await asyncio.sleep(1)
        await tell(deliveries, 7, one)
    found = await waiting

    assert was_waiting
    assert found.status == status
    assert found.failed is (status in {"failed", "undelivered"})


async def test_its_time_ends_and_the_error_says_where_it_stands(
    deliveries: Deliveries,
) -> None:
    await tell(deliveries, 7, "sent")

    with pytest.raises(TimeoutError, match=r"not delivered within 5 s: it is sent"):
        await deliveries.wait(7, timeout=5)
    with pytest.raises(TimeoutError, match="no receipt has come"):
        await deliveries.wait(8, until="read", timeout=5)


async def test_waiting_can_be_cancelled_and_others_go_on(
    deliveries: Deliveries,
) -> None:
    waiting = [asyncio.create_task(deliveries.wait(7)) for _ in range(3)]
    await asyncio.sleep(1)

    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    await tell(deliveries, 7, "delivered")
    found = await asyncio.gather(*waiting[1:])

    assert waiting[0].cancelled()
    assert [delivery.status for delivery in found] == ["delivered"] * 2


async def test_many_wait_for_many(deliveries: Deliveries) -> None:
    waiting = [asyncio.create_task(deliveries.wait(n, timeout=99)) for n in range(100)]
    await asyncio.sleep(1)

    for number in reversed(range(100)):
        await tell(deliveries, number, "delivered")
    found = await asyncio.gather(*waiting)

    assert [delivery.whatsapp_message_id for delivery in found] == list(range(100))


async def test_closing_ends_all_waiting(deliveries: Deliveries) -> None:
    waiting = asyncio.create_task(deliveries.wait(7))
    await asyncio.sleep(1)

    await deliveries.aclose()

    with pytest.raises(RuntimeError, match="closed"):
        await waiting
    with pytest.raises(RuntimeError, match="closed"):
        await deliveries.get(7)


async def test_where_it_stands_can_be_asked(deliveries: Deliveries) -> None:
    before = await deliveries.get(7)
    await deliveries.store.keep(arrival(7, "failed", error_code=131026))
    found = await deliveries.get(SentMessage(whatsapp_message_id=7))
    same = await deliveries.get(
        Accepted(message=hello(), sent=SentMessage(whatsapp_message_id=7))
    )

    assert before is None
    assert found is not None
    assert (found.status, found.failed, found.error_code) == ("failed", True, 131026)
    assert same == found
    assert found.to_dict()["status"] == "failed"


@pytest.mark.parametrize(
    ("sent", "settings", "told"),
    [
        pytest.param(SentMessage(), {}, "no whatsapp_message_id", id="no id"),
        pytest.param("7", {}, "got a value of type str", id="text"),
        pytest.param(True, {}, "got a value of type bool", id="a bool"),
        pytest.param(7, {"until": "read"}, "needs a timeout", id="read for ever"),
        pytest.param(7, {"until": "seen"}, "'sent', 'delivered', 'read'", id="until"),
        pytest.param(7, {"timeout": 0}, "timeout", id="no time"),
    ],
)
async def test_what_cannot_be_waited_for_is_refused(
    deliveries: Deliveries,
    sent: Any,  # noqa: ANN401  # as said
    settings: dict[str, Any],
    told: str,
) -> None:
    with pytest.raises(ValueError, match=told):
        await deliveries.wait(sent, **settings)


async def test_a_store_that_breaks_ends_the_waiting(tmp_path: Path) -> None:
    deliveries = Deliveries(tmp_path)  # a folder

    with pytest.raises(DeliveryStoreError):
        await deliveries.wait(7, timeout=5)
    await deliveries.aclose()


class _Breaking(MemoryDeliveries):
    """A store whose disk is full from some moment on."""

    is_broken = False

    async def wait_for_news(self) -> None:
        await super().wait_for_news()
        if self.is_broken:
            raise DeliveryStoreError(name="x", detail="its disk is full; make room")


async def test_a_store_that_breaks_while_somebody_waits_tells_them() -> None:
    store = _Breaking()
    deliveries = Deliveries(store)
    waiting = asyncio.create_task(deliveries.wait(7))
    await asyncio.sleep(1)

    store.is_broken = True
    await store.keep(arrival(8))

    with pytest.raises(DeliveryStoreError, match="make room"):
        await waiting
    await deliveries.aclose()


async def test_memory_forgets_after_a_day_and_beyond_its_count(
    now: Callable[[], datetime],
) -> None:
    store = MemoryDeliveries(now=now)
    await store.keep(arrival(1, received_at=now()))
    await asyncio.sleep((MOST_AGE + timedelta(seconds=1)).total_seconds())
    for number in range(2, MOST_IDS + 3):
        await store.keep(arrival(number, received_at=now()))

    found = await store.standings(range(MOST_IDS + 3))

    assert len(found) == MOST_IDS
    assert {1, 2}.isdisjoint(found)


async def test_who_is_far_behind_the_news_looks_at_all(
    now: Callable[[], datetime],
) -> None:
    store = MemoryDeliveries(now=now)
    await store.keep(arrival(1, received_at=now()))
    _, cursor = await store.news(None)
    for number in range(10_001):
        await store.keep(arrival(number, "read", received_at=now()))

    ids, _ = await store.news(cursor)

    assert set(ids) >= set(range(10_001))
