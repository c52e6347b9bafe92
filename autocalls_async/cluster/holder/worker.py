"""A worker: takes accounts that have work, and sends for them."""

import asyncio
import logging
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from autocalls_async.cluster.accounts import Accounts, KnownAccounts
from autocalls_async.cluster.holder.driving import Driving
from autocalls_async.cluster.holder.holding import IDLE_SECONDS, Holding
from autocalls_async.cluster.protocol.database import Database, in_background
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.protocol.journal import PostgresJournal
from autocalls_async.cluster.protocol.lease import TTL_SECONDS, Lease
from autocalls_async.cluster.protocol.migrations import (
    check_for_sending,
    check_schema,
)
from autocalls_async.cluster.protocol.writer import Writer
from autocalls_async.journal import JournalError
from autocalls_async.model.checks import check_count, check_seconds
from autocalls_async.model.values.naming import show_in
from autocalls_async.policy.lanes import Lane

SWEEP_SECONDS = 1.0
_SWEEPS_ALL = 5
_AGAIN_SECONDS = 0.5
_ADD = "SELECT * FROM autocalls.add_accounts(%s::text[], %s::float8[])"
_SWEEP = "SELECT autocalls.sweep()"
_LOOK = """
SELECT a.name, autocalls.is_paused(a),
  EXISTS (SELECT 1 FROM autocalls.waits(ARRAY[a.name]))
FROM autocalls.account a WHERE a.name = ANY (%s)
"""
_OURS = "SELECT name, epoch FROM autocalls.account WHERE worker_id = %s"
_LET_GO = "SELECT autocalls.let_go(%s, %s)"
_FORGET = "SELECT * FROM autocalls.forget(%s::interval, %s::interval)"
_FORGET_RECEIPTS = "SELECT autocalls.forget_receipts(%s::interval)"
_FORGET_SECONDS = 600.0
_CONTENT_AGE, _ROW_AGE = "7 days", "30 days"

log: logging.Logger = logging.getLogger("autocalls_async.cluster")


class Worker:
    """Sends for accounts of a cluster, each held by one worker at a time.

    Args:
        dsn: How the shared PostgreSQL is reached.
        accounts: Settings by name, or what tells of them: a worker leaves alone what
            it does not know. The row of each that is listed is made at the start.
        max_accounts: So many are held at once.
        direct: How the server itself is reached, where `dsn` leads to PgBouncer.
        lease_seconds: Of a worker that has vanished, others take over after this.
        idle_seconds: An account without work for so long is let go of.
        drain_seconds: Given to what is out when it stops.

    Raises:
        ValueError: An argument breaks its rule.
    """

    def __init__(
        self,
        dsn: str,
        accounts: Accounts,
        *,
        max_accounts: int = 80,
        direct: str | None = None,
        lease_seconds: float = TTL_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        drain_seconds: float = 30.0,
    ) -> None:
        self._max_accounts = check_count("max_accounts", max_accounts)
        self._lease_seconds = check_seconds("lease_seconds", lease_seconds)
        self._idle_seconds = check_seconds("idle_seconds", idle_seconds)
        self._drain_seconds = check_seconds("drain_seconds", drain_seconds)
        self._accounts = KnownAccounts(accounts)
        self._database = Database(dsn, direct=direct)
        self._holdings: dict[str, Holding] = {}
        self._taking = set[str]()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._lease: Lease | None = None
        self._writer: Writer | None = None

    def __repr__(self) -> str:
        return f"<Worker, {len(self._holdings)} accounts>"

    def stop(self) -> None:
        """Hand the accounts over; `run()` returns when all is settled."""
        self._stopping.set()

    async def run(self, *, handle_signals: bool = True) -> None:
        """Work until SIGTERM, SIGINT or `stop()`; then hand the accounts over.

        Args:
            handle_signals: Stop at the first of these signals; `False` where the
                program has handlers of its own.

        Raises:
            ClusterError: The database cannot be reached at the start, or has another
                version. Later it is waited for.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._database)
            await check_schema(self._database)
            await check_for_sending(self._database)
            await self._add_accounts()
            self._writer = Writer(self._database.session("autocalls writer"))
            stack.push_async_callback(self._writer.aclose)
            if handle_signals:
                await stack.enter_async_context(_signals(self.stop))
            loops = (self._keep_lease(), self._sweep(), self._listen(), self._drive())
            tasks = [asyncio.create_task(loop) for loop in loops]
            async with in_background(*tasks):
                stopping = asyncio.create_task(self._stopping.wait())
                await asyncio.wait(
                    [stopping, *tasks], return_when=asyncio.FIRST_COMPLETED
                )
                stopping.cancel()
                await self._hand_over()

    # The loops

    async def _keep_lease(self) -> None:
        """Have a lease; when it is over, begin with another."""
        session = self._database.session("autocalls lease")
        try:
            while True:
                lease = Lease(session, ttl=self._lease_seconds)
                try:
                    await lease.register()
                except ClusterError:
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                self._lease = lease
                await lease.keep()
                log.warning("the lease is over: all accounts are let go of")
        finally:
            with suppress(ClusterError):
                if self._lease is not None:
                    await self._lease.end()
            await session.aclose()

    async def _sweep(self) -> None:
        """Find what every lost wake-up has left, at all workers and at this one."""
        count = 0
        while True:
            await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.7, 1.3))  # noqa: S311  # so that not all do it at once
            count += 1
            lanes = Lane if count % _SWEEPS_ALL == 0 else (Lane.BULK,)
            try:
                if count % _SWEEPS_ALL == 0:
                    await self._free_strays()
                await self._database.fetch(_SWEEP)
                for name, is_paused, waits in await self._look():
                    holding = self._holdings.get(name)
                    if holding is not None and is_paused:
                        holding.stop()
                    elif holding is not None and waits:
                        holding.wake(*lanes)
            except ClusterError as error:
                log.info("no sweep: %s", error)

    async def _free_strays(self) -> None:
        """Let go of what is this worker's in the table, and is not held here.

        The database may have taken a step of which no answer came.
        """
        if self._lease is None:
            return
        for name, epoch in await self._database.fetch(_OURS, self._lease.id):
            if name not in self._holdings and name not in self._taking:
                log.warning("account %s was held by nobody here: let go of", name)
                await self._database.fetch(_LET_GO, name, epoch)

    async def _look(self) -> list[tuple[str, bool, bool]]:
        if not self._holdings:
            return []
        rows = await self._database.fetch(_LOOK, list(self._holdings))
        return [(name, is_paused, waits) for name, is_paused, waits in rows]

    async def _listen(self) -> None:
        """Hear of interactive messages at once."""
        session = self._database.session("autocalls listener")
        try:
            while True:
                try:
                    async for account in session.listen("autocalls_in"):
                        self._wake(account)
                except ClusterError:
                    await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            await session.aclose()

    def _wake(self, account: str | None) -> None:
        """Look for what waits; where notices may have been missed, everywhere."""
        for name in self._holdings if account is None else (account,):
            if (holding := self._holdings.get(name)) is not None:
                holding.wake(Lane.INTERACTIVE)

    async def _drive(self) -> None:
        await Driving(
            self._database.direct,
            drive=self._look_after,
            forget=self._forget,
            room=lambda: self._max_accounts - len(self._holdings),
        ).run()

    # Accounts

    async def _look_after(self, account: str) -> None:
        """Hold an account until it is let go of, unless another does."""
        is_full = len(self._holdings) + len(self._taking) >= self._max_accounts
        is_ours = account in self._holdings or account in self._taking
        if is_full or is_ours or self._stopping.is_set():
            return
        self._taking.add(account)  # its settings or the database may be slow
        task = asyncio.create_task(self._take(account), name=account)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # The job may be cancelled, where its queue cannot be reached: this goes on.
        await asyncio.shield(task)

    async def _take(self, account: str) -> None:
        try:
            holding = await self._holding_of(account)
            if holding is not None:
                self._holdings[account] = holding
        finally:
            self._taking.discard(account)
        if holding is not None:
            await self._hold(account, holding)

    async def _holding_of(self, account: str) -> Holding | None:
        """Become its holder, unless another is or nobody says how it is reached."""
        settings, lease = await self._accounts.settings_of(account), self._lease
        if settings is None or lease is None or not lease.is_good():
            return None
        journal = PostgresJournal(
            account,
            database=self._database,
            writer=self._the_writer(),
            lease=lease,
            keeps_order=True,
        )
        holding = Holding(  # before the account is taken: it may fail
            self._database,
            journal,
            settings,
            idle_seconds=self._idle_seconds,
            drain_seconds=self._drain_seconds,
        )
        try:
            await journal.open()
        except JournalError:
            return None  # another was sooner
        if self._stopping.is_set():
            holding.stop()
        return holding

    async def _hold(self, account: str, holding: Holding) -> None:
        try:
            await holding.run()
        finally:
            del self._holdings[account]

    async def _add_accounts(self) -> None:
        """Make the accounts known; warn where workers have different limits."""
        listed = self._accounts.listed
        if listed is None:
            return
        rates = {name: 1 / one.send_limit.gap for name, one in listed.items()}
        values = (list(rates), list(rates.values()))
        for name, other in await self._database.fetch(_ADD, *values):
            log.warning(
                "account %s: %g sends a second here, and %g where another worker was"
                " started; its holder's count, so give all the same accounts",
                name,
                rates[name],
                other,
            )

    async def _hand_over(self) -> None:
        for holding in list(self._holdings.values()):
            holding.stop()
        for task in self._tasks:
            if task.get_name() in self._taking:
                task.cancel()  # what it has taken ends with the lease
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _forget(self) -> None:
        ages = (_CONTENT_AGE, _ROW_AGE)
        while True:
            rows = await self._database.fetch(_FORGET, *ages, seconds=_FORGET_SECONDS)
            if not any(rows[0]):
                break
        await self._database.fetch(_FORGET_RECEIPTS, _ROW_AGE, seconds=_FORGET_SECONDS)

    def _the_writer(self) -> Writer:
        assert self._writer is not None  # noqa: S101  # made before anything is held
        return self._writer


@asynccontextmanager
async def _signals(stop: Callable[[], None]) -> AsyncIterator[None]:
    """Have SIGTERM and SIGINT do this, where the event loop can catch them."""
    loop = asyncio.get_running_loop()
    added = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # Elsewhere than in the main thread, and on Windows, nobody can.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)


show_in("autocalls_async.cluster", "Worker", of=globals())
