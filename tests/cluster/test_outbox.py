"""Messages in the caller's own transaction, whichever driver it is made with."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import asyncpg
import psycopg
import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

from autocalls_async.cli.cluster.postgres import Server
from autocalls_async.cluster import Cluster, UnknownAccountError
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.journal import JournalConflictError
from tests.cluster.support import hello

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]

Put: TypeAlias = Callable[[Any], Awaitable[object]]
_KEYS = "SELECT array_agg(key ORDER BY id) FROM autocalls.message"
_JOBS = "SELECT count(*) FROM procrastinate_jobs"


async def _with_psycopg(dsn: str, put: Put, *, commits: bool) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await put(connection)
        await (connection.commit() if commits else connection.rollback())


async def _with_rows_as_dicts(dsn: str, put: Put, *, commits: bool) -> None:
    async with await psycopg.AsyncConnection.connect(
        dsn, row_factory=psycopg.rows.dict_row
    ) as connection:
        await put(connection)
        await (connection.commit() if commits else connection.rollback())


async def _with_blocking_psycopg(dsn: str, put: Put, *, commits: bool) -> None:
    with psycopg.connect(dsn) as connection:
        await put(connection)
        connection.commit() if commits else connection.rollback()


async def _with_asyncpg(dsn: str, put: Put, *, commits: bool) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await put(connection)
        await (transaction.commit() if commits else transaction.rollback())
    finally:
        await connection.close()


async def _with_sqlalchemy(dsn: str, put: Put, *, commits: bool) -> None:
    engine = sqlalchemy.create_engine(dsn.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.connect() as connection:
            await put(connection)
            connection.commit() if commits else connection.rollback()
    finally:
        engine.dispose()


async def _with_async_sqlalchemy(dsn: str, put: Put, *, commits: bool) -> None:
    engine = create_async_engine(dsn.replace("postgresql:", "postgresql+asyncpg:"))
    try:
        async with engine.connect() as connection:
            await put(connection)
            await (connection.commit() if commits else connection.rollback())
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    "transact",
    [
        pytest.param(_with_psycopg, id="psycopg"),
        pytest.param(_with_rows_as_dicts, id="psycopg, rows as dicts"),
        pytest.param(_with_blocking_psycopg, id="psycopg, blocking"),
        pytest.param(_with_asyncpg, id="asyncpg"),
        pytest.param(_with_sqlalchemy, id="SQLAlchemy"),
        pytest.param(_with_async_sqlalchemy, id="SQLAlchemy, asyncio"),
    ],
)
async def test_a_message_is_there_if_its_transaction_is(
    dsn: str, database: Database, transact: Callable[..., Awaitable[None]]
) -> None:
    async with Cluster(dsn) as cluster:

        def putting(key: str, *, text: str = "hello", account: str = "acme") -> Put:
            return lambda connection: cluster.enqueue(
                hello(text), account=account, key=key, connection=connection
            )

        await transact(dsn, putting("rolled back"), commits=False)
        await transact(dsn, putting("kept"), commits=True)
        await transact(dsn, putting("kept"), commits=True)
        with pytest.raises(JournalConflictError, match="'kept'"):
            await transact(dsn, putting("kept", text="other"), commits=True)
        with pytest.raises(UnknownAccountError):
            await transact(dsn, putting("x", account="nobody"), commits=True)

    assert await database.value(_KEYS) == ["kept"]


async def test_something_that_is_no_connection_is_refused(
    dsn: str, database: Database
) -> None:
    async with Cluster(dsn) as cluster:
        with pytest.raises(ValueError, match="connection must be one of"):
            await cluster.enqueue(hello(), account="acme", connection=object())

    assert await database.value(_KEYS) is None


async def test_open_transactions_of_one_account_do_not_wait_for_each_other(
    dsn: str, database: Database
) -> None:
    async with (
        Cluster(dsn) as cluster,
        await psycopg.AsyncConnection.connect(dsn) as first,
        await psycopg.AsyncConnection.connect(dsn) as second,
    ):
        await cluster.enqueue(hello(), account="acme", key="a", connection=first)
        async with asyncio.timeout(5):
            await cluster.enqueue(hello(), account="acme", key="b", connection=second)
        await second.commit()
        await first.rollback()
        await database.fetch("SELECT autocalls.sweep()")

    assert await database.value(_KEYS) == ["b"]
    assert await database.value(_JOBS) == 1  # what was rolled back, the sweep found


async def test_many_transactions_make_one_job_and_few_notices(
    dsn: str, database: Database
) -> None:
    session = database.session("test")
    connection = await session.connect()
    for channel in ("procrastinate_any_queue_v1", "autocalls_in", "autocalls_out"):
        await connection.execute(f"LISTEN {channel}".encode())
    async with Cluster(dsn) as cluster:
        for number in range(400):
            await cluster.enqueue(hello(), account="acme", key=str(number), lane="bulk")
    notices = [n async for n in connection.notifies(timeout=0.3)]
    await session.aclose()

    assert await database.value(_JOBS) == 1
    assert len(notices) == 1  # Procrastinate tells each on two channels


_DJANGO = """
import sys
from urllib.parse import urlsplit

import django
from django.conf import settings

at = urlsplit(sys.argv[1])
settings.configure(
    INSTALLED_APPS=["autocalls_async.cluster.django"],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql",
        "NAME": at.path[1:], "USER": at.username,
        "HOST": at.hostname, "PORT": at.port}},
)
django.setup()
from django.core.management import call_command
from django.db import connection, transaction

from autocalls_async import FreeformMessage
from autocalls_async.cluster.django.outbox import enqueue

call_command("migrate", verbosity=0)
message = FreeformMessage(recipient_phone="+14155550123", message="hello")
with connection.cursor() as cursor:
    cursor.execute("INSERT INTO autocalls.account (name) VALUES ('acme')")
try:
    with transaction.atomic():
        enqueue(message, account="acme", key="rolled back")
        raise ZeroDivisionError
except ZeroDivisionError:
    pass
with transaction.atomic():
    enqueue(message, account="acme", key="kept")
"""


async def test_djangos_migration_makes_the_tables_and_atomic_is_the_outbox(
    server: Server,
) -> None:
    admin = await psycopg.AsyncConnection.connect(server.dsn(), autocommit=True)
    await admin.execute("CREATE DATABASE django")
    await admin.close()

    words = [sys.executable, "-c", _DJANGO, server.dsn("django")]
    done = await asyncio.to_thread(
        subprocess.run, words, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    async with Database(server.dsn("django")) as database:
        assert await database.value(_KEYS) == ["kept"]
