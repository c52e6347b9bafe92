"""What can go wrong with a journal.

Pure: no I/O, no clock, no asyncio. No text holds a message or a whole number,
and none of SQLite's own words, which quote what is in a damaged file.
"""

from datetime import datetime
from pathlib import Path

from attrs import define

from autocalls_async.journal.entry import State
from autocalls_async.journal.keys import show_key
from autocalls_async.model.errors import AutocallsError
from autocalls_async.model.values.naming import show_in


@define(eq=False, slots=False, str=False, repr=False, kw_only=True, auto_exc=False)
class JournalError(AutocallsError):
    """The journal cannot be read or written. What it last confirmed is safe.

    Attributes:
        path: The journal's file.
        detail: What is wrong and, after a semicolon, what to do.
    """

    path: Path
    detail: str

    @property
    def summary(self) -> str:
        """What is wrong, without advice."""
        return f"journal {self.path.name}: {self.detail.partition('; ')[0]}"

    @property
    def advice(self) -> str:
        """What to do about it; empty where there is nothing to say."""
        return self.detail.partition("; ")[2]


@define(eq=False, slots=False, str=False, repr=False, kw_only=True, auto_exc=False)
class JournalLockedError(JournalError):
    """Another process is using the journal, as the text says.

    Attributes:
        pid: Its process id, where it is known; the others likewise.
        host: The name of its host.
        since: When it opened the journal.
    """

    pid: int | None = None
    host: str | None = None
    since: datetime | None = None


@define(eq=False, slots=False, str=False, repr=False, kw_only=True, auto_exc=False)
class JournalCopyError(JournalError):
    """What is there may lack messages that were sent, as the text says.

    It is a copy that was made while a run wrote the journal, or lost a part of it.
    Nothing can be sent by it until `autocalls journal adopt` has taken it over.
    """


class _KeyedError(ValueError):
    """It is about one message, which the text names by its key.

    Attributes:
        key: The message's key, whole.
    """

    def __init__(self, key: str) -> None:
        super().__init__()  # `args` would show the key, which may be a number
        self.key = key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class JournalConflictError(_KeyedError):
    """A message has the key of another one."""

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.key,)

    def __str__(self) -> str:
        return (
            f"message {show_key(self.key)} is in the journal with other content; "
            "give it another key, or use another journal"
        )


class JournalRepeatError(_KeyedError):
    """A message is for somebody who has, or may have, had another of the journal."""

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.key,)

    def __str__(self) -> str:
        return (
            f"message {show_key(self.key)} is for a recipient who has, or may have, "
            "had another one from this journal"
        )


class JournalStateError(_KeyedError):
    """A message is not in a state that allows this.

    Attributes:
        state: The state it is in; `None` where it is not in the journal.
        wanted: What was asked for.
    """

    def __init__(self, key: str, state: State | None, wanted: str) -> None:
        super().__init__(key)
        self.state = state
        self.wanted = wanted

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.key, self.state, self.wanted)

    def __str__(self) -> str:
        found = "not in the journal" if self.state is None else self.state.value
        return f"message {show_key(self.key)} is {found}; it cannot be {self.wanted}"


show_in("autocalls_async.journal", of=globals())
