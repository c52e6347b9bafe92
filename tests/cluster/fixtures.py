"""A server for all tests of a worker process, and a database for each test."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import TYPE_CHECKING

import pytest

from autocalls_async.cli.cluster.postgres import Server, find_programs

if TYPE_CHECKING:  # most test runs need no database's driver
    from autocalls_async.cluster.protocol.database import Database
    from tests.cluster.others import Others

_NUMBERS = count()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Start a server; without PostgreSQL's programs that is a failure."""
    programs = find_programs()
    assert programs is not None, "PostgreSQL is not installed"
    from autocalls_async.cluster.protocol.migrations import migrate  # noqa: PLC0415

    with Server(programs) as started:
        _execute(started, "CREATE DATABASE pattern")
        migrate(started.dsn("pattern"))
        yield started


@pytest.fixture
def dsn(server: Server) -> str:
    """Make a database with our schema; it is thrown away with the server."""
    name = f"test{next(_NUMBERS)}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE pattern")
    return server.dsn(name)


@pytest.fixture
async def database(dsn: str) -> "AsyncIterator[Database]":
    """Open the database of a test, with one account."""
    from autocalls_async.cluster.protocol.database import Database  # noqa: PLC0415

    async with Database(dsn) as opened:
        await opened.fetch("INSERT INTO autocalls.account (name) VALUES ('acme')")
        yield opened


@pytest.fixture
async def others(database: "Database") -> "AsyncIterator[Others]":
    """Have workers that are nothing but their leases."""
    from tests.cluster.others import others_of  # noqa: PLC0415

    async with others_of(database) as made:
        yield made


def _execute(server: Server, statement: str) -> None:
    import psycopg  # noqa: PLC0415

    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(statement.encode())
