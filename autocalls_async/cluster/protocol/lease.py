"""Who may send for an account: a worker's lease, and the hold on one account.

A worker has one lease for all its accounts, so that renewing costs one row. Its own
deadline comes before the lease's end in the database: counted from before it was asked
for, and a fifth shorter. A lease that is over is never renewed.
"""

import asyncio
import os
import socket
from collections.abc import Callable

from attrs import define, field, frozen

from autocalls_async.cluster.protocol.database import Database, Session
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.system import lease_clock

TTL_SECONDS = 10.0
_RENEWALS = 5
_SHARE = 0.8

QUIET_SECONDS = 1.1
"""Nobody sends for an account before this has passed since the last intent of another
holder that may leave yet, for all that the database knows."""

# A host that was suspended comes back with the lease that it had, if its clock stood.
now: Callable[[], float] = lease_clock

_REGISTER = "SELECT autocalls.register(%s, %s, %s)"
_RENEW = "SELECT autocalls.renew(%s, %s)"
_RETIRE = "SELECT autocalls.retire(%s)"
_TAKE = "SELECT * FROM autocalls.take(%s, %s)"
_RECENT = """
SELECT extract(epoch FROM clock_timestamp() - m.intended_at)::float8,
  extract(epoch FROM clock_timestamp() - coalesce(m.settled_at, m.intended_at))::float8,
  m.state IN ('rejected', 'unsent') OR m.whatsapp_message_id IS NOT NULL
FROM autocalls.message m WHERE m.account = %s
  AND m.intended_at > clock_timestamp() - make_interval(secs => %s)
"""
_ANSWER_SECONDS = 60.0  # an answer may take so long
_LET_GO = "SELECT autocalls.let_go(%s, %s)"


class Lease:
    """A worker's right to hold accounts, for as long as it is renewed.

    Args:
        session: Its own connection: another worker may take over when it is gone.
        ttl: Seconds that it lasts in the database.
    """

    def __init__(self, session: Session, *, ttl: float = TTL_SECONDS) -> None:
        self.session: Session = session
        self._ttl = ttl
        self._deadline = 0.0
        self.id: int = 0
        self.over: asyncio.Event = asyncio.Event()

    async def register(self) -> None:
        """Begin it.

        Raises:
            ClusterError: The database did not do it.
        """
        asked_at = now()
        who = (socket.gethostname(), os.getpid(), self._ttl)
        ((self.id,),) = await self.session.fetch(_REGISTER, *who)
        self._deadline = asked_at + _SHARE * self._ttl

    def is_good(self) -> bool:
        """Whether this instant is before the deadline."""
        return now() < self._deadline and not self.over.is_set()

    async def keep(self) -> None:
        """Renew it until it is over."""
        try:
            while self.is_good():
                await asyncio.sleep(self._ttl / _RENEWALS)
                await self._renew()
        finally:
            self.over.set()

    async def _renew(self) -> None:
        """Try until it is renewed, refused or over."""
        while self.is_good():
            asked_at = now()
            try:
                async with asyncio.timeout(self._deadline - asked_at):
                    rows = await self.session.fetch(_RENEW, self.id, self._ttl)
            except (ClusterError, TimeoutError):
                await asyncio.sleep(0.1)
                continue
            if not rows[0][0]:
                self.over.set()
            elif self.is_good():  # an answer that comes too late renews nothing
                self._deadline = asked_at + _SHARE * self._ttl
            return

    async def end(self) -> None:
        """Let others take what it may still hold, at once."""
        self._deadline = 0.0
        self.over.set()
        await self.session.fetch(_RETIRE, self.id)


@define(eq=False)
class Hold:
    """One account in one epoch, held as long as its worker's lease is.

    Attributes:
        account: Its name.
        epoch: The fencing token.
        lost_count: Messages that were in flight under an earlier epoch.
        wait_seconds: For so long nothing may leave yet, since some were.
        is_ending: What comes back now is for the next holder.
    """

    account: str
    epoch: int
    lease: Lease = field(repr=False)
    lost_count: int = 0
    wait_seconds: float = 0.0
    is_ending: bool = False
    is_lost: bool = False

    def is_good(self) -> bool:
        """Whether something may leave at this instant, as far as is known here."""
        return self.lease.is_good() and not self.is_lost


async def take(database: Database, account: str, lease: Lease) -> Hold | None:
    """Become the holder of an account, unless another worker is.

    Raises:
        ClusterError: The database did not do it.
    """
    rows = await database.fetch(_TAKE, account, lease.id)
    if not rows:
        return None
    epoch, lost_count, quiet = rows[0]
    is_quiet = quiet is None or not lost_count
    wait = 0.0 if is_quiet else max(0.0, QUIET_SECONDS - quiet)
    return Hold(account, epoch, lease, lost_count, wait)


@frozen
class Before:
    """What earlier holders of an account have sent just now.

    Attributes:
        wait_seconds: For so long one of theirs may leave yet.
        ended: How many seconds ago the end of each of the others was known.
    """

    wait_seconds: float
    ended: tuple[float, ...]


async def look_before(database: Database, hold: Hold, *, per: float) -> Before:
    """Return what still counts when an account was just taken.

    Only what has no answer may leave yet. All else is over, as if this holder had sent
    it itself.

    Args:
        database: The shared one.
        hold: What was taken.
        per: Seconds for which the service counts a send.

    Raises:
        ClusterError: The database did not tell.
    """
    rows = await database.fetch(_RECENT, hold.account, per + _ANSWER_SECONDS)
    waits = [QUIET_SECONDS - ago for ago, _, is_over in rows if not is_over]
    ended = tuple(ago for _, ago, _ in rows if ago < per)
    return Before(max([0.0, *waits]), ended)


async def let_go(database: Database, hold: Hold) -> None:
    """Leave the account to others; what waits there gets a job.

    Raises:
        ClusterError: The database did not do it; the end of the lease will.
    """
    hold.is_lost = True
    await database.fetch(_LET_GO, hold.account, hold.epoch)
