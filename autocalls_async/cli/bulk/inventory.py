"""A campaign's rows, taken in once, and what is known of them: the inventory."""

import itertools
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TypeAlias

from attrs import define, field

from autocalls_async.campaign.plan import Plan
from autocalls_async.cli.bulk.remarks import Notices, Unsettled
from autocalls_async.cli.bulk.spool import Spool, Spooled
from autocalls_async.cli.rows.lines import FileError
from autocalls_async.cli.rows.reader import BadRow, Row, RowReader
from autocalls_async.cli.terminal.failures import describe
from autocalls_async.journal import Journal, JournalConflictError, State
from autocalls_async.journal.entry import MAY_LEAVE
from autocalls_async.journal.keys import show_key

MOST_BAD_ROWS = 20
"""Named before a campaign is sent; the others are counted."""

MOST_NUMBERS = 5
"""Shown as they were read."""

_BATCH = 500

Known: TypeAlias = dict[str, tuple[int, State]]
"""By key, what a journal holds: a hash of the content, and the state."""


@define(kw_only=True)
class Inventory:
    """What is known of a campaign before it goes on: its file, journal and plan.

    Attributes:
        good_count: Rows that can be sent.
        bad_rows: The first of those that cannot.
        unsettled: Those of the bad whose number only lacks how it is meant.
        notices: What somebody should look at before the others go.
        normalised: The first rows whose number was normalised.
        normalised_count: How many there are.
        states: How many different messages the rows are, by state; without a
            journal each row is one, and new.
        held: How many messages the journal holds, by state.
        lost_count: Those in flight when an earlier run ended; now unknown.
        repeated_lines: Lines of rows that are the same message as an earlier one.
        other_count: Messages in the journal that are none of the rows.
        other_left_count: Those of them that could still be sent.
        conflicts: Rows whose key stands for another message.
        plan: What the campaign would meet; `None` where the service was not asked.
        planned_lines: Of the plan's messages, in turn.
    """

    good_count: int = 0
    bad_count: int = 0
    bad_rows: list[BadRow] = field(factory=list)
    unsettled: Unsettled = field(factory=Unsettled)
    notices: Notices = field(factory=Notices)
    normalised: list[Row] = field(factory=list)
    normalised_count: int = 0

    states: Counter[State] = field(factory=Counter)
    held: Counter[State] = field(factory=Counter)
    lost_count: int = 0
    repeated_lines: list[int] = field(factory=list)
    other_count: int = 0
    other_left_count: int = 0
    conflicts: list[BadRow] = field(factory=list)

    plan: Plan | None = None
    planned_lines: "array[int]" = field(factory=lambda: array("Q"))

    def add(self, row: Row, *, most_numbers: int) -> None:
        """Count a row that can be sent, and keep what is told of it."""
        self.good_count += 1
        for notice in row.notices:
            self.notices.add(notice, row.line_number)
        if row.given_phone is not None:
            self.normalised_count += 1
            if self.normalised_count <= most_numbers:
                self.normalised.append(row)

    def add_bad(
        self, row: BadRow, tell: Callable[[BadRow], None], *, most: int | None
    ) -> None:
        """Count a row that cannot be sent; what many have in common is told at once."""
        self.bad_count += 1
        if row.settled_by:
            self.unsettled.add(row)
        is_kept = most is None or self.mendable_count <= most
        if is_kept and (most is None or not row.settled_by):
            self.bad_rows.append(row)
        if is_kept and not row.settled_by:
            tell(row)

    @property
    def mendable_count(self) -> int:
        """Rows that are bad for more than how their number is meant."""
        return self.bad_count - self.unsettled.row_count

    @property
    def row_count(self) -> int:
        """All rows."""
        return self.good_count + self.bad_count

    @property
    def total(self) -> int:
        """Different messages among the rows."""
        return self.states.total()

    @property
    def to_send_count(self) -> int:
        """Messages that this run will send."""
        return sum(self.states[state] for state in MAY_LEAVE)


def take_in(
    reader: RowReader,
    file: IO[bytes],
    spool: Spool,
    *,
    tell: Callable[[BadRow], None],
    most_bad: int | None = MOST_BAD_ROWS,
    most_numbers: int = MOST_NUMBERS,
) -> Inventory:
    """Check every row, and keep aside those that can be sent.

    Args:
        reader: Knows what a row must hold.
        file: Where the rows are. It is read once, from where it stands.
        spool: Where they are kept.
        tell: Given the bad rows, each as soon as it is found.
        most_bad: The bad rows to tell and to keep; `None` means all.
        most_numbers: The normalised numbers to keep.

    Raises:
        FileError: The file cannot be read as rows, or they cannot be kept.
    """
    found = Inventory()
    for row in _rows(reader, file):
        if isinstance(row, Row):
            spool.add(row)
            found.add(row, most_numbers=most_numbers)
        else:
            found.add_bad(row, tell, most=most_bad)
    spool.flush()
    found.states[State.NEW] = found.good_count
    return found


def _rows(reader: RowReader, file: IO[bytes]) -> Iterator[Row | BadRow]:
    try:
        yield from reader.read(file)
    except OSError as error:
        msg = f"it cannot be read any further: {describe(error)}"
        raise FileError(msg) from error


async def known_to(journal: Journal) -> Known:
    """Return what an open journal holds.

    Raises:
        JournalError: It cannot be read.
    """
    return {e.key: (hash(e.content), e.state) async for e in journal.entries()}


def compare(found: Inventory, spool: Spool, known: Known) -> None:
    """Hold the rows against what a journal holds; only what is to be sent is kept.

    Args:
        found: Told what comes of it.
        spool: The rows; those that are left are each another message.
        known: Emptied of what the rows are.

    Raises:
        FileError: The rows cannot be read any more.
    """
    found.held = Counter(state for _, state in known.values())
    found.states.clear()
    lines: dict[str, tuple[int, int]] = {}

    def is_wanted(row: Spooled) -> bool:
        content = hash(row.content)
        if row.key in lines:
            reason, state = _repeats(lines[row.key], content, row.key), None
            if reason is None:
                found.repeated_lines.append(row.line_number)
        else:
            lines[row.key] = row.line_number, content
            kept, state = known.pop(row.key, (content, State.NEW))
            reason = None if kept == content else str(JournalConflictError(row.key))
            if reason is None:
                found.states[state] += 1
        if reason is not None:
            bad = BadRow(line_number=row.line_number, reason=reason)
            found.conflicts.append(bad)
        return reason is None and state in MAY_LEAVE

    spool.sift(is_wanted)
    found.other_count = len(known)
    found.other_left_count = sum(s in MAY_LEAVE for _, s in known.values())


def _repeats(first: tuple[int, int], content: int, key: str) -> str | None:
    """Say what is wrong with a key that an earlier row has."""
    line_number, known = first
    if known == content:
        return None
    return (
        f"its key {show_key(key)} is that of line {line_number}, "
        "and they are not the same message; give it another one"
    )


async def admit(rows: Iterable[Spooled], journal: Journal) -> None:
    """Add all messages to the journal, so that it knows what is left at any end.

    Raises:
        JournalError: They could not be kept.
    """
    drafts = (row.draft() for row in rows)
    while batch := list(itertools.islice(drafts, _BATCH)):
        await journal.admit_many(batch)
