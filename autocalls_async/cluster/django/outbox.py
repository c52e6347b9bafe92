"""`enqueue` on a connection of Django's."""

from django.db import DEFAULT_DB_ALIAS, connections

from autocalls_async.client.settings import LaneName
from autocalls_async.cluster.outgoing import ENQUEUE, Outgoing, explain
from autocalls_async.cluster.records import MessageRef
from autocalls_async.model.messages import Message


def enqueue(
    message: Message,
    *,
    account: str,
    lane: LaneName = "interactive",
    key: str | None = None,
    campaign: str | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> MessageRef:
    """Put a message in, in the transaction that is open: rolled back, it never was.

    Args:
        message: What to send.
        account: Whose message it is.
        lane: `"interactive"` goes before `"bulk"`.
        key: As in `Cluster.enqueue()`.
        campaign: What it belongs to.
        using: Which of Django's databases.

    Raises:
        JournalConflictError: The key stands for another message.
        UnknownAccountError: There is no such account.
        ValueError: An argument breaks its rule.
    """
    outgoing = Outgoing.single(
        message, account=account, lane=lane, key=key, campaign=campaign
    )
    with connections[using].cursor() as cursor:
        try:
            cursor.execute(ENQUEUE, outgoing.values())
        except Exception as error:
            told = explain(error, [outgoing])
            if told is error:
                raise
            raise told from None
        (number,) = cursor.fetchone()
    return MessageRef(id=number, account=account, key=outgoing.key)
