"""A journal in a file, which survives crashes and power cuts."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from autocalls_async.journal.entry import (
    Claims,
    Doubted,
    Draft,
    Ending,
    Entry,
    Resolved,
    SettledState,
    State,
    check_resolution,
    clean,
)
from autocalls_async.journal.memory import current_utc
from autocalls_async.journal.storage.group import GroupCommit
from autocalls_async.journal.storage.rows import to_instant, to_number
from autocalls_async.journal.storage.store import Durability, Store
from autocalls_async.model.values.naming import show_in


class SqliteJournal:
    """A journal in a SQLite file, which one process at a time may use.

    What `intend()` confirmed is on the disk: it survives a crash of the process
    and a power cut. The event loop never waits for the disk.

    It stops at the first failure to write, such as a full disk: nothing more is
    admitted or handed over until it is opened anew. How messages ended is tried
    again by `flush()` and `aclose()`; whatever is lost all the same is unknown
    at the next start. It can still be read.

    While it is open, and after a crash, files with `-wal` and `-shm` at the end
    of their names lie beside it: they are part of it. Copy it with them by
    `autocalls journal copy`: what is copied otherwise while it is open is refused
    until `autocalls journal adopt` has taken it over. A copy that was made after a
    clean close can't be told from its original. One of an earlier version is
    brought to this one as it is opened. The texts and numbers in it are not
    encrypted; it is made readable for its owner alone.

    Args:
        path: Where the file is, or is to be.
        now: Tells the aware wall-clock time.
    """

    def __init__(
        self, path: str | PathLike[str], *, now: Callable[[], datetime] = current_utc
    ) -> None:
        self._path = Path(path)
        self._now = now
        self._claims = Claims()
        self._group: GroupCommit | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def open(self) -> int:
        """Become its one owner, and take what was in flight for unknown."""
        if self._group is not None:
            msg = "the journal is open already"
            raise RuntimeError(msg)
        self._group = group = GroupCommit(self._path)
        self._claims = Claims()
        try:
            return await group.open(at=self._at())
        except BaseException:
            self._group = None
            raise

    def claim(self, key: str, *, owner: object, person: str | None = None) -> bool:
        """Claim a message for this owner alone; return whether it was free."""
        self._opened()
        return self._claims.claim(key, owner=owner, person=person)

    def release(self, key: str, *, owner: object) -> None:
        """Release a message that this owner has claimed."""
        self._claims.release(key, owner=owner)

    async def admit(self, key: str, *, content: str, recipient_phone: str) -> State:
        """Add a message as new, unless it is there; return the state it has."""
        draft = Draft(key=key, content=content, recipient_phone=recipient_phone)
        return (await self.admit_many([draft]))[0]

    async def admit_many(self, drafts: Iterable[Draft]) -> list[State]:
        """Do `admit()` for each, in one step."""
        group = self._writable()
        return await group.ask(Durability.LAZY, Store.admit, list(drafts), self._at())

    async def intend(
        self,
        key: str,
        *,
        fell_back: bool = False,
        outside_window: bool = False,
        once: bool = False,
    ) -> None:
        """Note, for good, that this message is about to leave."""
        group = self._writable()
        facts = (fell_back, outside_window)
        await group.ask(Durability.DURABLE, Store.intend, key, self._at(), facts, once)

    def may_leave(self, key: str) -> bool:  # noqa: ARG002  # the protocol's
        """Whether it is still open, and with that locked."""
        return self._group is not None

    def settle(
        self,
        key: str,
        *,
        state: SettledState,
        whatsapp_message_id: int | None = None,
        error: str | None = None,
        error_code: str | None = None,
        detail: str | None = None,
        ending: Ending | None = None,  # noqa: ARG002  # others' to tell
    ) -> None:
        """Note how an attempt ended, to be made durable with the next commit."""
        number = None if whatsapp_message_id is None else str(whatsapp_message_id)
        facts = (number, error, clean(error_code), clean(detail))
        self._opened().tell(Store.settle, key, state, self._at(), facts)

    async def flush(self) -> None:
        """Wait until all that was noted is durable."""
        await self._opened().flush()

    async def counts(self) -> Mapping[State, int]:
        """Return how many messages are in each state."""
        return await self._opened().ask(Durability.READ, Store.counts)

    async def entries(
        self, *states: State, fell_back: bool = False
    ) -> AsyncIterator[Entry]:
        """Yield the messages in these states, or all, in the order of addition.

        Some hundreds are read at a time: what changes meanwhile may be seen.
        """
        after = 0
        while True:
            which = states or tuple(State)
            page, after = await self._opened().ask(
                Durability.READ, Store.page, which, after, fell_back
            )
            if not page:
                return
            for entry in page:
                yield entry

    async def reached(
        self, sender_id: int, *, since: datetime
    ) -> AsyncIterator[tuple[str, datetime]]:
        """Yield whom a sender wrote to outside a window, with the last time of each."""
        begin, after = to_number(since), (-1, "")
        while True:
            page = await self._opened().ask(
                Durability.READ, Store.reached, sender_id, begin, after
            )
            if not page:
                return
            for person, at in page:
                yield person, to_instant(at)
            after = page[-1][::-1]

    async def resolve(
        self, keys: Iterable[str], *, state: Resolved, was: Doubted = State.UNKNOWN
    ) -> int:
        """Settle messages as the user decided; all of them or none."""
        check_resolution(state, was)
        chosen = tuple(dict.fromkeys(keys))
        group = self._writable()
        return await group.ask(
            Durability.DURABLE, Store.resolve, chosen, state, was, self._at()
        )

    async def aclose(self) -> None:
        """Make all durable and let go of the journal. A second call does nothing."""
        group, self._group = self._group, None
        if group is not None:
            await group.close()

    def _at(self) -> int:
        return to_number(self._now())

    def _opened(self) -> GroupCommit:
        if self._group is None:
            msg = "the journal is not open"
            raise RuntimeError(msg)
        return self._group

    def _writable(self) -> GroupCommit:
        group = self._opened()
        group.check()
        return group


show_in("autocalls_async.journal", "SqliteJournal", of=globals())
