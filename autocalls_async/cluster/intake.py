"""Messages into the table: one, or many in batches."""

from collections.abc import Sequence
from contextlib import aclosing

from autocalls_async.campaign.source import Source, check_source, each_of
from autocalls_async.cluster.outgoing import (
    ENQUEUE,
    PUT_MANY,
    Outgoing,
    explain,
    many_values,
)
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.records import Enqueued
from autocalls_async.model.messages import check_message

BATCH = 500
"""Messages that are put in at once."""


async def put_one(database: Database, outgoing: Outgoing) -> int:
    """Put a message in, in a transaction of its own; return its number.

    Raises:
        JournalConflictError: The key stands for another message.
        UnknownAccountError: There is no such account.
        ClusterError: The database did not do it.
    """
    try:
        return int(await database.value(ENQUEUE, *outgoing.values()))
    except ClusterError as error:
        raise explain(error, [outgoing]) from None


async def put_many(
    database: Database,
    messages: Source,
    *,
    account: str,
    lane: object,
    campaign: str | None,
) -> Enqueued:
    """Put many messages in, a batch at a time; return how many of them were new.

    Raises:
        JournalConflictError: The key of one stands for another message.
        UnknownAccountError: There is no such account.
        ClusterError: The database did not do it; earlier batches are in.
        ValueError: An argument breaks its rule.
    """
    check_source(messages)
    done, batch = Enqueued(new=0, known=0), list[Outgoing]()
    async with aclosing(each_of(messages)) as source:
        async for message in source:
            checked = check_message(message)
            batch.append(
                Outgoing.of(checked, account=account, lane=lane, campaign=campaign)
            )
            if len(batch) == BATCH:
                done += await _put_batch(database, batch)
                batch = []
    return done + await _put_batch(database, batch) if batch else done


async def _put_batch(database: Database, batch: Sequence[Outgoing]) -> Enqueued:
    try:
        new = int(await database.value(PUT_MANY, *many_values(batch)))
    except ClusterError as error:
        raise explain(error, batch) from None
    return Enqueued(new=new, known=len(batch) - new)
