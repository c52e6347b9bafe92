"""What is said where the shared database cannot be used; never a password."""

import asyncio
import logging
from typing import LiteralString

import pytest

from autocalls_async.cli.app import run
from autocalls_async.cli.cluster.postgres import Server
from autocalls_async.cluster import Cluster, ClusterError, migrate
from autocalls_async.cluster.protocol import database as door
from autocalls_async.cluster.protocol.database import Database
from tests.cluster.support import until

SHIBBOLETH = "hunter2hunter2"

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]


@pytest.mark.parametrize(
    ("port", "path", "said"),
    [
        pytest.param("1", "/x", "127.0.0.1:1 .*: Connection refused", id="port"),
        pytest.param(None, "/nowhere", "'nowhere' does not exist", id="database"),
        pytest.param(None, "/postgres?user=nobody", '"nobody" does', id="role"),
        pytest.param(None, "/postgres", "cluster migrate", id="not migrated"),
        pytest.param(None, "/pattern?read_only", "name the primary", id="read-only"),
    ],
)
async def test_what_stands_in_the_way_is_said_at_once_and_in_one_line(
    server: Server,
    caplog: pytest.LogCaptureFixture,
    port: str | None,
    path: str,
    said: str,
) -> None:
    read_only = "?options=-cdefault_transaction_read_only%3Don"
    path = path.replace("?read_only", read_only)
    dsn = f"postgresql://postgres:{SHIBBOLETH}@127.0.0.1:{port or server.port}{path}"

    with caplog.at_level(logging.INFO), pytest.raises(ClusterError) as refused:
        async with asyncio.timeout(8), Cluster(dsn):
            pass

    text = str(refused.value)
    assert refused.match(said.replace("'nowhere'", '"nowhere"'))
    assert "\n" not in text
    assert SHIBBOLETH not in text + caplog.text


def test_the_command_line_says_it_in_one_line_with_its_status(
    capfd: pytest.CaptureFixture[str], server: Server
) -> None:
    nowhere = f"postgresql://postgres:{SHIBBOLETH}@127.0.0.1:1/x"
    words = ["cluster", "status", "--dsn"]

    assert run([*words, nowhere]) == 1
    assert run(["cluster", "migrate", "--dsn", nowhere]) == 1
    assert run([*words, f"mysql://postgres:{SHIBBOLETH}@127.0.0.1/x"]) == 2
    told = capfd.readouterr()

    assert told.out == ""
    assert len(told.err.splitlines()) == 3
    assert SHIBBOLETH not in told.err
    assert server.port


async def test_a_database_of_a_newer_library_is_left_alone(
    dsn: str, database: Database
) -> None:
    await database.fetch("INSERT INTO autocalls.meta (version) VALUES (99)")

    with pytest.raises(ClusterError, match="install the library's newer version"):
        async with Cluster(dsn):
            pass
    with pytest.raises(ClusterError, match="version 99"):
        migrate(dsn)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("DROP FUNCTION autocalls.pause", id="a function gone"),
        pytest.param("ALTER TABLE autocalls.account RENAME TO x", id="a table gone"),
    ],
)
async def test_a_schema_that_is_not_ours_says_what_to_do(
    dsn: str, database: Database, change: LiteralString
) -> None:
    async with Cluster(dsn, max_connections=1) as cluster:
        await database.fetch(change)
        with pytest.raises(ClusterError, match="run `autocalls cluster migrate`"):
            await cluster.pause("acme")


async def test_connections_that_are_all_in_use_are_told_from_a_server_away(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "PATIENCE_SECONDS", 0.3)
    async with Database(dsn, most=1) as database:
        busy = asyncio.create_task(database.fetch("SELECT pg_sleep(1)"))
        await asyncio.sleep(0.1)
        with pytest.raises(ClusterError, match=r"all 1 connections .* in use for"):
            await database.fetch("SELECT 1")
        await busy


async def test_a_user_who_may_not_is_told_who_can_grant_it(dsn: str) -> None:
    with pytest.raises(ClusterError, match=r"let the one who ran .* grant it"):
        async with Cluster(f"{dsn}?options=-crole%3Dpg_monitor"):
            pass


async def test_who_is_cancelled_as_the_answer_comes_leaves_no_connection_open(
    database: Database,
) -> None:
    session = database.session("left behind")
    await session.connect()
    known = asyncio.all_tasks()
    asking = asyncio.create_task(session.fetch("SELECT 1"))
    await asyncio.sleep(0)
    (asked,) = asyncio.all_tasks() - known - {asking}
    asked.add_done_callback(lambda _: asking.cancel())
    with pytest.raises(asyncio.CancelledError):
        await asking

    await session.aclose()

    async def is_gone() -> bool:
        there = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s"
        return not await database.fetch(there, "left behind")

    await until(is_gone)
