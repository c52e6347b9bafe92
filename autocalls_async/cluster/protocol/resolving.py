"""What a user decides about messages of which nobody knows."""

from autocalls_async.cluster.protocol.database import Database
from autocalls_async.cluster.protocol.errors import WRONG_STATE, RefusedError
from autocalls_async.journal import JournalStateError, State
from autocalls_async.journal.entry import Doubted, Resolved

_RESOLVE = "SELECT autocalls.resolve(%s, %s::text[], %s, %s)"


async def resolve(
    database: Database,
    account: str | None,
    keys: list[str],
    *,
    state: Resolved,
    was: Doubted = State.UNKNOWN,
) -> int:
    """Settle messages as the user decided; all of them or none.

    Raises:
        JournalStateError: One is in another state, or is not there.
        ClusterError: A lost worker may still hand one over, or the database failed.
        ValueError: Several accounts have a message with one of the keys.
    """
    values = (account, keys, str(state), str(was))
    try:
        return int(await database.value(_RESOLVE, *values))
    except RefusedError as error:
        key = keys[error.number - 1]
        if error.code == WRONG_STATE and error.hint == "several":
            msg = "several accounts have a message with this key; name the account"
            raise ValueError(msg) from None
        if error.code == WRONG_STATE:
            found = State(error.hint) if error.hint else None
            raise JournalStateError(key, found, "resolved") from None
        raise
