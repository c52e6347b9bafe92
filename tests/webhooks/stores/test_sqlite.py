"""What a file adds: it survives, and several processes share it."""

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from autocalls_async import Deliveries
from autocalls_async.webhooks import Receiver, Webhooks
from autocalls_async.webhooks.stores.alive import has_ended
from autocalls_async.webhooks.stores.errors import DeliveryStoreError
from autocalls_async.webhooks.stores.protocol import LEASE, Kept, Task
from autocalls_async.webhooks.stores.sqlite import SqliteDeliveries
from tests.webhooks.bodies import SECRET, receipt, signed
from tests.webhooks.stores.support import (
    EVERY,
    arrival,
    handed_over,
    keep_work,
    message,
    receiving,
)

Now = Callable[[], datetime]


async def test_all_is_there_after_a_restart(file: Path) -> None:
    async with receiving(SqliteDeliveries(file)) as store:
        await store.keep(arrival(1, "read"))
        await store.note([handed_over(whatsapp_message_id=1)])
        await store.keep(message("a"))

    async with receiving(SqliteDeliveries(file)) as store:
        found = await store.standings([1])
        carried = await store.carried([1])
        again = await store.keep(message("a"))

    assert found[1].status == "read"
    assert set(carried) == {1}
    assert again is Kept.REPEAT


async def test_the_work_of_one_who_left_is_claimed(file: Path) -> None:
    async with receiving(SqliteDeliveries(file)) as store:
        status = await keep_work(store, arrival(1, has_handler=True))
        waiting = await keep_work(store, message("waiting"))
        begun = await keep_work(store, message("begun"))
        await store.begin(begun.number)

    async with receiving(SqliteDeliveries(file)) as store:
        unfinished = await store.unfinished()
        claimed = await store.claim(EVERY, limit=9)

    assert [w.number for w in claimed] == [status.number, waiting.number]
    assert [w.number for w in unfinished] == [begun.number]


async def test_the_work_of_one_who_lives_is_left_to_it(file: Path, now: Now) -> None:
    async with (
        receiving(SqliteDeliveries(file, now=now)) as one,
        receiving(SqliteDeliveries(file, now=now)) as other,
    ):
        work = await keep_work(one, message("a"))
        while_alive = await other.claim(EVERY, limit=9)
        await asyncio.sleep(LEASE.total_seconds() + 1)
        after_silence = await other.claim(EVERY, limit=9)
        may_begin = [await one.begin(work.number), await other.begin(work.number)]

    assert while_alive == []
    assert [w.number for w in after_silence] == [work.number]
    assert may_begin == [False, True]


async def test_a_beat_keeps_the_lease(file: Path, now: Now) -> None:
    async with (
        receiving(SqliteDeliveries(file, now=now)) as one,
        receiving(SqliteDeliveries(file, now=now)) as other,
    ):
        await keep_work(one, message("a"))
        await asyncio.sleep(LEASE.total_seconds() - 1)
        await one.beat()
        await asyncio.sleep(LEASE.total_seconds() - 1)
        claimed = await other.claim(EVERY, limit=9)

    assert claimed == []


async def test_of_several_who_claim_one_gets_it(file: Path) -> None:
    async with receiving(SqliteDeliveries(file)) as store:
        for key in "abcdef":
            await store.keep(message(key, is_ours=False))
        async with (
            receiving(SqliteDeliveries(file)) as one,
            receiving(SqliteDeliveries(file)) as other,
        ):
            claims = await asyncio.gather(
                *(s.claim([Task.MESSAGE], limit=3) for s in (one, other, one, other))
            )

    numbers = [work.number for claim in claims for work in claim]
    assert len(numbers) == len(set(numbers)) == 6


@pytest.mark.real_time
async def test_what_another_connection_writes_is_news(file: Path) -> None:
    async with (
        receiving(SqliteDeliveries(file)) as one,
        receiving(SqliteDeliveries(file)) as other,
    ):
        _, cursor = await one.news(None)
        waiting = asyncio.create_task(one.wait_for_news())
        await other.keep(arrival(5))
        await asyncio.wait_for(waiting, 10)
        ids, _ = await one.news(cursor)

    assert set(ids) == {5}


async def test_it_is_readable_for_its_owner_alone(file: Path) -> None:
    async with receiving(SqliteDeliveries(file)):
        mode = await asyncio.to_thread(lambda: file.stat().st_mode)

    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        pytest.param("PRAGMA application_id = 7", "another program's", id="another's"),
        pytest.param("PRAGMA user_version = 99", "version 99", id="a later version"),
    ],
)
async def test_a_file_that_is_not_ours_is_left_alone(
    file: Path, sql: str, told: str
) -> None:
    async with receiving(SqliteDeliveries(file)):
        pass
    with sqlite3.connect(file) as db:
        db.execute(sql)
    db.close()

    with pytest.raises(DeliveryStoreError, match=told):
        await SqliteDeliveries(file).open()


async def test_a_folder_and_a_file_without_sense_are_refused(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.db"
    nonsense.write_bytes(b"+14155550123 wrote: hello" * 100)

    with pytest.raises(DeliveryStoreError, match="cannot be opened"):
        await SqliteDeliveries(tmp_path).open()
    with pytest.raises(DeliveryStoreError, match="no database") as caught:
        await SqliteDeliveries(nonsense).open()

    assert "+1415" not in str(caught.value)
    assert caught.value.advice == "name another file"


async def test_a_damaged_file_is_an_error_and_not_an_answer(file: Path) -> None:
    store = SqliteDeliveries(file)
    await store.open()
    with sqlite3.connect(file) as db:
        db.execute("DROP TABLE receipts")
    db.close()

    with pytest.raises(DeliveryStoreError, match=r"receipts\.db"):
        await store.standings([1])
    await store.aclose()


async def test_it_must_be_open_and_receive(file: Path) -> None:
    store = SqliteDeliveries(file)

    with pytest.raises(DeliveryStoreError, match="not open"):
        await store.others()
    await store.open()
    with pytest.raises(RuntimeError, match="join"):
        await store.keep(arrival(1))
    await store.aclose()


def test_a_process_that_ended_is_known() -> None:
    assert has_ended("token", "another host", 1) is False


async def test_keys_are_forgotten_after_a_month(file: Path, now: Now) -> None:
    async with receiving(SqliteDeliveries(file, now=now)) as store:
        await store.keep(message("a"))
    await asyncio.sleep(timedelta(days=31).total_seconds())

    async with receiving(SqliteDeliveries(file, now=now)) as store:
        again = await store.keep(message("a"))

    assert again is not Kept.REPEAT


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_nothing_is_confirmed_that_goes_into_a_file_that_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, is_replaced: bool
) -> None:
    file = tmp_path / "receipts.db"
    deliveries = Deliveries(file)
    hooks = Webhooks(Receiver(SECRET), deliveries=deliveries)
    await hooks.start()
    file.rename(tmp_path / "elsewhere.db")
    if is_replaced:
        file.touch()
    raw = receipt(7)

    answer = await hooks.handle("/hooks/receipts", signed(raw), raw)

    assert answer.status == 503
    await deliveries.aclose()
    assert "deleted or replaced" in caplog.text
