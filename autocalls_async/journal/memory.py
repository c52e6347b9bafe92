"""A journal that lives as long as its process: for tests, and for runs that may."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from attrs import evolve

from autocalls_async.journal.entry import (
    LOST_DETAIL,
    LOST_ERROR,
    MAY_CHANGE,
    MAY_HAVE_REACHED,
    MAY_LEAVE,
    RESOLVED_DETAIL,
    SETTLES_FROM,
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
from autocalls_async.journal.errors import (
    JournalConflictError,
    JournalRepeatError,
    JournalStateError,
)
from autocalls_async.journal.keys import sender_of
from autocalls_async.model.values.naming import show_in

_NO_END: dict[str, Any] = dict.fromkeys(
    ("settled_at", "whatsapp_message_id", "error", "error_code", "detail")
)
_NEVER_LEFT: dict[str, Any] = _NO_END | {
    "state": State.NEW,
    "handed_over_at": None,
    "fell_back": False,
    "outside_window": False,
}


def current_utc() -> datetime:
    """Return the wall-clock time."""
    return datetime.now(UTC)


class MemoryJournal:
    """A journal in memory. It can be closed and opened again, as after a crash.

    Args:
        now: Tells the aware wall-clock time.
    """

    def __init__(self, *, now: Callable[[], datetime] = current_utc) -> None:
        self._now = now
        self._entries: dict[str, Entry] = {}
        self._keys_of: defaultdict[str, set[str]] = defaultdict(set)  # by person
        self._claims = Claims()
        self._is_open = False
        self._fault: JournalStateError | None = None

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
        """Mark what was in flight as unknown, and return how many that were."""
        if self._is_open:
            msg = "the journal is open already"
            raise RuntimeError(msg)
        self._is_open = True
        self._claims = Claims()
        lost = [e for e in self._entries.values() if e.state is State.IN_FLIGHT]
        for entry in lost:
            self._put(
                entry,
                state=State.UNKNOWN,
                settled_at=self._now(),
                error=LOST_ERROR,
                detail=LOST_DETAIL,
            )
        return len(lost)

    def claim(self, key: str, *, owner: object, person: str | None = None) -> bool:
        """Claim a message for this owner alone; return whether it was free."""
        self._check_open()
        return self._claims.claim(key, owner=owner, person=person)

    def release(self, key: str, *, owner: object) -> None:
        """Release a message that this owner has claimed."""
        self._claims.release(key, owner=owner)

    async def admit(self, key: str, *, content: str, recipient_phone: str) -> State:
        """Add a message as new, unless it is there; return the state it has."""
        draft = Draft(key=key, content=content, recipient_phone=recipient_phone)
        return (await self.admit_many([draft]))[0]

    async def admit_many(self, drafts: Iterable[Draft]) -> list[State]:
        """Do `admit()` for each."""
        self._check_open()
        return [self._admit(draft) for draft in drafts]

    async def intend(
        self,
        key: str,
        *,
        fell_back: bool = False,
        outside_window: bool = False,
        once: bool = False,
    ) -> None:
        """Note that this message is about to leave."""
        self._check_open()
        entry = self._get(key, MAY_LEAVE, "handed over")
        if once and self._other(key, entry.person) is not None:
            raise JournalRepeatError(key)
        self._put(
            entry,
            state=State.IN_FLIGHT,
            attempt_count=entry.attempt_count + 1,
            handed_over_at=self._now(),
            fell_back=fell_back,
            outside_window=outside_window,
            **_NO_END,
        )

    def may_leave(self, key: str) -> bool:  # noqa: ARG002  # the protocol's
        """Whether it is still open."""
        return self._is_open

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
        """Note how an attempt ended; a fault is raised by `flush()` or `aclose()`."""
        self._check_open()
        try:
            entry = self._get(key, SETTLES_FROM[state], f"settled as {state}")
        except JournalStateError as fault:
            self._fault = self._fault or fault
            return
        may_leave = state in MAY_LEAVE
        self._put(
            entry,
            state=state,
            handed_over_at=None if may_leave else entry.handed_over_at,
            fell_back=entry.fell_back and not may_leave,
            outside_window=entry.outside_window and not may_leave,
            settled_at=None if state is State.NEW else self._now(),
            whatsapp_message_id=whatsapp_message_id,
            error=error,
            error_code=clean(error_code),
            detail=clean(detail),
        )

    async def flush(self) -> None:
        """Raise what went wrong with `settle()`."""
        self._check_open()
        self._raise_fault()

    async def counts(self) -> Mapping[State, int]:
        """Return how many messages are in each state."""
        self._check_open()
        counts = dict.fromkeys(State, 0)
        for entry in self._entries.values():
            counts[entry.state] += 1
        return counts

    async def entries(
        self, *states: State, fell_back: bool = False
    ) -> AsyncIterator[Entry]:
        """Yield the messages in these states, or all, in the order of addition."""
        self._check_open()
        for key in list(self._entries):
            entry = self._entries[key]
            is_wanted = entry.fell_back >= fell_back
            if is_wanted and (not states or entry.state in states):
                yield entry

    async def reached(
        self, sender_id: int, *, since: datetime
    ) -> AsyncIterator[tuple[str, datetime]]:
        """Yield whom a sender wrote to outside a window, with the last time of each."""
        self._check_open()
        last: dict[str, datetime] = {}
        for entry in self._entries.values():
            at = entry.handed_over_at
            counts = entry.outside_window and entry.state in MAY_HAVE_REACHED
            is_its = counts and sender_of(entry.content) == sender_id
            if is_its and at is not None and at > since:
                last[entry.person] = max(at, last.get(entry.person, at))
        for person, at in sorted(last.items(), key=lambda found: found[::-1]):
            yield person, at

    async def resolve(
        self, keys: Iterable[str], *, state: Resolved, was: Doubted = State.UNKNOWN
    ) -> int:
        """Settle messages as the user decided; all of them or none."""
        self._check_open()
        check_resolution(state, was)
        chosen = {key: self._get(key, frozenset({was}), "resolved") for key in keys}
        for entry in chosen.values():
            if state is State.NEW:
                self._put(entry, **_NEVER_LEFT)
            else:
                ending = {"settled_at": self._now(), "detail": RESOLVED_DETAIL}
                self._put(entry, state=state, **_NO_END | ending)
        return len(chosen)

    async def aclose(self) -> None:
        """Close it; what it knows stays."""
        self._is_open = False
        self._raise_fault()

    def _admit(self, draft: Draft) -> State:
        if draft.once and (had := self._other(draft.key, draft.person)) is not None:
            return had
        entry = self._entries.get(draft.key)
        if entry is None:
            return self._add(draft) if draft.is_claimed else State.NEW
        if not draft.is_claimed or entry.state not in MAY_CHANGE:
            if entry.identity != draft.identity:
                raise JournalConflictError(draft.key)
            return entry.state
        changed = _NEVER_LEFT if entry.identity != draft.identity else {}
        self._keys_of[entry.person].discard(draft.key)
        self._keys_of[draft.person].add(draft.key)
        self._put(
            entry,
            content=draft.content,
            recipient_phone=draft.recipient_phone,
            **changed,
        )
        return self._entries[draft.key].state

    def _add(self, draft: Draft) -> State:
        self._keys_of[draft.person].add(draft.key)
        self._entries[draft.key] = Entry(
            key=draft.key,
            content=draft.content,
            recipient_phone=draft.recipient_phone,
            added_at=self._now(),
        )
        return State.NEW

    def _other(self, key: str, person: str) -> State | None:
        """Return the state of another message that a person had, or may have had."""
        others = self._keys_of[person] - {key}
        states = {self._entries[other].state for other in others}
        return next(iter(states & MAY_HAVE_REACHED), None)

    def _get(self, key: str, allowed: frozenset[State], wanted: str) -> Entry:
        entry = self._entries.get(key)
        if entry is None:
            raise JournalStateError(key, None, wanted)
        if entry.state not in allowed:
            raise JournalStateError(key, entry.state, wanted)
        return entry

    def _put(self, entry: Entry, **changes: Any) -> None:  # noqa: ANN401  # any field
        self._entries[entry.key] = evolve(entry, **changes)

    def _check_open(self) -> None:
        if not self._is_open:
            msg = "the journal is not open"
            raise RuntimeError(msg)

    def _raise_fault(self) -> None:
        if (fault := self._fault) is not None:
            self._fault = None
            raise fault


show_in("autocalls_async.journal", "MemoryJournal", of=globals())
