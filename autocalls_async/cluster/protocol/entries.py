"""What the table says of an account's messages, a page at a time."""

from autocalls_async.cluster.protocol.database import Database, Row
from autocalls_async.journal import Entry, State

PAGE_COUNT = 256
_COLUMNS = (
    "key, content, recipient, state, attempt, added_at, handed_over_at, fell_back,"
    " outside_window, settled_at, whatsapp_message_id, error, error_code, detail"
)
_PAGE = f"""
SELECT id, {_COLUMNS} FROM autocalls.message
WHERE account = %s AND id > %s AND state = ANY (%s) AND fell_back >= %s
  AND content IS NOT NULL ORDER BY id LIMIT {PAGE_COUNT}
"""  # noqa: S608  # our own words


async def read_page(
    database: Database, account: str, *states: State, after: int, fell_back: bool
) -> list[tuple[int, Entry]]:
    """Return the next messages in these states, each with its number.

    Raises:
        ClusterError: They cannot be read.
    """
    which = [str(state) for state in states]
    rows = await database.fetch(_PAGE, account, after, which, fell_back)
    return [(row[0], to_entry(row[1:])) for row in rows]


def to_entry(row: Row) -> Entry:
    """Return what a row says of a message."""
    key, content, phone, state, attempts, added, handed, fell, outside, *rest = row
    settled_at, number, error, code, detail = rest
    return Entry(
        key=key,
        content=content or "",
        recipient_phone=phone,
        state=State(state),
        attempt_count=attempts,
        added_at=added,
        handed_over_at=handed,
        fell_back=fell,
        outside_window=outside,
        settled_at=settled_at,
        whatsapp_message_id=None if number is None else int(number),
        error=error,
        error_code=code,
        detail=detail,
    )
