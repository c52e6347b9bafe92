"""What every store of receipts does, whatever it is made of."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from autocalls_async.webhooks.stores.protocol import (
    BEAT_SECONDS,
    LEASE,
    MOST_OTHERS,
    Arrival,
    Kept,
    Task,
    Work,
)
from tests.webhooks.bodies import PHONE, SENDER
from tests.webhooks.stores.conftest import MakeStore
from tests.webhooks.stores.support import (
    AT,
    EVERY,
    arrival,
    handed_over,
    keep_work,
    message,
    receiving,
)

Now = Callable[[], datetime]
_SECOND = timedelta(seconds=1)


async def test_a_receipt_is_kept_once(make_store: MakeStore) -> None:
    async with receiving(make_store()) as store:
        first = await store.keep(arrival(1, "sent", has_handler=True))
        again = await store.keep(arrival(1, "sent", has_handler=True))
        next_one = await store.keep(arrival(1, "delivered"))

    assert isinstance(first, Work)
    assert (again, next_one) == (Kept.REPEAT, Kept.NEW)


async def test_of_many_at_once_one_gets_the_work(make_store: MakeStore) -> None:
    async with receiving(make_store()) as store:
        kept = await asyncio.gather(
            *(store.keep(arrival(1, "read", has_handler=True)) for _ in range(20))
        )

    assert sum(isinstance(one, Work) for one in kept) == 1
    assert kept.count(Kept.REPEAT) == 19


@pytest.mark.parametrize(
    ("told", "stands"),
    [
        pytest.param(["sent"], "sent", id="one"),
        pytest.param(["read", "delivered", "sent"], "read", id="backwards"),
        pytest.param(["failed", "delivered"], "delivered", id="arrived all the same"),
        pytest.param(
            ["delivered", "failed"], "delivered", id="a failure told too late"
        ),
        pytest.param(["sent", "undelivered"], "undelivered", id="failed"),
        pytest.param(["failed", "undelivered"], "failed", id="failed twice"),
        pytest.param(["sent", "warning"], "sent", id="unknown"),
        pytest.param(["warning", "queued"], "queued", id="unknown before known"),
    ],
)
async def test_the_furthest_status_stands(
    make_store: MakeStore, told: list[str], stands: str
) -> None:
    async with receiving(make_store()) as store:
        for status in told:
            await store.keep(arrival(7, status))
        found = await store.standings([7, 8])

    assert {number: receipt.status for number, receipt in found.items()} == {7: stands}


async def test_what_a_receipt_said_comes_back(make_store: MakeStore, now: Now) -> None:
    kept_at = now()

    async with receiving(make_store()) as store:
        await store.keep(arrival(2**70, "failed", error_code=131026, received_at=now()))
        found = (await store.standings([2**70]))[2**70]

    assert (found.status, found.error_code, found.at) == ("failed", 131026, AT)
    assert (found.sender_id, found.person) == (SENDER, PHONE)
    assert found.received_at - kept_at < _SECOND
    assert PHONE not in repr(found)


async def test_other_events_are_kept_once_by_their_key(make_store: MakeStore) -> None:
    async with receiving(make_store()) as store:
        first = await keep_work(store, message("a"))
        again = await store.keep(message("a"))
        nameless = [await store.keep(message(None)) for _ in range(2)]

    assert (first.task, first.raw, first.person) == (Task.MESSAGE, b"text a", PHONE)
    assert again is Kept.REPEAT
    assert all(isinstance(one, Work) for one in nameless)


async def test_work_that_nobody_has_is_claimed_in_order(make_store: MakeStore) -> None:
    async with receiving(make_store()) as store:
        ours = await keep_work(store, message("ours"))
        free = [await keep_work(store, message(k, is_ours=False)) for k in "abc"]
        wrong_task = await store.claim([Task.STATUS], limit=9)
        two = await store.claim(EVERY, limit=2)
        rest = await store.claim(EVERY, limit=9)
        none = await store.claim(EVERY, limit=9)

    assert wrong_task == none == []
    assert [w.number for w in two + rest] == [w.number for w in free]
    assert ours.number < free[0].number


async def test_a_message_begins_once_and_is_forgotten_when_done(
    make_store: MakeStore,
) -> None:
    async with receiving(make_store()) as store:
        work = await keep_work(store, message("a"))
        begun = [await store.begin(work.number) for _ in range(2)]
        under_way = await store.unfinished()
        await store.finish(work.number)
        after = await store.unfinished()
        gone = await store.begin(work.number)

    assert begun == [True, False]
    assert [w.number for w in under_way] == [work.number]
    assert under_way[0].begun_at is not None
    assert after == []
    assert gone is False


async def test_news_are_the_messages_of_new_receipts(make_store: MakeStore) -> None:
    async with receiving(make_store()) as store:
        await store.keep(arrival(1))
        _, cursor = await store.news(None)
        await store.keep(arrival(2))
        await store.keep(arrival(2, "read"))
        await store.keep(arrival(3))
        ids, cursor = await store.news(cursor)
        later, _ = await store.news(cursor)

    assert set(ids) == {2, 3}
    assert set(later) == set()


async def test_who_waits_for_news_is_told(make_store: MakeStore) -> None:
    async with receiving(make_store()) as store:
        await store.news(None)
        waiting = asyncio.create_task(store.wait_for_news())
        await asyncio.sleep(10)
        was_waiting = not waiting.done()
        await store.keep(arrival(1))
        await asyncio.wait_for(waiting, 1)

    assert was_waiting


async def test_waiting_for_news_can_be_cancelled(make_store: MakeStore) -> None:
    async with receiving(make_store()) as store:
        await store.news(None)
        waiting = asyncio.create_task(store.wait_for_news())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        kept = await store.keep(arrival(1))

    assert waiting.cancelled()
    assert kept is Kept.NEW


async def test_it_knows_for_how_long_it_was_up(make_store: MakeStore, now: Now) -> None:
    before = now()
    async with receiving(make_store()) as store:
        began = now()
        for _ in range(10):
            await asyncio.sleep(BEAT_SECONDS)
            await store.beat()
        spans = [
            await store.was_up(began, began + 40 * _SECOND),
            await store.was_up(before - _SECOND, began + _SECOND),
            await store.was_up(began, now() + 60 * _SECOND),
        ]

    assert spans == [True, False, False]


async def test_the_first_receipts_of_messages_to_a_person_are_found(
    make_store: MakeStore, now: Now
) -> None:
    async with receiving(make_store()) as store:
        began = now()
        await store.keep(arrival(1, received_at=now()))
        await asyncio.sleep(60)
        await store.keep(arrival(1, "read", received_at=now()))
        await store.keep(arrival(2, received_at=now()))
        await store.keep(arrival(3, received_at=now(), person="+14155550999"))
        await store.keep(arrival(4, received_at=now(), sender_id=99))
        found = await store.arrivals(
            sender_id=SENDER,
            person=PHONE,
            since=began + 30 * _SECOND,
            until=began + 90 * _SECOND,
        )

    assert [receipt.whatsapp_message_id for receipt in found] == [2]


async def test_what_was_handed_over_is_kept(make_store: MakeStore) -> None:
    lost = handed_over(AT + _SECOND, digest="b", is_accepted=False)
    taken = handed_over(digest="a", whatsapp_message_id=7)
    others = handed_over(person="+14155550999", whatsapp_message_id=8)

    async with receiving(make_store()) as store:
        await store.note([lost, taken])
        await store.note([others])
        found = await store.noted(sender_id=SENDER, person=PHONE)
        carried = await store.carried([7, 8, 9])

    assert list(found) == [taken, lost]
    assert set(carried) == {7, 8}


async def test_the_newest_unreadable_ones_are_kept(make_store: MakeStore) -> None:
    async with receiving(make_store()) as store:
        for number in range(MOST_OTHERS + 5):
            await store.keep_other(b"%d" % number)
        found = await store.others()

    assert len(found) == MOST_OTHERS
    assert (found[0], found[-1]) == (b"5", b"%d" % (MOST_OTHERS + 4))


async def test_opening_and_closing_twice_does_nothing(make_store: MakeStore) -> None:
    store = make_store()

    await store.open()
    await store.open()
    await store.join()
    await store.join()
    await store.aclose()
    await store.aclose()
    await store.open()
    found = await store.standings([1])
    await store.aclose()

    assert found == {}


def test_a_lease_outlasts_some_beats() -> None:
    assert LEASE.total_seconds() >= 2 * BEAT_SECONDS


def test_an_arrival_shows_nothing() -> None:
    shown = repr(Arrival(task=Task.MESSAGE, key="k", raw=b"text", person=PHONE))

    assert "text" not in shown
    assert PHONE not in shown
