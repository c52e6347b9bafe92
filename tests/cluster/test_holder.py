"""What the holder of an account does with what waits for it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from autocalls_async import FreeformMessage, SendLimit, Unsent, UnsentError
from autocalls_async.cluster import AccountSettings, Cluster, Worker
from autocalls_async.cluster.holder.outbox import AHEAD, PAGE, Outbox
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.journal import PostgresJournal
from autocalls_async.cluster.protocol.lease import QUIET_SECONDS, Lease
from autocalls_async.cluster.protocol.writer import Writer
from autocalls_async.emulator import Emulator, Endpoint
from autocalls_async.journal.keys import to_content
from autocalls_async.policy.lanes import Lane
from tests.cluster.support import KEY, hello, running, settings_of, until, working

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]

_BAD = "SELECT autocalls.enqueue('acme', 'bulk', 'x' || i, '+14155550123', 'no json')"
_STATES = "SELECT state, count(*) FROM autocalls.message GROUP BY 1 ORDER BY 1"
_EPOCH = "SELECT epoch FROM autocalls.account WHERE name = 'acme'"
_LEFT = """UPDATE autocalls.message SET state = 'accepted',
intended_at = clock_timestamp() RETURNING extract(epoch FROM clock_timestamp())::float8
"""


async def test_what_no_message_can_be_made_of_is_rejected_once_and_ends_no_run(
    dsn: str, database: Database
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await database.fetch(f"{_BAD} FROM generate_series(1, 100) i")
        await cluster.send(hello(), account="acme", timeout=20)

        async def are_ended() -> bool:
            rows = await database.fetch(_STATES)
            return [tuple(row) for row in rows] == [("accepted", 1), ("rejected", 100)]

        await until(are_ended)
        epoch = await database.value(_EPOCH)

    assert len(emulator.accepted) == 1
    assert epoch == 1  # held from the first to the last


@pytest.mark.parametrize("wrong", ["1|key", {"api_key": "1|key"}, ValueError("no")])
async def test_settings_that_are_none_hold_up_their_account_until_they_are_right(
    dsn: str, wrong: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with Emulator(api_key=KEY, everyone_is_open=True, rate=50) as emulator:
        known: dict[str, Any] = {"acme": wrong, "other": settings_of(emulator)}

        def settings(name: str) -> Any:  # noqa: ANN401  # also wrong ones
            if isinstance(known[name], Exception):
                raise known[name]
            return known[name]

        async with running(Worker(dsn, settings)), Cluster(dsn) as cluster:
            for name in known:
                await cluster.add_account(name)
            ref = await cluster.enqueue(hello("kept"), account="acme")
            await cluster.send(hello("sent"), account="other")
            status = {a.name: a for a in (await cluster.status()).accounts}
            known["acme"] = known["other"]

            async def is_sent() -> bool:
                return await cluster.outcome(ref) is not None

            await until(is_sent)

    assert status["acme"].holder_pid is None
    assert [one.message for one in emulator.accepted] == ["sent", "kept"]
    assert "no settings for account acme" in caplog.text
    assert "1|key" not in caplog.text


async def test_an_account_whose_settings_are_slow_is_taken_once(
    dsn: str, database: Database
) -> None:
    async with Emulator(api_key=KEY, everyone_is_open=True, rate=50) as emulator:

        async def settings(_: str) -> AccountSettings:
            await asyncio.sleep(3)  # and each second the sweep asks for it again
            return settings_of(emulator)

        async with running(Worker(dsn, settings)), Cluster(dsn) as cluster:
            await cluster.send(hello("first"), account="acme")
            await asyncio.sleep(3)
            await cluster.send(hello("second"), account="acme")
            epoch = await database.value(_EPOCH)

    assert epoch == 1
    assert len(emulator.accepted) == 2


async def test_settings_that_never_come_do_not_keep_a_worker_from_ending(
    dsn: str,
) -> None:
    asked = asyncio.Event()

    async def settings(_: str) -> AccountSettings:
        asked.set()
        await asyncio.sleep(3600)
        raise AssertionError

    async with Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        await cluster.enqueue(hello(), account="acme")
        async with asyncio.timeout(20), running(Worker(dsn, settings)):
            await asked.wait()
        (account,) = (await cluster.status()).accounts

    assert (account.holder_pid, account.interactive) == (None, 1)


async def test_what_a_worker_took_without_hearing_of_it_is_let_go_of(
    dsn: str, database: Database
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:

        async def is_there() -> bool:
            return bool((await cluster.status()).workers)

        await until(is_there)
        await database.fetch(
            """UPDATE autocalls.account SET epoch = epoch + 1, worker_id = (
            SELECT id FROM autocalls.worker) WHERE name = 'acme'"""
        )
        await cluster.send(hello(), account="acme", timeout=20)

    assert len(emulator.accepted) == 1


async def test_a_campaign_of_bulk_makes_two_notices_at_most(
    dsn: str, database: Database
) -> None:
    session = database.session("test")
    connection = await session.connect()
    for channel in ("procrastinate_any_queue_v1", "autocalls_in", "autocalls_out"):
        await connection.execute(f"LISTEN {channel}".encode())
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        messages = [hello(str(i), f"+1415555{i:04d}") for i in range(40)]
        await cluster.enqueue_many(messages, account="acme", campaign="c")
        outcomes = [outcome async for outcome in cluster.outcomes("c")]
    notices = [n.channel async for n in connection.notifies(timeout=0.3)]
    await session.aclose()

    assert len(outcomes) == len(emulator.accepted) == 40
    assert len(notices) <= 2


async def test_a_new_holder_gets_ready_while_the_sends_of_the_last_one_still_count(
    dsn: str, database: Database
) -> None:
    async with Emulator(api_key=KEY) as emulator:
        emulator.customer_writes("+14155550123")
        known = {"acme": settings_of(emulator, send_limit=SendLimit(5))}
        async with Cluster(dsn) as cluster:
            await cluster.enqueue(hello("first"), account="acme")
            await database.fetch(_LEFT)
            async with running(Worker(dsn, known)):
                sent = await cluster.send(hello(), account="acme", timeout=20)
                quiet = "SELECT extract(epoch FROM max(intended_at) - min(intended_at))"
                seconds = await database.value(
                    f"{quiet}::float8 FROM autocalls.message"
                )

    (one,) = emulator.accepted
    (check,) = (r for r in emulator.requests if r.endpoint is Endpoint.SESSION_STATUS)
    assert sent.whatsapp_message_id == one.whatsapp_message_id
    assert seconds > QUIET_SECONDS - 0.2  # its intent is noted in good time
    assert check.at < one.at - 0.3


async def test_workers_that_know_different_limits_are_warned_of_and_the_holders_counts(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(dsn, "acme", "other") as emulator, Cluster(dsn) as cluster:
        await cluster.send(hello("first"), account="acme")
        slow = settings_of(emulator, send_limit=SendLimit(1, per=2.0))
        known = {"acme": slow, "other": settings_of(emulator)}
        async with running(Worker(dsn, known)):

            async def are_two() -> bool:
                return len((await cluster.status()).workers) == 2

            await until(are_two)
            for text in "234":  # at one in two seconds they would be late
                await cluster.send(hello(text), account="acme", timeout=5)
        async with running(Worker(dsn, known)):
            await until(are_two)

    (told,) = (r.getMessage() for r in caplog.records if "sends a second" in r.message)
    assert told.startswith("account acme: 0.5 sends a second here, and 50 where")


@pytest.fixture
async def outbox(database: Database) -> AsyncGenerator[Outbox, None]:
    """Hold the account, and give what waits for it."""
    session = database.session("test")
    lease = Lease(session, ttl=60.0)
    await lease.register()
    writer = Writer(database.session("test writer"))
    journal = PostgresJournal("acme", database=database, writer=writer, lease=lease)
    await journal.open()
    yield Outbox(
        database,
        journal,
        sender_id=12,
        limit=SendLimit(5),
        note_inbound=lambda *_: None,
    )
    await journal.flush()  # it says where something was settled that had been
    await writer.aclose()
    await session.aclose()


async def test_what_a_lane_has_read_is_not_given_again_once_the_other_has_taken_it(
    dsn: str, outbox: Outbox
) -> None:
    bulk, replies = (outbox.messages(lane) for lane in (Lane.BULK, Lane.INTERACTIVE))
    async with Cluster(dsn) as cluster:
        messages = [hello(text, f"+1415555000{text}") for text in "123"]
        await cluster.enqueue_many(messages, account="acme", campaign="spring")
        first = await anext(bulk)  # and all three are read
        await cluster.enqueue(hello("reply", "+14155550002"), account="acme")
    sibling = await anext(replies)  # it was put in before the reply
    outbox.ended(Unsent(message=sibling, error=UnsentError(detail="it came back")))
    second = await anext(bulk)
    await bulk.aclose()
    await replies.aclose()

    given = [
        m.message for m in (first, sibling, second) if isinstance(m, FreeformMessage)
    ]
    assert given == ["1", "2", "3"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("[" * 100_000, id="nested"),
        pytest.param('{"kind": "freeform", "sender_id": 1e999}', id="number"),
        pytest.param("9" * 100_000, id="digits"),
        pytest.param('{"kind": ["freeform"], "message": {"a": 1}}', id="shapes"),
        pytest.param("", id="nothing"),
    ],
)
async def test_no_content_ends_a_run(
    database: Database, outbox: Outbox, content: str
) -> None:
    put = "SELECT autocalls.enqueue('acme', 'bulk', %s, '+14155550123', %s)"
    await database.fetch(put, "bad", content)
    await database.fetch(put, "good", to_content(hello(), 12))
    bulk = outbox.messages(Lane.BULK)
    given = await anext(bulk)
    await bulk.aclose()

    assert given.key == "good"


@pytest.mark.timeout(30)
async def test_what_no_message_can_be_made_of_is_settled_once(
    database: Database, outbox: Outbox
) -> None:
    await database.fetch(f"{_BAD} FROM generate_series(1, 40) i")
    await database.fetch(
        "SELECT autocalls.enqueue('acme', 'bulk', 'good', '+14155550123', %s)",
        to_content(hello(), 12),
    )
    bulk = outbox.messages(Lane.BULK)
    good = await anext(bulk)
    await bulk.aclose()
    states = {tuple(row) for row in await database.fetch(_STATES)}

    assert good.key == "good"
    assert {state for state, _ in states} <= {"new", "rejected"}


async def test_no_more_are_in_hand_than_the_pace_needs(
    dsn: str, outbox: Outbox
) -> None:
    async with Cluster(dsn) as cluster:
        messages = [hello(f"#{n}", f"+1415555{n:04d}") for n in range(3 * PAGE + 1)]
        await cluster.enqueue_many(messages, account="acme", campaign="spring")
    bulk = outbox.messages(Lane.BULK)
    given = [await anext(bulk) for _ in range(AHEAD)]

    following = asyncio.ensure_future(anext(bulk))
    await asyncio.wait([following], timeout=0.2)
    assert not following.done()
    for message in given[:PAGE]:
        outbox.ended(Unsent(message=message, error=UnsentError(detail="came back")))
    given.append(await following)
    given += [await anext(bulk) for _ in range(PAGE - 1)]
    last = asyncio.ensure_future(anext(bulk))
    await asyncio.wait([last], timeout=0.2)
    assert not last.done()
    last.cancel()
    await asyncio.wait([last])

    texts = [m.message for m in given if isinstance(m, FreeformMessage)]
    assert texts == [f"#{n}" for n in range(3 * PAGE)]
