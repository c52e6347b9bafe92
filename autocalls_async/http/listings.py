"""What the service lists, and tells of an account and of conversations, read.

Pure: no I/O, no clock, no asyncio. Few programs ask for any of it.
"""

from autocalls_async.http.replies import read_shape
from autocalls_async.http.reply import Reply
from autocalls_async.model.listings import (
    Account,
    Conversation,
    HistoryEntry,
    Sender,
    Template,
)


def read_senders(reply: Reply) -> tuple[Sender, ...]:
    """Read the account's senders.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return read_shape(reply, tuple[Sender, ...], key="data")


def read_templates(reply: Reply) -> tuple[Template, ...]:
    """Read a sender's templates.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return read_shape(reply, tuple[Template, ...], key="data")


def read_account(reply: Reply) -> Account:
    """Read whose key this is.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return read_shape(reply, Account)


def read_conversations(reply: Reply) -> tuple[tuple[Conversation, ...], str | None]:
    """Read one page of the listing of conversations, and the next one's cursor.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    rows = read_shape(reply, tuple[Conversation, ...], key="data")
    return rows, reply.first_text("next_cursor")


def read_history(reply: Reply) -> tuple[HistoryEntry, ...]:
    """Read what was said in a conversation, in its order.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return read_shape(reply, tuple[HistoryEntry, ...], key="history")
