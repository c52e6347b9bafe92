"""Putting messages into the table, in a transaction of ours or of the caller's."""

import sys
from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import uuid4

from attrs import frozen

from autocalls_async.cluster.accounts import check_account, check_name, check_storable
from autocalls_async.cluster.protocol.errors import KEY_CONFLICT, NO_ACCOUNT
from autocalls_async.journal import JournalConflictError
from autocalls_async.journal.keys import derive_key, identity_of, to_content
from autocalls_async.model.checks import choose
from autocalls_async.model.messages import Message, check_message
from autocalls_async.model.persons import person_of
from autocalls_async.model.values.naming import show_in
from autocalls_async.policy.lanes import Lane

ENQUEUE = (
    "SELECT autocalls.enqueue(%s::text, %s::text, %s::text, %s::text, %s::text,"
    " %s::text, %s::text, %s::text, %s::bigint)"
)
PUT = ENQUEUE.replace("SELECT autocalls.enqueue(", "SELECT * FROM autocalls.put(")
PUT_MANY = (
    "SELECT autocalls.put_many(%s::text, %s::text, %s::text[], %s::text[],"
    " %s::text[], %s::text, %s::text[], %s::text[], %s::bigint[])"
)

Values: TypeAlias = tuple[object, ...]


@frozen(kw_only=True)
class Outgoing:
    """A message as the table takes it."""

    account: str
    lane: Lane
    key: str
    recipient: str
    content: str
    campaign: str | None
    sender_id: int | None

    @classmethod
    def of(
        cls,
        message: Message,
        *,
        account: str,
        lane: object,
        key: str | None = None,
        campaign: str | None = None,
    ) -> "Outgoing":
        """Check what was given.

        Raises:
            ValueError: An argument breaks its rule.
        """
        sent = check_message(message)
        content = to_content(sent, sent.sender_id)
        chosen = sent.key if key is None else check_name("key", key)
        if campaign is not None:
            check_name("campaign", campaign)
        # Another campaign may say the same to the same person.
        prefix = "" if campaign is None else f"{campaign[:200]}:"
        return cls(
            account=check_account(account),
            lane=choose(Lane, "lane", lane),
            key=check_storable("key", chosen or "") or prefix + derive_key(content),
            recipient=sent.recipient_phone,
            content=content,
            campaign=campaign,
            sender_id=sent.sender_id,
        )

    @classmethod
    def single(
        cls,
        message: Message,
        *,
        account: str,
        lane: object,
        key: str | None,
        campaign: str | None = None,
    ) -> "Outgoing":
        """Check a message that is one of its own, where no key says otherwise.

        Raises:
            ValueError: An argument breaks its rule.
        """
        own = check_message(message).key or uuid4().hex
        return cls.of(
            message,
            account=account,
            lane=lane,
            key=own if key is None else key,
            campaign=campaign,
        )

    def values(self) -> Values:
        """Return the arguments of `autocalls.enqueue()`, in order."""
        return (
            *(self.account, str(self.lane), self.key, self.recipient, self.content),
            self.campaign,
            *(identity_of(self.content), person_of(self.recipient), self.sender_id),
        )


def many_values(batch: Sequence[Outgoing]) -> Values:
    """Return the arguments of `autocalls.put_many()`, in order."""
    first = batch[0]
    return (
        *(first.account, str(first.lane)),
        [one.key for one in batch],
        [one.recipient for one in batch],
        [one.content for one in batch],
        first.campaign,
        [identity_of(one.content) for one in batch],
        [person_of(one.recipient) for one in batch],
        [one.sender_id for one in batch],
    )


def explain(error: Exception, batch: Sequence[Outgoing]) -> Exception:
    """Return what a failure to enqueue means, whichever driver told it."""
    code = getattr(error, "code", None) or getattr(error, "sqlstate", None)
    origin = getattr(error, "orig", None)  # SQLAlchemy keeps the driver's own
    if origin is not None:
        code = getattr(origin, "sqlstate", None)
    if code == KEY_CONFLICT:
        number = getattr(error, "number", 1)
        return JournalConflictError(batch[number - 1].key)
    if code == NO_ACCOUNT:
        return UnknownAccountError(account=batch[0].account)
    return error


class UnknownAccountError(ValueError):
    """The cluster has no account of this name.

    Attributes:
        account: The name.
    """

    def __init__(self, account: str) -> None:
        super().__init__(account)
        self.account = account

    def __str__(self) -> str:
        return (
            f"the cluster has no account {self.account!r}; a worker that knows it makes"
            " it, or `autocalls cluster add`"
        )


async def enqueue_on(connection: Any, outgoing: Outgoing) -> int:  # noqa: ANN401  # of several drivers
    """Enqueue in the transaction that a caller's connection has open.

    Args:
        connection: Of psycopg, asyncpg or SQLAlchemy, its sessions included;
            asyncio's or not. One that blocks blocks the event loop, too.
        outgoing: The message.

    Raises:
        JournalConflictError: The key stands for another message.
        UnknownAccountError: There is no such account.
        ValueError: It is no connection of these.
    """
    try:
        return int(await _execute(connection, outgoing.values()))
    except Exception as error:
        told = explain(error, [outgoing])
        if told is error:
            raise
        raise told from None


async def _execute(connection: Any, values: Values) -> Any:  # noqa: ANN401  # as above
    """Do it in the driver's own way."""
    families = {kind.__module__.partition(".")[0] for kind in type(connection).__mro__}
    if "asyncpg" in families:
        numbered = ENQUEUE
        for number in range(1, len(values) + 1):
            numbered = numbered.replace("%s", f"${number}", 1)
        return await connection.fetchval(numbered, *values)
    if "sqlalchemy" in families:
        named = ENQUEUE
        for number in range(len(values)):
            named = named.replace("%s::", f":v{number}\\:\\:", 1)
        text = sys.modules["sqlalchemy"].text(named)
        given = {f"v{number}": value for number, value in enumerate(values)}
        return (await _maybe(connection.execute(text, given))).scalar()
    if "psycopg" in families:
        rows = sys.modules["psycopg"].rows  # the connection may make dicts of them
        cursor = connection.cursor(row_factory=rows.tuple_row)
        await _maybe(cursor.execute(ENQUEUE, values))
        return (await _maybe(cursor.fetchone()))[0]
    msg = "connection must be one of psycopg, asyncpg or SQLAlchemy"
    raise ValueError(msg)


async def _maybe(result: Any) -> Any:  # noqa: ANN401  # as above
    return await result if hasattr(result, "__await__") else result


show_in("autocalls_async.cluster", "UnknownAccountError", of=globals())
