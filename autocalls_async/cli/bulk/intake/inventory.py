"""A campaign's rows, taken in once, and what is known of them: the inventory."""

import itertools
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TypeVar

from attrs import define, field

from autocalls_async.campaign.planning.plan import Plan
from autocalls_async.cli.bulk.intake.notices import Lines, Notices, Unsettled
from autocalls_async.cli.bulk.intake.register import Choice, Fate
from autocalls_async.cli.bulk.intake.spool import Spool, Spooled
from autocalls_async.cli.rows.reader import BadRow, Row, RowReader
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.terminal.failures import os_reason
from autocalls_async.cli.texts.arriving import arriving
from autocalls_async.journal import Journal, State
from autocalls_async.journal.entry import MAY_LEAVE
from autocalls_async.model.messages import FreeformMessage

MOST_BAD_ROWS = 20
"""Named before a campaign is sent; the others are counted."""

MOST_NUMBERS = 5
"""Shown as they were read."""

_BATCH = 500

T = TypeVar("T")


@define(kw_only=True)
class Inventory:
    """What is known of a campaign before it goes on: its file, journal and plan.

    Attributes:
        good_count: Rows that can be sent.
        bad_rows: The first of those that cannot.
        unsettled: Those of the bad whose number only lacks how it is meant.
        notices: What somebody should look at before the others go.
        warnings: The same of the options.
        first: The first rows that are to be sent.
        normalised: The first rows whose number was normalised.
        normalised_count: How many there are.
        states: How many different messages the rows are, by state; without a
            journal each row is one, and new.
        held: How many messages the journal holds, by state.
        lost_count: Those in flight when an earlier run ended; now unknown.
        repeated: Rows for somebody who has an earlier one, unless that is surely
            meant.
        meant: Such rows where it is: each has a key of its own.
        renamed: Rows that say again what somebody had by a key that no row has now.
        fates: Rows that are not sent, by why.
        retried_count: Messages that were rejected and are sent again.
        unmet: Reasons to send again what was rejected for them, and nothing was.
        reasons: Why rows were rejected before, and how often.
        other_count: Messages in the journal that are none of the rows.
        left_behind_count: Those in the journal that could be sent, and are not.
        plan: What the campaign would meet; `None` where the service was not asked.
        planned_lines: Of the plan's messages, in turn.
    """

    good_count: int = 0
    bad_count: int = 0
    bad_rows: list[BadRow] = field(factory=list)
    unsettled: Unsettled = field(factory=Unsettled)
    notices: Notices = field(factory=Notices)
    warnings: list[str] = field(factory=list)
    first: list[Spooled] = field(factory=list)
    normalised: list[Row] = field(factory=list)
    normalised_count: int = 0

    states: Counter[State] = field(factory=Counter)
    held: Counter[State] = field(factory=Counter)
    lost_count: int = 0
    repeated: Lines = field(factory=Lines)
    meant: Lines = field(factory=Lines)
    renamed: Lines = field(factory=Lines)
    fates: dict[Fate, Lines] = field(factory=dict)
    retried_count: int = 0
    unmet: list[str] = field(factory=list)
    reasons: Counter[str] = field(factory=Counter)
    other_count: int = 0
    left_behind_count: int = 0

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

    def text_of(self, row: Spooled) -> str:
        """Return a row's text as it will arrive, as far as its template is known."""
        message = row.message()
        if isinstance(message, FreeformMessage) or self.plan is None:
            return arriving(message)
        known = (
            load.template
            for load in self.plan.templates
            if load.template_id == message.template_id
        )
        return arriving(message, next(known, None))

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
    keys_matter: bool = False,
) -> Inventory:
    """Check every row, and keep aside those that can be sent.

    Args:
        reader: Knows what a row must hold.
        file: Where the rows are. It is read once, from where it stands.
        spool: Where they are kept.
        tell: Given the bad rows, each as soon as it is found.
        most_bad: The bad rows to tell and to keep; `None` means all.
        most_numbers: The normalised numbers to keep.
        keys_matter: One key stands for one message, as for a journal.

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
    spool.register.look(keys_matter=keys_matter)
    found.repeated, found.meant = spool.register.repeated, spool.register.meant
    found.states[State.NEW] = found.good_count
    return found


def _rows(reader: RowReader, file: IO[bytes]) -> Iterator[Row | BadRow]:
    try:
        yield from reader.read(file)
    except OSError as error:
        msg = f"it cannot be read any further: {os_reason(error)}"
        raise FileError(msg) from error


async def know_all_of(journal: Journal, spool: Spool) -> None:
    """Add what an open journal holds.

    Raises:
        JournalError: It cannot be read.
    """
    async for entry in journal.entries():
        spool.register.know(entry)


def compare(found: Inventory, spool: Spool, choice: Choice) -> None:
    """Hold the rows against each other and what was taken in of a journal.

    Args:
        found: Told what comes of it.
        spool: The rows; only those that are to be sent are left.
        choice: What is done with rows that somebody has to decide about.

    Raises:
        FileError: The rows cannot be read any more.
    """
    register = spool.register
    register.judge(choice)
    found.states, found.held = register.states, register.held
    found.renamed = register.renamed
    found.fates = {fate: register.rows_with(fate) for fate in Fate}
    found.retried_count = sum(1 for _ in register.retried_keys())
    found.unmet, found.reasons = register.unmet(), register.reasons()
    found.other_count = register.other_count
    found.left_behind_count = register.left_behind_count
    spool.sift()


async def admit(spool: Spool, journal: Journal) -> None:
    """Add all messages to the journal, so that it knows what is left at any end.

    Raises:
        JournalError: They could not be kept.
    """
    for keys in _batches(spool.register.retried_keys()):
        await journal.resolve(keys, state=State.NEW, was=State.REJECTED)
    for drafts in _batches(row.draft() for row in spool):
        await journal.admit_many(drafts)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(itertools.islice(rest, _BATCH)):
        yield batch
