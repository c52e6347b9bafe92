"""The door for web workers, bots and scripts: messages in, outcomes out."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Any, Self

from autocalls_async.campaign.progress import Progress
from autocalls_async.campaign.source import Source
from autocalls_async.client.settings import LaneName
from autocalls_async.clock import loop_time
from autocalls_async.cluster.accounts import check_account, check_name, check_storable
from autocalls_async.cluster.deliveries import PostgresDeliveries
from autocalls_async.cluster.intake import put_many, put_one
from autocalls_async.cluster.outgoing import Outgoing, UnknownAccountError, enqueue_on
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.errors import NO_ACCOUNT, RefusedError
from autocalls_async.cluster.protocol.migrations import check_schema
from autocalls_async.cluster.protocol.resolving import resolve
from autocalls_async.cluster.reading import (
    read_outcome,
    read_outcomes,
    read_progress,
    read_status,
    read_unknown,
)
from autocalls_async.cluster.records import (
    ClusterStatus,
    Enqueued,
    MessageRef,
    Standing,
)
from autocalls_async.cluster.sending import Sending
from autocalls_async.cluster.waiting import News
from autocalls_async.journal import State
from autocalls_async.journal.keys import show_key
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.checks import (
    check_id,
    check_seconds,
    check_text,
    choose,
    read_age_seconds,
    read_inbound_phone,
)
from autocalls_async.model.messages import Message
from autocalls_async.model.outcomes import Outcome
from autocalls_async.model.values.naming import show_in
from autocalls_async.policy.lanes import Lane
from autocalls_async.webhooks.deliveries import Deliveries, Delivery
from autocalls_async.webhooks.statuses import Until

_ADD = "INSERT INTO autocalls.account (name) VALUES (%s) ON CONFLICT DO NOTHING"
_NOTE = "SELECT autocalls.note_inbound(%s, %s::bigint, %s, %s::float8)"
_PAUSE = "SELECT autocalls.pause(%s, %s)"
_RESUME = "SELECT autocalls.resume(%s)"


class Cluster:
    """Messages of many accounts, sent by workers in other processes.

    Use it as `async with`. It makes connections as it needs them, and may be used by
    any number of tasks of one event loop.

    Args:
        dsn: How the shared PostgreSQL is reached, such as `postgresql://host/name`.
        direct: How the server itself is reached, where `dsn` leads to PgBouncer in
            transaction mode: notices do not come through it.
        max_connections: Of the pool; one more listens where something waits.

    Attributes:
        deliveries: What receipts tell, at whichever process they come in; for
            `Webhooks(deliveries=…)`.
    """

    def __init__(
        self, dsn: str, *, direct: str | None = None, max_connections: int = 6
    ) -> None:
        self._database = Database(dsn, direct=direct, most=max_connections)
        self._news = News(self._database)
        self._sending = Sending(self._database, self._news)
        self.deliveries: Deliveries = Deliveries(PostgresDeliveries(dsn, direct=direct))

    async def __aenter__(self) -> Self:
        """Connect, and see that the database speaks as this library does.

        Raises:
            ClusterError: It cannot be reached, or needs `autocalls cluster migrate`.
        """
        await self._database.__aenter__()
        try:
            await check_schema(self._database)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.deliveries.aclose()
        await self._sending.aclose()
        await self._news.aclose()
        await self._database.__aexit__()

    # In

    async def enqueue(
        self,
        message: Message,
        *,
        account: str,
        lane: LaneName = "interactive",
        key: str | None = None,
        campaign: str | None = None,
        connection: Any = None,  # noqa: ANN401  # of several drivers
    ) -> MessageRef:
        """Put a message into the table, for a worker to send it.

        Args:
            message: What to send.
            account: Whose message it is.
            lane: `"interactive"` goes before `"bulk"`.
            key: What identifies it among the account's; `None` means the message's
                own, and without that it is a message of its own. The same key and
                content again are the same message; for a month, at least.
            campaign: What it belongs to.
            connection: A connection of psycopg, asyncpg or SQLAlchemy, in whose
                transaction it is put in: rolled back, it never was.

        Raises:
            JournalConflictError: The key stands for another message.
            UnknownAccountError: There is no such account.
            ClusterError: The database did not do it; with a key, do it again.
            ValueError: An argument breaks its rule.
        """
        outgoing = Outgoing.single(
            message, account=account, lane=lane, key=key, campaign=campaign
        )
        if connection is not None:
            number = await enqueue_on(connection, outgoing)
        else:
            number = await put_one(self._database, outgoing)
        return MessageRef(id=number, account=account, key=outgoing.key)

    async def enqueue_many(
        self,
        messages: Source,
        *,
        account: str,
        campaign: str | None = None,
        lane: LaneName = "bulk",
    ) -> Enqueued:
        """Put many messages in, some hundreds at a time; return how many were new.

        One without a key has that of its content within the campaign: done again, the
        same call puts in what is missing, and nothing twice.

        Args:
            messages: Any iterable or async iterable.
            account: Whose messages they are.
            campaign: What they belong to; `outcomes()` and `progress()` tell of it.
            lane: `"bulk"` lets interactive messages overtake.

        Raises:
            JournalConflictError: The key of one stands for another message; those
                some hundreds before it may be in.
            UnknownAccountError: There is no such account.
            ValueError: An argument breaks its rule.
        """
        return await put_many(
            self._database, messages, account=account, lane=lane, campaign=campaign
        )

    async def send(
        self,
        message: Message,
        *,
        account: str,
        key: str | None = None,
        timeout: float = 30.0,
    ) -> SentMessage:
        """Put a message in and wait until the service has accepted it.

        Args:
            message: What to send.
            account: Whose message it is.
            key: As in `enqueue()`.
            timeout: Seconds for all of it. What has not left by then is taken back,
                unless it was in the table before this call put it in.

        Raises:
            RejectedError: The service said no; the subclass says why.
            UnsentError: Nothing was sent, and nothing will be. So end 429s that last
                for its whole timeout: a worker waits them out.
            UnknownOutcomeError: It may have been delivered; an `UndecidedError` where
                its end is not known yet, as where somebody else put it in. Also where
                its key's message ended so long ago that its end is forgotten.
            ClusterError: The database did not take it; with a key, send it again.
            ValueError: An argument breaks its rule.
        """
        deadline = loop_time() + check_seconds("timeout", timeout)
        outgoing = Outgoing.single(
            message, account=account, lane=Lane.INTERACTIVE, key=key
        )
        return await self._sending.send(outgoing, deadline=deadline)

    async def withdraw(self, ref: MessageRef) -> bool:
        """Take a message back; `False` where it may have left already."""
        return await self._sending.withdraw(ref)

    async def note_inbound(
        self,
        account: str,
        recipient_phone: str,
        *,
        sender_id: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """Note that somebody has written: for 24 hours free text needs no check.

        Args:
            account: Whom they wrote to.
            recipient_phone: E.164; also without the plus.
            sender_id: Which sender; `None` means the account's default.
            at: When, an aware time; `None` means now.

        Raises:
            UnknownAccountError: There is no such account.
        """
        if sender_id is not None:
            check_id("sender_id", sender_id)
        age = 0.0 if at is None else read_age_seconds("at", at, now=datetime.now(UTC))
        phone = read_inbound_phone("recipient_phone", recipient_phone)
        values = (check_account(account), sender_id, phone, age)
        try:
            await self._database.fetch(_NOTE, *values)
        except RefusedError as error:
            if error.code == NO_ACCOUNT:
                raise UnknownAccountError(account) from None
            raise

    # Out

    def outcomes(
        self, campaign: str, *, reader: str = "outcomes"
    ) -> AsyncIterator[Outcome]:
        """Yield how a campaign's messages end, each once, until all have.

        It goes on where this reader was, in whichever process; the last few may come
        again after a crash. One that was unknown comes again with its truth, where
        that is found out. It waits behind transactions of others on this server that
        have written something and are under way, and while an account is paused.

        Args:
            campaign: Which.
            reader: Who reads: each has a place of its own.

        Raises:
            ClusterError: A later call goes on in this reader's place, here or in
                another process: the one that reads last is the one that counts.
        """
        names = check_name("campaign", campaign), check_name("reader", reader)
        return read_outcomes(self._database, *names)

    async def outcome(self, ref: MessageRef) -> Outcome | None:
        """Return how a message ended.

        Returns:
            `None` where it has not, or was taken back, or ended so long ago that it
            is forgotten.
        """
        return await read_outcome(self._database, ref.id)

    async def delivery(
        self, ref: MessageRef, *, until: str = "delivered", timeout: float
    ) -> Delivery:
        """Wait until a message has come so far, or has failed.

        Its receipt may come in at any process whose `Webhooks` have a cluster's
        `deliveries`.

        Args:
            ref: The message, which need not be sent yet.
            until: `"sent"`, `"delivered"` or `"read"`.
            timeout: In seconds.

        Raises:
            TimeoutError: It has not, within this time.
            RejectedError: The service said no.
            UnknownOutcomeError: Nobody knows whether it was handed over.
            DeliveryStoreError: The receipts cannot be read.
        """
        deadline = loop_time() + check_seconds("timeout", timeout)
        goal = choose(Until, "until", until)
        async with asyncio.timeout_at(deadline):
            sent = await self._sending.until_accepted(ref)
        left = max(deadline - loop_time(), 0.001)
        return await self.deliveries.wait(sent, until=goal.value, timeout=left)

    async def progress(self, campaign: str) -> Progress:
        """Return how far a campaign has come; `taken` are those that were tried."""
        return await read_progress(self._database, check_name("campaign", campaign))

    async def status(self) -> ClusterStatus:
        """Return the workers, the accounts and who holds them, and what waits."""
        return await read_status(self._database)

    def unknown(self, account: str | None = None) -> AsyncIterator[Standing]:
        """Yield the messages of which nobody knows whether they were delivered."""
        return read_unknown(self._database, account)

    async def resolve(
        self, keys: Iterable[str], *, state: str, account: str | None = None
    ) -> int:
        """Settle unknown messages as you decided: all of them or none.

        Args:
            keys: Of the messages.
            state: `"accepted"`: it was delivered. `"new"`: it was not, send it again.
            account: Whose they are; needed where several have one of the keys.

        Returns:
            How many they were.

        Raises:
            JournalStateError: One is not unknown, or not there.
            ClusterError: The worker that lost it may still hand it over: wait for the
                end of its lease, some seconds.
        """
        wanted = choose(State, "state", state)
        if wanted is not State.ACCEPTED and wanted is not State.NEW:
            msg = f"state must be 'accepted' or 'new'; got {state!r}"
            raise ValueError(msg)
        if isinstance(keys, str):
            msg = f"keys must be a list of keys; got the text {show_key(keys)}"
            raise ValueError(msg)
        chosen = list(dict.fromkeys(check_name("key", key) for key in keys))
        whose = None if account is None else check_account(account)
        return await resolve(self._database, whose, chosen, state=wanted)

    # Accounts

    async def add_account(self, account: str) -> None:
        """Make an account known; its key is the workers' to know."""
        await self._database.fetch(_ADD, check_account(account))

    async def pause(self, account: str, *, why: str = "a user paused it") -> None:
        """Have nobody send for an account until `resume()`.

        Raises:
            UnknownAccountError: There is no such account.
        """
        await self._turn(account, _PAUSE, check_storable("why", check_text("why", why)))

    async def resume(self, account: str) -> None:
        """Let an account's messages go on.

        Raises:
            UnknownAccountError: There is no such account.
        """
        await self._turn(account, _RESUME)

    # Below

    async def _turn(self, account: str, sql: Any, *values: str) -> None:  # noqa: ANN401  # a literal
        if not await self._database.value(sql, check_account(account), *values):
            raise UnknownAccountError(account)


show_in("autocalls_async.cluster", "Cluster", of=globals())
