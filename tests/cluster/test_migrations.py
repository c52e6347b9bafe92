"""A database of an earlier version is brought up to date, and keeps what it knows."""

from importlib import import_module, resources

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from autocalls_async import InvalidPhoneError, Rejected
from autocalls_async.cli.cluster.postgres import Server
from autocalls_async.cluster import Cluster, ClusterError, MessageRef, migrate
from autocalls_async.cluster.protocol.migrations import NEWEST, steps
from autocalls_async.journal.keys import to_content
from tests.cluster.support import hello

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]

FIRST = 3
"""The version of 0.1.0."""

_SCHEMA = "CREATE SCHEMA autocalls"
_META = "CREATE TABLE autocalls.meta (version integer PRIMARY KEY)"
_SETTLE = """
SELECT key FROM autocalls.settle(1, ARRAY['acme'], ARRAY[0::bigint], ARRAY[%s],
  ARRAY['rejected'], ARRAY[NULL], ARRAY['InvalidPhoneError'], ARRAY['INVALID_PHONE'],
  ARRAY['no such number'])
"""


def _settle(connection: "psycopg.Connection[tuple[str]]", key: str) -> None:
    """Refuse a message as a worker of that version does."""
    put = "SELECT autocalls.enqueue('acme', 'bulk', %s, '+14155550123', %s)"
    connection.execute(put, (key, to_content(hello(), 12)))
    leave = "UPDATE autocalls.message SET state = 'in flight', epoch = 0 WHERE key = %s"
    connection.execute(leave, (key,))
    assert connection.execute(_SETTLE, (key,)).fetchall() == [(key,)]


def test_django_has_a_migration_for_the_newest_step() -> None:
    files = resources.files("autocalls_async.cluster.django.migrations").iterdir()
    names = [file.name.removesuffix(".py") for file in files if file.name[0] == "0"]
    room = "autocalls_async.cluster.django.migrations"
    known = [import_module(f"{room}.{name}").Migration.brings_to for name in names]

    assert max(known) == NEWEST
    assert len(set(known)) == len(known)


async def test_what_0_1_0_settled_is_told_and_its_workers_go_on_meanwhile(
    server: Server,
) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE first")
    dsn = server.dsn("first")
    with psycopg.connect(dsn, autocommit=True) as old:
        for statements in (
            SchemaManager.get_schema(),
            "CREATE SCHEMA autocalls",
            _META,
        ):
            old.execute(statements.encode())
        for number, statements in steps().items():
            if number <= FIRST:
                old.execute(statements.encode())
        old.execute("INSERT INTO autocalls.meta VALUES (1), (2), (3)")
        old.execute("INSERT INTO autocalls.account (name) VALUES ('acme')")
        _settle(old, "before")
        with pytest.raises(ClusterError, match=r"version 3 .* cluster migrate"):
            async with Cluster(dsn):
                pass
        assert migrate(dsn) == list(range(FIRST + 1, NEWEST + 1))
        _settle(old, "after")

    async with Cluster(dsn) as cluster:
        refs = [MessageRef(id=i, account="acme", key="") for i in (1, 2)]
        outcomes = [await cluster.outcome(ref) for ref in refs]

    errors = [one.error for one in outcomes if isinstance(one, Rejected)]
    assert [type(error) for error in errors] == [InvalidPhoneError] * 2
    assert {error.error_code for error in errors} == {"INVALID_PHONE"}
