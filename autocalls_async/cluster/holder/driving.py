"""Procrastinate's door: jobs that say no more than "look after account X".

Job states are hints, and the account's row is the truth: a second run of a job is
harmless, and a lost one is made anew by the sweep. So there is no retry, no lock that
a stalled job could hold, and no job is kept.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import procrastinate

from autocalls_async.cluster.protocol.database import Session
from autocalls_async.cluster.protocol.dsn import in_utf8

QUEUE = "autocalls"
_AGAIN_SECONDS = 0.5
_AGAIN_MOST = 1.0
_PATIENCE_SECONDS = 2.0
"""Half a minute is psycopg's: after an outage nobody took jobs for so long."""

_POLL_SECONDS = 1.0
_HEARTBEAT_SECONDS = 5.0

Drive: TypeAlias = Callable[[str], Awaitable[None]]
Forget: TypeAlias = Callable[[], Awaitable[None]]

log: logging.Logger = logging.getLogger("autocalls_async.cluster")


class Driving:
    """Takes jobs for as long as it is not cancelled, also where the database is away.

    Args:
        dsn: How the server itself is reached.
        drive: Looks after an account.
        forget: Forgets what is old; once a night.
        room: Returns how many more accounts can be looked after.
    """

    def __init__(
        self, dsn: str, *, drive: Drive, forget: Forget, room: Callable[[], int]
    ) -> None:
        connector = procrastinate.PsycopgConnector(
            conninfo=in_utf8(dsn),
            min_size=1,
            max_size=3,
            timeout=_PATIENCE_SECONDS,
            reconnect_timeout=1.0,
        )
        self._app = procrastinate.App(connector=connector)
        self._dsn = dsn
        self._room = room

        @self._app.task(queue=QUEUE, name="autocalls:drive")
        async def _drive(account: str) -> None:
            await drive(account)

        @self._app.periodic(cron="17 3 * * *")
        @self._app.task(queue=QUEUE, name="autocalls:forget", queueing_lock="autocalls")
        async def _forget(timestamp: int) -> None:  # noqa: ARG001  # Procrastinate's
            await forget()

    async def run(self) -> None:
        """Take jobs until it is cancelled."""
        pause = _AGAIN_SECONDS
        while True:
            try:
                await self._take_jobs()
                pause = _AGAIN_SECONDS
            except Exception as error:  # noqa: BLE001  # it ends where the database is away
                log.warning("no jobs for now: %s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _AGAIN_MOST)

    async def _take_jobs(self) -> None:
        await self._reach()
        try:
            async with asyncio.timeout(2 * _PATIENCE_SECONDS):
                await self._app.open_async()
            await self._work()
        finally:  # also where it was cancelled while it opened
            await self._app.close_async()

    async def _reach(self) -> None:
        """Fail at once where the database is away: a pool that opens waits for long."""
        session = Session(self._dsn, name="autocalls driver")
        try:
            await session.connect()
        finally:
            await session.aclose()

    async def _work(self) -> None:
        await self._app.run_worker_async(
            queues=[QUEUE],
            concurrency=max(1, self._room()),
            fetch_job_polling_interval=_POLL_SECONDS,
            update_heartbeat_interval=_HEARTBEAT_SECONDS,
            stalled_worker_timeout=4 * _HEARTBEAT_SECONDS,
            shutdown_graceful_timeout=0.1,  # what a job began goes on without it
            install_signal_handlers=False,
            delete_jobs="always",
        )
