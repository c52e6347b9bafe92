"""psycopg's door: statements on a pool, and connections that are one task's alone.

What fails is a `ClusterError`, without PostgreSQL's own words: they may quote a row.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString, Self, TypeAlias

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from autocalls_async.cluster.protocol.dsn import check_dsn, place_of
from autocalls_async.cluster.protocol.errors import ClusterError, RefusedError
from autocalls_async.http.loop import loop_time
from autocalls_async.model.checks import check_count

Row: TypeAlias = tuple[Any, ...]
Connection: TypeAlias = psycopg.AsyncConnection[Row]

CONNECT_SECONDS = 5
"""A host that is gone answers nothing: a connection is given up after so long."""

PATIENCE_SECONDS = 10.0
"""For so long a connection of the pool is waited for."""

_LOOK_SECONDS = 0.02
_END_LAST = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = %s AND application_name = %s AND usename = current_user
"""


def to_error(error: Exception) -> ClusterError:
    """Return what to say of the driver's error."""
    if isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith("AC"):
        return RefusedError(
            detail=str(error.diag.message_primary),
            code=str(error.sqlstate),
            number=int(error.diag.message_detail or 0),
            hint=error.diag.message_hint,
        )
    return ClusterError.of(error)


class Session:
    """One connection, made anew when it is needed and broken; for one task at a time.

    Args:
        dsn: How the server is reached.
        name: What the server lists it as.
    """

    def __init__(self, dsn: str, *, name: str) -> None:
        self._dsn = dsn
        self._name = name
        self._connection: Connection | None = None
        self._last_pid = 0  # the server's process behind it

    async def fetch(self, sql: LiteralString, *values: object) -> list[Row]:
        """Do one statement, in a transaction of its own.

        Raises:
            ClusterError: It was not done, or nobody knows whether it was.
        """
        connection = await self.connect()
        try:
            cursor = await connection.execute(sql, values)
            return await cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise to_error(error) from None

    async def connect(self) -> Connection:
        """Return a connection that stands; nothing is under way on an earlier one.

        Raises:
            ClusterError: The server cannot be reached; the text says where and why.
        """
        if self._connection is None or self._connection.closed:
            fresh = await self._connect()
            try:
                await self._end_last(fresh)
            except BaseException:
                await fresh.close()
                raise
            self._connection, self._last_pid = fresh, fresh.info.backend_pid
        return self._connection

    async def _connect(self) -> Connection:
        try:
            return await psycopg.AsyncConnection.connect(
                self._dsn,
                autocommit=True,
                application_name=self._name,
                connect_timeout=CONNECT_SECONDS,
            )
        except psycopg.Error as error:
            place = place_of(self._dsn)
            raise ClusterError.unreachable(error, place) from None

    async def _end_last(self, fresh: Connection) -> None:
        """See to it that what was asked on a line that broke is over, done or not.

        The server may be at it still: done later, it would undo what follows now.
        """
        values, give_up_at = (self._last_pid, self._name), loop_time() + CONNECT_SECONDS
        while self._last_pid and await self._is_there(fresh, values):
            if loop_time() > give_up_at:
                detail = "what was asked before is under way at the server yet"
                raise ClusterError(detail=detail)
            await asyncio.sleep(_LOOK_SECONDS)

    @staticmethod
    async def _is_there(fresh: Connection, values: tuple[int, str]) -> bool:
        try:
            return bool((await fresh.execute(_END_LAST, values)).rowcount)
        except psycopg.Error as error:
            raise to_error(error) from None

    async def listen(self, channel: LiteralString) -> AsyncIterator[str | None]:
        """Yield what is told on a channel; `None` first: look at what was missed.

        Raises:
            ClusterError: The connection is lost; ask again.
        """
        connection = await self.connect()
        try:
            await connection.execute(f"LISTEN {channel}")
            yield None
            async for notify in connection.notifies():
                yield notify.payload
        except psycopg.Error as error:
            raise to_error(error) from None

    async def aclose(self) -> None:
        """Close it."""
        connection, self._connection, self._last_pid = self._connection, None, 0
        if connection is not None:
            with suppress(psycopg.Error):
                await connection.close()


class Database:
    """The shared database: a pool, and sessions beside it.

    Args:
        dsn: How it is reached; PgBouncer in transaction mode will do.
        direct: How the server itself is reached, where `dsn` leads to PgBouncer.
        most: Connections of the pool.

    Raises:
        ValueError: An argument breaks its rule; no password is in the text.
    """

    def __init__(self, dsn: str, *, direct: str | None = None, most: int = 6) -> None:
        self._dsn = check_dsn("dsn", dsn)
        self._most = check_count("max_connections", most)
        self.direct: str = dsn if direct is None else check_dsn("direct", direct)
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=most,
            open=False,
            timeout=PATIENCE_SECONDS,
            reconnect_timeout=1.0,  # its pauses double: after an outage they outlast it
            # A pooler may give each statement another server connection.
            kwargs={"autocommit": True, "prepare_threshold": None},
        )

    async def __aenter__(self) -> Self:
        # By itself first: of its own attempts a pool tells only that it had to wait.
        await self._try_to_connect()
        try:
            await self._pool.open(wait=True, timeout=PATIENCE_SECONDS)
        except PoolTimeout:
            await self._pool.close()
            raise await self._why_not() from None
        except BaseException:
            await self._pool.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    def session(self, name: str) -> Session:
        """Return a connection of its own, to be made."""
        return Session(self.direct, name=name)

    async def fetch(self, sql: LiteralString, *values: object) -> list[Row]:
        """Do one statement, in a transaction of its own; again if the line broke.

        All that is asked may be done twice: a key, an epoch or a state sees to it.

        Raises:
            ClusterError: It was not done, or nobody knows whether it was.
        """
        try:
            return await self._fetch(sql, values)
        except PoolTimeout:
            raise await self._why_not() from None
        except psycopg.OperationalError:
            pass  # the pool's connections may all be from before a restart
        except psycopg.Error as error:
            raise to_error(error) from None
        try:
            await self._pool.check()
            return await self._fetch(sql, values)
        except PoolTimeout:
            raise await self._why_not() from None
        except psycopg.Error as error:
            raise to_error(error) from None

    async def value(self, sql: LiteralString, *values: object) -> Any:  # noqa: ANN401  # a column
        """Do one statement, and return the one thing that it gives."""
        rows = await self.fetch(sql, *values)
        return rows[0][0] if rows else None

    async def _try_to_connect(self) -> None:
        session = Session(self._dsn, name="autocalls")
        try:
            await session.connect()
        finally:
            await session.aclose()

    async def _why_not(self) -> ClusterError:
        """Return why the pool had no connection to give."""
        try:
            await self._try_to_connect()
        except ClusterError as error:
            return error
        return ClusterError.crowded(place_of(self._dsn), self._most, PATIENCE_SECONDS)

    async def _fetch(self, sql: LiteralString, values: Sequence[object]) -> list[Row]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(sql, values)
            return await cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def in_background(*tasks: "asyncio.Task[None]") -> AsyncIterator[None]:
    """End tasks with the block, and raise what one of them failed with."""
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()
