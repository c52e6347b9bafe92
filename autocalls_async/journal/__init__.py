"""What became of each message of a campaign, across runs and crashes.

A message is *admitted* as new. Just before its first byte leaves, the *intent*
is noted for good; when its end is known, it is *settled*. What was in flight
when a run ended is unknown to the next one: it may have been delivered, so it
is never handed over again, unless the user *resolves* it.

A person is known by every spelling of their number: whoever is to get one message
of a campaign, and no more, is looked for by that.

The journal knows neither the network nor the API: only keys, contents, states.
"""

from typing import TYPE_CHECKING

from autocalls_async.journal.entry import (
    Doubted,
    Draft,
    Entry,
    Journal,
    Resolved,
    SettledState,
    State,
)
from autocalls_async.journal.errors import (
    JournalConflictError,
    JournalCopyError,
    JournalError,
    JournalLockedError,
    JournalRepeatError,
    JournalStateError,
)
from autocalls_async.journal.memory import MemoryJournal
from autocalls_async.model.later import find_later

if TYPE_CHECKING:
    from autocalls_async.journal.sqlite import SqliteJournal

__all__ = [
    "Doubted",
    "Draft",
    "Entry",
    "Journal",
    "JournalConflictError",
    "JournalCopyError",
    "JournalError",
    "JournalLockedError",
    "JournalRepeatError",
    "JournalStateError",
    "MemoryJournal",
    "Resolved",
    "SettledState",
    "SqliteJournal",
    "State",
]

if not TYPE_CHECKING:  # a checker that saw it would believe in any name
    # SQLite only where it is used
    __getattr__ = find_later(__name__, {"sqlite": "SqliteJournal"})
