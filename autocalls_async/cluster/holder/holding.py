"""One account while this worker holds it: a client, and a run for each lane."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from autocalls_async.campaign.run import Run
from autocalls_async.client.client import AutocallsClient
from autocalls_async.clock import loop_time
from autocalls_async.cluster.holder.outbox import Outbox
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.ending import to_ending_text
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.protocol.journal import PostgresJournal
from autocalls_async.cluster.protocol.lease import QUIET_SECONDS, Hold, look_before
from autocalls_async.http.accounts import AccountSettings
from autocalls_async.journal import JournalError, JournalStateError
from autocalls_async.model.errors import (
    RunStoppedError,
    SenderOfflineError,
    UnreachableError,
)
from autocalls_async.model.messages import Message
from autocalls_async.policy.lanes import Lane

IDLE_SECONDS = 30.0
OFFLINE_SECONDS = 300.0
"""A sender's status is synced every five minutes."""

AGAIN_SECONDS = 10.0
"""What nobody foresaw, or an outage, is tried again after so long."""

_TICK_SECONDS = 0.5
_PAUSE = "SELECT autocalls.pause_by(%s, %s, %s, %s::float8, %s)"

log: logging.Logger = logging.getLogger("autocalls_async.cluster")


class HeldClient(AutocallsClient):
    """A client of an account that another process may have sent for just now."""

    async def follow(self, database: Database, hold: Hold) -> None:
        """Go on where the last holder was: its sends still count at the service.

        All that comes before a send may be done meanwhile.
        """
        pace = self._wiring.send_gate.pace
        wait, ended = hold.wait_seconds, tuple[float, ...]()
        try:
            before = await look_before(database, hold, per=pace.limit.per)
            wait, ended = max(wait, before.wait_seconds), before.ended
        except ClusterError:  # then as if each of them could leave yet
            wait = max(QUIET_SECONDS, pace.limit.per)
        now = loop_time()
        pace.rest_until(now + wait)
        for seconds in ended:
            pace.follow(now - seconds)


class Holding:
    """Sends what waits for one account, until it is idle, told to stop or lost.

    Args:
        database: The shared one.
        journal: The account's, open.
        settings: How the service is reached for it.
        idle_seconds: Without work for so long, it is let go of.
        drain_seconds: Given to what is out at the end.
    """

    def __init__(
        self,
        database: Database,
        journal: PostgresJournal,
        settings: AccountSettings,
        *,
        idle_seconds: float = IDLE_SECONDS,
        drain_seconds: float = 30.0,
    ) -> None:
        self._database = database
        self._journal = journal
        self._idle_seconds = idle_seconds
        self._drain_seconds = drain_seconds
        self._is_stopping = asyncio.Event()
        self._client = HeldClient(
            settings.api_key,
            base_url=settings.base_url,
            sender_id=settings.sender_id,
            send_limit=settings.send_limit,
            drain_timeout=drain_seconds,
        )
        self._outbox = Outbox(
            database,
            journal,
            sender_id=settings.sender_id,
            limit=settings.send_limit,
            note_inbound=self._note_inbound,
        )

    def wake(self, *lanes: Lane) -> None:
        """Look again for what waits."""
        self._outbox.wake(*lanes)

    def stop(self) -> None:
        """Begin with nothing more, and hand the account over."""
        self._is_stopping.set()

    async def run(self) -> None:
        """Hold the account until there is a reason not to."""
        hold = self._journal.hold
        try:
            async with self._client:
                await self._client.follow(self._database, hold)
                runs = {lane: self._run_of(lane) for lane in Lane}
                tasks = [asyncio.create_task(self._take(r)) for r in runs.values()]
                await self._watch(tasks)
                hold.is_ending = True
                self._outbox.stop()
                for run in runs.values():
                    run.stop()
                # Not before its drain is over does each run know all its ends.
                await self._client.aclose()
                await self._end(tasks)
        finally:
            await self._let_go()

    def _run_of(self, lane: Lane) -> Run:
        return self._client.send_many(
            self._outbox.messages(lane), lane=lane, journal=self._journal
        )

    async def _take(self, run: Run) -> None:
        async for outcome in run:
            self._outbox.ended(outcome)

    async def _watch(self, tasks: list["asyncio.Task[None]"]) -> None:
        """Wait until a run ends, the lease does, or nothing was to do for long."""
        over = self._journal.hold.lease.over
        while not (self._is_stopping.is_set() or over.is_set()):
            done, _ = await asyncio.wait(
                tasks,
                timeout=_TICK_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if done or not self._journal.hold.is_good():
                return
            if self._outbox.idle_seconds() >= self._idle_seconds:
                return

    async def _end(self, tasks: list["asyncio.Task[None]"]) -> None:
        """See how the runs ended, and pause the account where that is the reason."""
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        was_asked = self._is_stopping.is_set() or not self._journal.hold.is_good()
        for error in ends:
            if isinstance(error, Exception) and not was_asked:
                await self._pause(error)

    async def _pause(self, error: Exception) -> None:
        """Let nobody send where the next would fare no better."""
        name, seconds, by = type(error).__name__, None, None
        why = f"an unexpected fault ({name})"
        match error:
            case RunStoppedError(detail="it was asked to stop"):
                return
            case RunStoppedError(cause=cause, detail=why):
                name, by = (
                    (type(cause).__name__ if cause else name),
                    to_ending_text(cause),
                )
                if isinstance(cause, SenderOfflineError):
                    seconds = OFFLINE_SECONDS
                elif isinstance(cause, UnreachableError):
                    seconds = AGAIN_SECONDS
            case JournalError() | JournalStateError():
                return  # the database's trouble, or a lost lease: the sweep sees to it
            case _:
                seconds = AGAIN_SECONDS
                log.error("account %s: %s", self._journal.hold.account, why)
        values = (self._journal.hold.account, why, name, seconds, by)
        log.warning("account %s is paused: %s", values[0], why)
        try:
            await self._database.fetch(_PAUSE, *values)
        except ClusterError as failure:
            log.warning("account %s could not be paused: %s", values[0], failure)

    async def _let_go(self) -> None:
        account = self._journal.hold.account
        try:
            async with asyncio.timeout(self._drain_seconds):
                await self._journal.aclose()
        except (JournalError, JournalStateError, TimeoutError) as error:
            log.warning("account %s was not let go of cleanly: %s", account, error)

    def _note_inbound(self, message: Message, seconds: float) -> None:
        at = datetime.now(UTC) - timedelta(seconds=seconds)
        self._client.windows.note_inbound(
            message.recipient_phone, sender_id=message.sender_id, at=at
        )
