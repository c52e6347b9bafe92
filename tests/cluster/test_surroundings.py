"""Databases, roles and transactions that are set otherwise than here."""

import asyncio

import psycopg
import pytest

from autocalls_async import SentMessage, UnsentError
from autocalls_async.cli.cluster.postgres import Server
from autocalls_async.cluster import Cluster, ClusterError, Worker, migrate
from autocalls_async.cluster.protocol.database import Database
from tests.cluster.support import hello, working

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]

_JOBS = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'"
_LOCK = "SELECT 1 FROM autocalls.account WHERE name = 'acme' FOR UPDATE"
PHONE = "+14155550123"


async def _set(dsn: str, *statements: str) -> None:
    async with await psycopg.AsyncConnection.connect(
        dsn, autocommit=True
    ) as connection:
        name = dsn.rpartition("/")[2]
        for statement in statements:
            await connection.execute(statement.format(name).encode())


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
async def test_another_isolation_by_default_is_refused_at_once(
    dsn: str, level: str
) -> None:
    await _set(
        dsn, f"ALTER DATABASE {{}} SET default_transaction_isolation = '{level}'"
    )

    with pytest.raises(ClusterError, match="READ COMMITTED"):
        async with asyncio.timeout(20):
            await Worker(dsn, {}).run(handle_signals=False)


async def test_jobs_that_are_not_on_the_search_path_are_told_at_once(
    dsn: str,
) -> None:
    await _set(dsn, "ALTER DATABASE {} SET search_path = autocalls")

    with pytest.raises(ClusterError, match="search_path"):
        async with asyncio.timeout(20):
            await Worker(dsn, {}).run(handle_signals=False)
    async with Cluster(dsn) as cluster:  # whose functions know where they are
        await cluster.add_account("acme")
        await cluster.enqueue(hello(), account="acme")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_cannot_hold_all_texts_is_refused(
    server: Server, encoding: str
) -> None:
    name = f"in_{encoding.lower()}"
    await _set(
        server.dsn(),
        f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0",
    )

    with pytest.raises(ClusterError, match=f"{encoding}.*UTF8"):
        migrate(server.dsn(name))


async def test_a_clients_encoding_zone_and_date_style_of_its_own_change_nothing(
    dsn: str,
) -> None:
    await _set(
        dsn,
        "ALTER DATABASE {} SET timezone = 'Asia/Kathmandu'",
        "ALTER DATABASE {} SET intervalstyle = 'sql_standard'",
        "ALTER DATABASE {} SET bytea_output = 'escape'",
        "ALTER DATABASE {} SET standard_conforming_strings = off",
    )
    odd = f"{dsn}?client_encoding=latin1"

    async with working(odd) as emulator, Cluster(odd) as cluster:
        await cluster.add_account("acme")
        await cluster.note_inbound("acme", PHONE)
        await cluster.send(hello("🙂 žluť \\ '"), account="acme", key="ž🙂")
        (account,) = (await cluster.status()).accounts
        (one,) = emulator.accepted

    assert one.message == "🙂 žluť \\ '"
    assert account.oldest_wait == 0


async def test_dates_in_another_style_are_refused_at_once(dsn: str) -> None:
    await _set(dsn, "ALTER DATABASE {} SET datestyle = 'SQL, DMY'")

    with pytest.raises(ClusterError, match="datestyle"):
        async with Cluster(dsn):
            pass


async def test_a_lock_that_a_user_holds_delays_and_breaks_nothing(dsn: str) -> None:
    async with (
        working(dsn, "acme", "other") as emulator,
        Cluster(dsn) as cluster,
        await psycopg.AsyncConnection.connect(dsn) as user,
    ):
        for name in ("acme", "other"):
            await cluster.add_account(name)
            await cluster.send(hello("first"), account=name)
        await user.execute(_LOCK)
        sending = [
            asyncio.create_task(cluster.send(hello("then"), account=name))
            for name in ("acme", "other")
        ]
        await asyncio.sleep(12)  # longer than a statement is waited for
        was_held = not sending[0].done()
        await user.rollback()
        ends = await asyncio.gather(*sending, return_exceptions=True)
        later = await cluster.send(hello("later"), account="acme")

    assert was_held
    assert later.whatsapp_message_id
    # Where the intent was too old by then, it was taken back, and its caller was told.
    assert all(isinstance(end, SentMessage | UnsentError) for end in ends)
    count = sum(isinstance(end, SentMessage) for end in ends)
    assert len(emulator.accepted) == 3 + count


async def test_what_a_savepoint_takes_back_is_not_sent_and_what_follows_is(
    dsn: str, database: Database
) -> None:
    async with (
        Cluster(dsn) as cluster,
        await psycopg.AsyncConnection.connect(dsn) as user,
    ):
        await user.set_isolation_level(psycopg.IsolationLevel.SERIALIZABLE)
        async with user.transaction():
            async with user.transaction(force_rollback=True):
                await cluster.enqueue(
                    hello("not"), account="acme", key="not", connection=user
                )
            await cluster.enqueue(hello(), account="acme", key="k", connection=user)
    keys = await database.fetch("SELECT key FROM autocalls.message")

    assert keys == [("k",)]
    assert await database.value(_JOBS) == 1


async def test_a_role_whose_statements_are_cut_short_is_told_why(dsn: str) -> None:
    await _set(dsn, "ALTER DATABASE {} SET statement_timeout = '100ms'")
    async with (
        Cluster(dsn) as cluster,
        await psycopg.AsyncConnection.connect(dsn) as user,
    ):
        await cluster.add_account("acme")
        await user.execute("LOCK TABLE autocalls.message")
        with pytest.raises(ClusterError, match="statement_timeout"):
            await cluster.enqueue(hello(), account="acme")
