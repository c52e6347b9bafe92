"""Any order of telling, asking, crashing: both journals against a naive model."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

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

from autocalls_async import (
    Accepted,
    FreeformMessage,
    Outcome,
    Rejected,
    RejectedError,
    SentMessage,
    Unknown,
    UnknownOutcomeError,
    Unsent,
    UnsentError,
)
from autocalls_async.campaign.ledger import Ledger, LedgerPage
from autocalls_async.journal import (
    Journal,
    JournalConflictError,
    JournalStateError,
    MemoryJournal,
    Resolved,
    SettledState,
    SqliteJournal,
    State,
)
from autocalls_async.testing import VirtualTimeLoop
from tests.journal.support import PHONE, states
from tests.needs import examples

T = TypeVar("T")

KEYS = st.sampled_from("abcd")
MAY_LEAVE = {State.NEW, State.UNSENT}
MAY_CHANGE = {*MAY_LEAVE, State.REJECTED}
End: TypeAlias = Literal[State.ACCEPTED, State.REJECTED, State.UNSENT, State.UNKNOWN]
ENDS: st.SearchStrategy[End] = st.sampled_from(
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
        """Return the journal as after a restart."""
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
            if self.model[key] not in MAY_CHANGE:
                with pytest.raises(JournalConflictError):
                    self.run(admitting)
                return
            self.contents[key] = content
            self.model[key] = State.NEW
            self.fell_back.discard(key)

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

    @rule(key=KEYS, state=ENDS | st.just(State.NEW), is_flushed=st.booleans())
    def settle(self, key: str, state: SettledState, *, is_flushed: bool) -> None:
        """End one that may not have begun."""
        found = self.model.get(key)
        may_end = found is State.IN_FLIGHT or (
            found in {State.NEW, State.UNSENT}
            and state in {State.REJECTED, State.UNSENT}
        )
        # Withdrawn while its intent was on the way, it is new still.
        may_end |= found is state is State.NEW

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
        if state in MAY_LEAVE:
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


MESSAGES = {
    (key, text): FreeformMessage(
        recipient_phone=PHONE, message=text, sender_id=12, key=key
    )
    for key in "abcd"
    for text in "xy"
}
RUNS = st.sampled_from((0, 1))
BATCHES = st.lists(st.tuples(KEYS, st.sampled_from("xxxxy")), min_size=1, max_size=4)


def end(message: FreeformMessage, state: End) -> Outcome:
    """Return an outcome that is kept as this state."""
    match state:
        case State.ACCEPTED:
            return Accepted(message=message, sent=SentMessage(whatsapp_message_id=1))
        case State.REJECTED:
            return Rejected(message=message, error=RejectedError(status=422))
        case State.UNSENT:
            return Unsent(message=message, error=UnsentError(detail="no way"))
        case State.UNKNOWN:
            return Unknown(message=message, error=UnknownOutcomeError(detail="cut"))


class RunsOverOneJournal(RuleBasedStateMachine):
    """Two runs are lent one open journal.

    The model: a dict of states, one of contents, and by key whose page it is.
    """

    journal: Journal

    @initialize(is_file=st.booleans())
    def start(self, *, is_file: bool) -> None:
        """Begin with an empty journal of either kind, and two runs."""
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "run.db"
        self.journal = SqliteJournal(path) if is_file else MemoryJournal()
        self.model: dict[str, State] = {}
        self.contents: dict[str, str] = {}
        self.before: dict[str, State] = {}  # its intent
        self.pages: dict[str, tuple[int, LedgerPage]] = {}
        self.old_pages: list[LedgerPage] = []
        self.run(self.journal.open())
        self.runs = Ledger(self.journal), Ledger(self.journal)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to its end."""
        return self.runner.run(work)

    def expect(self, batch: list[tuple[str, str]]) -> tuple[list[str], str | None]:
        """Take a batch into the model; give the keys that are free, and a conflict."""
        free: list[str] = []
        claimed = set(self.pages)
        for key, content in batch:
            is_ours = key not in claimed
            claimed.add(key)
            state = self.model.setdefault(key, State.NEW)
            if self.contents.setdefault(key, content) != content:
                if not is_ours or state not in MAY_CHANGE:
                    return [], key
                self.contents[key] = content
                state = self.model[key] = State.NEW
            if is_ours and state in MAY_LEAVE:
                free.append(key)
        return free, None

    def check(
        self, run: int, batch: list[tuple[str, str]], got: list[LedgerPage | None]
    ) -> None:
        """Compare the pages that a run got, and keep them."""
        free, _ = self.expect(batch)
        pages = {key: page for (key, _), page in zip(batch, got, strict=True) if page}
        assert list(pages) == free
        assert len(pages) == sum(page is not None for page in got)
        self.pages |= {key: (run, page) for key, page in pages.items()}

    @rule(run=RUNS, batch=BATCHES)
    def take_in(self, run: int, batch: list[tuple[str, str]]) -> None:
        """Let a run read some messages, of which another may have some."""
        read = [(MESSAGES[each], 12) for each in batch]
        before = self.model.copy(), self.contents.copy()

        if self.expect(batch)[1] is not None:
            with pytest.raises(JournalConflictError):
                self.run(self.runs[run].admit(read))
            return

        self.model, self.contents = before
        self.check(run, batch, self.run(self.runs[run].admit(read)))

    @rule(keys=st.lists(KEYS, min_size=1, max_size=4))
    def take_in_both_at_once(self, keys: list[str]) -> None:
        """Let both runs read the same messages in the same moment."""
        batch = [(key, self.contents.get(key, "x")) for key in keys]
        read = [(MESSAGES[each], 12) for each in batch]

        async def both() -> list[list[LedgerPage | None]]:
            return await asyncio.gather(*(run.admit(read) for run in self.runs))

        got = self.run(both())
        self.check(0, batch, got[0])
        self.check(1, batch, got[1])

    @rule(run=RUNS, key=KEYS, step_count=st.integers(0, 6))
    def give_up_taking_in(self, run: int, key: str, step_count: int) -> None:
        """Cancel it at any step; what it had claimed is free again."""
        content = self.contents.get(key, "x")

        async def cancel() -> None:
            admitting = asyncio.create_task(
                self.runs[run].admit([(MESSAGES[key, content], 12)])
            )
            for _ in range(step_count):
                await asyncio.sleep(0)
            admitting.cancel()
            await asyncio.wait([admitting])
            await self.journal.flush()
            if not admitting.cancelled():
                for page in admitting.result():
                    if page is not None:
                        page.let_go()

        self.run(cancel())
        for entry in self.run(states(self.journal)):
            self.contents.setdefault(entry, content)
            self.model.setdefault(entry, State.NEW)

    @rule(key=KEYS, fell_back=st.booleans())
    def leave(self, key: str, *, fell_back: bool) -> None:
        """Hand a message over, if a run has it and it is not on its way."""
        if key in self.pages and self.model[key] in MAY_LEAVE:
            self.run(
                self.pages[key][1].leaving(fell_back=fell_back, outside_window=False)
            )
            self.before[key], self.model[key] = self.model[key], State.IN_FLIGHT

    @rule(key=KEYS)
    def come_back(self, key: str) -> None:
        """Let one that surely did nothing wait for another attempt."""
        if self.model.get(key) is State.IN_FLIGHT and key in self.pages:
            self.run(self._do(self.pages[key][1].came_back))
            self.model[key] = State.UNSENT

    @rule(key=KEYS)
    def stay(self, key: str) -> None:
        """Let one that was about to leave wait for another attempt."""
        if self.model.get(key) is State.IN_FLIGHT and key in self.pages:
            self.run(self._do(self.pages[key][1].stayed))
            self.model[key] = self.before[key]

    @rule(key=KEYS, state=ENDS, is_withdrawn=st.booleans())
    def settle(self, key: str, state: End, *, is_withdrawn: bool) -> None:
        """End one, if a run has it."""
        if key not in self.pages:
            return
        is_out = self.model[key] is State.IN_FLIGHT
        if not is_out and state not in {State.UNSENT, State.REJECTED}:
            return
        is_withdrawn &= state is State.UNSENT
        _, page = self.pages.pop(key)
        outcome = end(MESSAGES[key, self.contents[key]], state)

        self.run(self._do(lambda: page.settle(outcome, is_withdrawn=is_withdrawn)))
        if not is_withdrawn:
            self.model[key] = state
        elif is_out:
            self.model[key] = self.before[key]

    @rule(run=RUNS)
    def abandon(self, run: int) -> None:
        """Leave a run: all that has not left is withdrawn."""
        mine = [key for key, (owner, _) in self.pages.items() if owner == run]
        for key in mine:
            if self.model[key] is not State.IN_FLIGHT:
                self.settle(key, State.UNSENT, is_withdrawn=True)

    @precondition(lambda self: hasattr(self, "journal"))
    @rule()
    def start_again(self) -> None:
        """Close and open it anew; the pages of before mean nothing to it."""
        self.run(self.journal.aclose())
        self.run(self.journal.open())
        self.old_pages += [page for _, page in self.pages.values()]
        self.pages = {}
        self.model = {
            key: State.UNKNOWN if state is State.IN_FLIGHT else state
            for key, state in self.model.items()
        }

    @rule()
    def let_old_pages_go(self) -> None:
        """Let those of before the restart go: whoever has the messages keeps them."""
        for page in self.old_pages:
            page.let_go()

    @invariant()
    def agree(self) -> None:
        """Compare the states, and who may claim what."""
        if not hasattr(self, "journal"):
            return
        assert self.run(states(self.journal)) == self.model
        for key in "abcd":
            is_free = self.journal.claim(key, owner=self)
            assert is_free == (key not in self.pages)
            self.journal.release(key, owner=self)

    async def _do(self, work: Callable[[], None]) -> None:
        work()
        await self.journal.flush()

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "journal"):
            self.run(self.journal.aclose())
            self.runner.close()
            self.folder.cleanup()


JournalsAgainstAModel.TestCase.settings = settings(
    max_examples=examples(25), stateful_step_count=20, deadline=None
)
RunsOverOneJournal.TestCase.settings = settings(
    max_examples=examples(40), stateful_step_count=25, deadline=None
)
TestJournals = JournalsAgainstAModel.TestCase
TestRuns = RunsOverOneJournal.TestCase
