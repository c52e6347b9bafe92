"""The schema `autocalls`, made and brought up to date by numbered steps.

Forward only, one transaction each, under one advisory lock: several deploys may do
it at once. Procrastinate's own schema is made where there is none; an older one is
left to its own migrations.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from typing import Any, TypeAlias

import psycopg
from procrastinate.schema import SchemaManager

from autocalls_async.cluster.protocol.database import CONNECT_SECONDS, Database
from autocalls_async.cluster.protocol.dsn import check_dsn, in_utf8, place_of
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.model.values.naming import show_in

Execute: TypeAlias = Callable[[str], Sequence[Sequence[Any]]]
"""Runs statements, and returns what the last one gives, if it gives anything."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('autocalls'), hashtext('migrations'))"
_BEGINNINGS = """
CREATE SCHEMA IF NOT EXISTS autocalls;
CREATE TABLE IF NOT EXISTS autocalls.meta (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""
_LOOK = """
SELECT to_regclass('autocalls.meta') IS NOT NULL,
  current_setting('transaction_read_only')::boolean, current_setting('datestyle')
"""
_LOOK_AS_SENDER = """
SELECT current_setting('transaction_isolation'),
  to_regclass('procrastinate_jobs') IS NOT NULL, current_setting('search_path')
"""
_ENCODING = """
SELECT pg_encoding_to_char(encoding)::text FROM pg_database
WHERE datname = current_database()
"""
_HAS_JOBS = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"
_VERSION = "SELECT coalesce(max(version), 0) FROM autocalls.meta"
_OLDEST_SERVER = 130_000
_NAME = re.compile(r"(\d{4})_\w+\.sql")


def steps() -> dict[int, str]:
    """Return the statements of each step, by number."""
    files = resources.files("autocalls_async.cluster.protocol") / "sql"
    found = {
        int(match[1]): file.read_text("utf-8")
        for file in files.iterdir()
        if (match := _NAME.fullmatch(file.name))
    }
    return dict(sorted(found.items()))


NEWEST = max(steps())
"""The version that this library speaks with."""


def migrate(dsn: str) -> list[int]:
    """Bring a database up to date; return the numbers of the steps that it took.

    Raises:
        ClusterError: It cannot be reached, is too old, or knows a later version.
        ValueError: It is no DSN.
    """
    with _connected(check_dsn("dsn", dsn)) as connection:
        try:
            taken: list[int] = []
            while (number := _take_step(connection)) is not None:
                taken.append(number)
        except psycopg.Error as error:
            raise ClusterError.of(error) from None
    return taken


def _connected(dsn: str) -> "psycopg.Connection[Any]":
    try:
        return psycopg.connect(
            in_utf8(dsn), autocommit=True, connect_timeout=CONNECT_SECONDS
        )
    except psycopg.Error as error:
        raise ClusterError.unreachable(error, place_of(dsn)) from None


def _take_step(connection: "psycopg.Connection[Any]") -> int | None:
    def execute(sql: str) -> Sequence[Sequence[Any]]:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else ()

    with connection.transaction():
        return next(apply(execute), None)


def apply(execute: Execute) -> Iterator[int]:
    """Take one missing step after another, in the transaction that is open.

    Raises:
        ClusterError: The server is too old, or the database knows a later version.
    """
    execute(_LOCK)
    if int(execute("SHOW server_version_num")[0][0]) < _OLDEST_SERVER:
        raise ClusterError(detail="PostgreSQL 13 or later is needed")
    if (encoding := execute(_ENCODING)[0][0]) != "UTF8":
        detail = (
            f"the database is in {encoding}, which does not hold every text;"
            " make one with ENCODING 'UTF8'"
        )
        raise ClusterError(detail=detail)
    if not execute(_HAS_JOBS)[0][0]:
        execute(SchemaManager.get_schema())
    execute(_BEGINNINGS)
    known = execute(_VERSION)[0][0]
    check_version(known, may_be_old=True)
    for number, statements in steps().items():
        if number > known:
            execute(statements)
            execute(f"INSERT INTO autocalls.meta (version) VALUES ({number})")  # noqa: S608  # a number
            yield number


async def check_schema(database: Database) -> None:
    """Make sure that a database speaks as this library does.

    Raises:
        ClusterError: It has another version, is read-only, cannot be reached, or
            tells dates in another style.
    """
    ((has_some, is_read_only, style),) = await database.fetch(_LOOK)
    if is_read_only:
        raise ClusterError.read_only()
    if not style.startswith("ISO"):
        detail = f"dates come as {style}; ALTER ROLE … SET datestyle = 'ISO'"
        raise ClusterError(detail=detail)
    check_version(int(await database.value(_VERSION)) if has_some else 0)


async def check_for_sending(database: Database) -> None:
    """Make sure that a worker can do the steps of the protocol.

    Raises:
        ClusterError: Transactions are isolated otherwise, or there are no jobs.
    """
    ((isolation, has_jobs, path),) = await database.fetch(_LOOK_AS_SENDER)
    if isolation != "read committed":
        detail = (
            f"transactions of a worker must be READ COMMITTED, and are {isolation};"
            " ALTER ROLE … SET default_transaction_isolation = 'read committed'"
        )
        raise ClusterError(detail=detail)
    if not has_jobs:
        detail = (
            f"Procrastinate's tables are not on the search_path ({path});"
            " ALTER ROLE … SET search_path to where `autocalls cluster migrate` made"
            " them, mostly public"
        )
        raise ClusterError(detail=detail)


def check_version(version: int, *, may_be_old: bool = False) -> None:
    """Make sure that a database speaks as this library does.

    Raises:
        ClusterError: It has another version; the text says what to do.
    """
    if version > NEWEST:
        detail = (
            f"the database has version {version} and this library knows {NEWEST};"
            " install the library's newer version"
        )
        raise ClusterError(detail=detail)
    if version < NEWEST and not may_be_old:
        found = f"version {version}" if version else "no schema `autocalls`"
        detail = (
            f"the database has {found} and this library needs {NEWEST};"
            " run `autocalls cluster migrate`"
        )
        raise ClusterError(detail=detail)


show_in("autocalls_async.cluster", "migrate", of=globals())
