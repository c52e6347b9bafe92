"""psycopg's door: statements on a pool, and connections that are one task's alone.

What fails is a `ClusterError`, without PostgreSQL's own words: they may quote a row.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString, Self, TypeAlias, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from autocalls_async.clock import loop_time
from autocalls_async.cluster.protocol.dsn import check_dsn, in_utf8, place_of
from autocalls_async.cluster.protocol.errors import ClusterError, RefusedError
from autocalls_async.model.checks import check_count

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]
Connection: TypeAlias = psycopg.AsyncConnection[Row]

CONNECT_SECONDS = 5
"""A host that is gone answers nothing: a connection is given up after so long."""

ANSWER_SECONDS = 10.0
"""A statement that is not answered by then never will be: its line is dead."""

_LISTEN_SECONDS = 15.0  # then a quiet line is asked whether it stands
_KEEPALIVE: dict[
    str, Any
] = {  # for the system: it tells of a host that is gone only after hours
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_given_up = set["asyncio.Future[Any]"]()

PATIENCE_SECONDS = 8.0
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


async def within(seconds: float, asked: Coroutine[Any, Any, T]) -> T:
    """Wait for an answer for so long.

    What is given up, or cancelled, ends by itself: where a line is dead, the driver
    takes ten seconds to find that its wish to cancel is not heard either.

    Raises:
        TimeoutError: There is none.
    """
    task = asyncio.ensure_future(asked)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            _given_up.add(task)
            task.add_done_callback(_forget)
    if task in _given_up:
        raise TimeoutError
    return task.result()


def _forget(task: "asyncio.Future[Any]") -> None:
    _given_up.discard(task)
    if not task.cancelled():
        task.exception()  # nobody waits for it any more


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
            return await within(ANSWER_SECONDS, _ask_once(connection, sql, values))
        except TimeoutError:
            raise ClusterError.silent(place_of(self._dsn), ANSWER_SECONDS) from None
        except psycopg.Error as error:
            raise to_error(error) from None
        finally:
            if connection.info.transaction_status is TransactionStatus.ACTIVE:
                # It is at it still, and closes itself: the next one is another.
                self._connection = None

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
                in_utf8(self._dsn),
                autocommit=True,
                application_name=self._name,
                connect_timeout=CONNECT_SECONDS,
                **_KEEPALIVE,
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
            while True:
                async for notify in connection.notifies(timeout=_LISTEN_SECONDS):
                    yield notify.payload
                await within(ANSWER_SECONDS, _ask_once(connection, "SELECT 1", ()))
        except TimeoutError:
            self._connection = None
            raise ClusterError.silent(place_of(self._dsn), ANSWER_SECONDS) from None
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
        self._pool = self._make_pool()
        self._is_open = False

    def _make_pool(self) -> AsyncConnectionPool[Connection]:
        return AsyncConnectionPool(
            in_utf8(self._dsn),
            min_size=1,
            max_size=self._most,
            open=False,
            timeout=PATIENCE_SECONDS,
            reconnect_timeout=1.0,  # its pauses double: after an outage they outlast it
            # A pooler may give each statement another server connection.
            kwargs={"autocommit": True, "prepare_threshold": None, **_KEEPALIVE},
        )

    async def __aenter__(self) -> Self:
        # By itself first: of its own attempts a pool tells only that it had to wait.
        await self._try_to_connect()
        self._pool = self._make_pool()  # one that was closed is not opened again
        try:
            await self._pool.open(wait=True, timeout=PATIENCE_SECONDS)
        except PoolTimeout:
            await self._pool.close()
            raise await self._why_not() from None
        except BaseException:
            await self._pool.close()
            raise
        self._is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        await self._pool.close()

    def session(self, name: str) -> Session:
        """Return a connection of its own, to be made."""
        return Session(self.direct, name=name)

    async def fetch(
        self, sql: LiteralString, *values: object, seconds: float = ANSWER_SECONDS
    ) -> list[Row]:
        """Do one statement, in a transaction of its own; again if the line broke.

        All that is asked may be done twice: a key, an epoch or a state sees to it.

        Args:
            sql: The statement.
            values: Its parameters.
            seconds: It is waited for so long.

        Raises:
            ClusterError: It was not done, or nobody knows whether it was.
        """
        if not self._is_open:
            msg = "it is not open: use it as `async with`"
            raise RuntimeError(msg)
        try:
            return await self._try(sql, values, seconds)
        except psycopg.OperationalError:
            pass  # the pool's connections may all be from before a restart
        try:
            await within(ANSWER_SECONDS, self._pool.check())
            return await self._try(sql, values, seconds)
        except TimeoutError:
            raise ClusterError.silent(place_of(self._dsn), ANSWER_SECONDS) from None
        except psycopg.OperationalError as error:
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

    async def _try(
        self, sql: LiteralString, values: Sequence[object], seconds: float
    ) -> list[Row]:
        """Do it once; what the line is to blame for is raised as it came."""
        try:
            return await within(seconds, self._fetch(sql, values))
        except TimeoutError:
            raise ClusterError.silent(place_of(self._dsn), seconds) from None
        except PoolTimeout:
            raise await self._why_not() from None
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            raise to_error(error) from None

    async def _fetch(self, sql: LiteralString, values: Sequence[object]) -> list[Row]:
        async with self._pool.connection() as connection:
            return await _ask(connection, sql, values)


async def _ask(
    connection: Connection, sql: LiteralString, values: Sequence[object]
) -> list[Row]:
    cursor = await connection.execute(sql, values)
    return await cursor.fetchall() if cursor.description else []


async def _ask_once(
    connection: Connection, sql: LiteralString, values: Sequence[object]
) -> list[Row]:
    """Do it on a connection that is of no more use if it is given up."""
    try:
        return await _ask(connection, sql, values)
    except asyncio.CancelledError:
        await connection.close()
        raise


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
