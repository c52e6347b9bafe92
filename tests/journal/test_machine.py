"""Any order of telling, asking, crashing: both journals against a naive model."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from autocalls_async.journal import (
    Journal,
    JournalConflictError,
    JournalStateError,
    MemoryJournal,
    Resolved,
    Settled,
    SqliteJournal,
    State,
)
from autocalls_async.testing import VirtualTimeLoop
from tests.journal.support import PHONE, states

T = TypeVar("T")

KEYS = st.sampled_from("abcd")
ENDS: st.SearchStrategy[Settled] = st.sampled_from(
    (State.ACCEPTED, State.REJECTED, State.UNSENT, State.UNKNOWN)
)
RESOLVED: st.SearchStrategy[Resolved] = st.sampled_from((State.ACCEPTED, State.NEW))


class JournalsAgainstAModel(RuleBasedStateMachine):
    """The model: a dict of states, one of contents, and who fell back."""

    journal: Journal

    @initialize(is_file=st.booleans())
    def start(self, *, is_file: bool) -> None:
        """Begin with an empty journal of either kind."""
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.folder = tempfile.TemporaryDirectory()
        self.is_file = is_file
        self.model: dict[str, State] = {}
        self.contents: dict[str, str] = {}
        self.fell_back: set[str] = set()
        self.journal = self.make()
        self.run(self.journal.open())

    def make(self) -> Journal:
        """Give the journal as after a restart."""
        if self.is_file:
            return SqliteJournal(Path(self.folder.name) / "run.db")
        return MemoryJournal() if not self.model else self.journal

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to its end."""
        return self.runner.run(work)

    @rule(key=KEYS, content=st.sampled_from("xxy"))
    def admit(self, key: str, content: str) -> None:
        """Add one that may be there."""
        admitting = self.journal.admit(key, content=content, recipient_phone=PHONE)

        if self.contents.setdefault(key, content) != content:
            with pytest.raises(JournalConflictError):
                self.run(admitting)
            return

        assert self.run(admitting) is self.model.setdefault(key, State.NEW)

    @rule(key=KEYS, fell_back=st.booleans())
    def intend(self, key: str, *, fell_back: bool) -> None:
        """Hand one over that may have been."""
        if self.model.get(key) not in {State.NEW, State.UNSENT}:
            with pytest.raises(JournalStateError):
                self.run(self.journal.intend(key))
            return

        self.run(self.journal.intend(key, fell_back=fell_back))
        self.model[key] = State.IN_FLIGHT
        (self.fell_back.add if fell_back else self.fell_back.discard)(key)

    @rule(key=KEYS, state=ENDS, is_flushed=st.booleans())
    def settle(self, key: str, state: Settled, *, is_flushed: bool) -> None:
        """End one that may not have begun."""
        found = self.model.get(key)
        may_end = found is State.IN_FLIGHT or (
            found in {State.NEW, State.UNSENT}
            and state in {State.REJECTED, State.UNSENT}
        )

        async def settle() -> None:
            self.journal.settle(key, state=state)
            if is_flushed or not may_end:
                await self.journal.flush()

        if not may_end:
            with pytest.raises(JournalStateError):
                self.run(settle())
            return
        self.run(settle())
        self.model[key] = state
        if state is State.UNSENT:
            self.fell_back.discard(key)

    @rule(keys=st.lists(KEYS, max_size=3), state=RESOLVED)
    def resolve(self, keys: list[str], state: Resolved) -> None:
        """Resolve some that may not be unknown."""
        if any(self.model.get(key) is not State.UNKNOWN for key in keys):
            with pytest.raises(JournalStateError):
                self.run(self.journal.resolve(keys, state=state))
            return

        assert self.run(self.journal.resolve(keys, state=state)) == len(set(keys))
        self.model.update(dict.fromkeys(keys, state))
        if state is State.NEW:
            self.fell_back.difference_update(keys)

    @precondition(lambda self: hasattr(self, "journal"))
    @rule()
    def start_again(self) -> None:
        """Close it and open it anew."""
        self.run(self.journal.aclose())
        self.journal = self.make()

        lost_count = self.run(self.journal.open())

        lost = [key for key in self.model if self.model[key] is State.IN_FLIGHT]
        assert lost_count == len(lost)
        self.model.update(dict.fromkeys(lost, State.UNKNOWN))

    @invariant()
    def agree(self) -> None:
        """Compare what can be asked."""
        if not hasattr(self, "journal"):
            return
        found = self.run(states(self.journal))
        counts = self.run(self._counts())

        assert self.run(self._fell_back()) == self.fell_back
        assert found == self.model
        assert list(found) == list(self.model)
        assert counts == {s: list(self.model.values()).count(s) for s in State}

    async def _fell_back(self) -> set[str]:
        return {entry.key async for entry in self.journal.entries(fell_back=True)}

    async def _counts(self) -> dict[State, int]:
        return dict(await self.journal.counts())

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "journal"):
            self.run(self.journal.aclose())
            self.runner.close()
            self.folder.cleanup()


JournalsAgainstAModel.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None
)
TestJournals = JournalsAgainstAModel.TestCase
