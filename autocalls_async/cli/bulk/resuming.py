"""A campaign's rows held against its journal: what an earlier run has seen to."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from attrs import define, field

from autocalls_async.cli.rows.reader import BadRow, Row
from autocalls_async.cli.terminal.words import count
from autocalls_async.journal import Draft, Journal, JournalConflictError, State
from autocalls_async.journal.entry import MAY_LEAVE
from autocalls_async.journal.keys import derive_key, show_key, to_content
from autocalls_async.model.checks import choose_sender
from autocalls_async.model.messages import Message

_BATCH = 500
_MOST_LINES = 10


@define(kw_only=True)
class Standing:
    """Where a campaign stands before it goes on.

    Attributes:
        held: How many messages the journal holds, by state.
        lost_count: Those in flight when an earlier run ended; now unknown.
        rows: How many different messages the rows are, by state.
        repeated_lines: Lines of rows that are the same message as an earlier one.
        other_count: Messages in the journal that are none of the rows.
        other_left_count: Those of them that could still be sent.
        conflicts: Rows whose key stands for another message.
    """

    held: Counter[State] = field(factory=Counter)
    lost_count: int = 0
    rows: Counter[State] = field(factory=Counter)
    repeated_lines: list[int] = field(factory=list)
    other_count: int = 0
    other_left_count: int = 0
    conflicts: list[BadRow] = field(factory=list)
    _to_send: set[str] = field(factory=set)

    @property
    def total(self) -> int:
        """Different messages among the rows."""
        return self.rows.total()

    @property
    def to_send_count(self) -> int:
        """Messages that this run will send."""
        return sum(self.rows[state] for state in MAY_LEAVE)

    def add(self, key: str, state: State) -> None:
        """Count a row's message, and remember it if it is to be sent."""
        self.rows[state] += 1
        if state in MAY_LEAVE:
            self._to_send.add(key)

    def take(self, message: Message) -> bool:
        """Say whether a row's message is to be sent; a second time it is not."""
        key = draft_of(message).key
        if key not in self._to_send:
            return False
        self._to_send.remove(key)
        return True


def draft_of(message: Message) -> Draft:
    """Give what the journal keeps of a row's message."""
    content = to_content(message, choose_sender(message.sender_id, None))
    return Draft(
        key=message.key or derive_key(content),
        content=content,
        recipient_phone=message.recipient_phone,
    )


Known: TypeAlias = dict[str, tuple[int, State]]
"""By key, what the journal holds: a hash of the content, and the state."""


async def known_to(journal: Journal) -> Known:
    """Give what an open journal holds.

    Raises:
        JournalError: It cannot be read.
    """
    return {e.key: (hash(e.content), e.state) async for e in journal.entries()}


def compare(rows: Iterable[Row], known: Known) -> Standing:
    """Hold the rows against what a journal holds.

    Args:
        rows: Read once.
        known: Emptied of what the rows are.

    Raises:
        FileError: The rows cannot be read any more.
    """
    standing = Standing(held=Counter(state for _, state in known.values()))
    lines: dict[str, tuple[int, int]] = {}
    for row in rows:
        draft, number = draft_of(row.message), row.line_number
        content = hash(draft.content)
        if draft.key in lines:
            reason = _repeats(lines[draft.key], content, draft.key)
            if reason is None:
                standing.repeated_lines.append(number)
        else:
            lines[draft.key] = number, content
            kept, state = known.pop(draft.key, (content, State.NEW))
            reason = None if kept == content else str(JournalConflictError(draft.key))
            if reason is None:
                standing.add(draft.key, state)
        if reason is not None:
            standing.conflicts.append(BadRow(line_number=number, reason=reason))
    standing.other_count = len(known)
    standing.other_left_count = sum(s in MAY_LEAVE for _, s in known.values())
    return standing


def _repeats(first: tuple[int, int], content: int, key: str) -> str | None:
    """Say what is wrong with a key that an earlier row has."""
    line_number, known = first
    if known == content:
        return None
    return (
        f"its key {show_key(key)} is that of line {line_number}, "
        "and they are not the same message; give it another one"
    )


async def admit(rows: Iterable[Row], journal: Journal) -> None:
    """Add all messages to the journal, so that it knows what is left at any end.

    Raises:
        JournalError: They could not be kept.
    """
    drafts = (draft_of(row.message) for row in rows)
    while batch := list(itertools.islice(drafts, _BATCH)):
        await journal.admit_many(batch)


def describe_standing(standing: Standing, *, file: str, journal: Path) -> Iterator[str]:
    """Say what the journal holds, and what will be sent."""
    if standing.held:
        held = count(standing.held.total(), "message")
        yield f"journal {journal} holds {held}: {state_counts(standing.held)}"
    else:
        yield f"journal {journal} is new"
    if standing.lost_count:
        verb = "was" if standing.lost_count == 1 else "were"
        yield (
            f"{standing.lost_count:,} of the unknown {verb} under way when the last "
            "run ended"
        )
    before = standing.rows.copy()
    for state in MAY_LEAVE:
        del before[state]
    not_again = f"; not sent again: {state_counts(before)}" if before else ""
    total = count(standing.total, "message")
    yield f"{standing.to_send_count:,} of {total} in {file} will be sent{not_again}"
    if lines := standing.repeated_lines:
        shown = ", ".join(map(str, lines[:_MOST_LINES]))
        more = f" and {len(lines) - _MOST_LINES:,} more" if lines[_MOST_LINES:] else ""
        which = "line" if len(lines) == 1 else "lines"
        rows = count(len(lines), "row")
        yield f"skipped: {rows} as an earlier one, {which} {shown}{more}"
    if standing.other_count:
        others = count(standing.other_count, "message")
        yield f"in the journal but in no row here: {others}"


def state_counts(counts: Counter[State]) -> str:
    """Say how many are in each state: `118 accepted, 2 rejected`."""
    found = [(counts[state], state) for state in ORDER if counts[state]]
    return ", ".join(f"{number:,} {state.value}" for number, state in found)


ORDER = (
    State.ACCEPTED,
    State.REJECTED,
    State.UNSENT,
    State.UNKNOWN,
    State.IN_FLIGHT,
    State.NEW,
)
"""Of the states, as people are shown them."""
