"""What is said of many rows at once: numbers to settle, and texts to look at.

Pure: no I/O, no clock, no asyncio. A few lines are kept of each kind, however many
rows there are.
"""

from collections import Counter
from collections.abc import Iterator

from attrs import define, field

from autocalls_async.campaign.planning.plan import name_messages
from autocalls_async.cli.rows.reader import BadRow
from autocalls_async.cli.terminal.words import count, plain
from autocalls_async.cli.texts.places import Notice, NoticeKind
from autocalls_async.phones import Numbers

_MOST_LINES = 10
_FIRST_LINES = 3

_MEANT: dict[Numbers, str] = {
    "international": "where each of them has its country's code",
    "national": "where none has",
}


@define
class Unsettled:
    """Rows whose number could be two people's, or lacks its plus.

    Attributes:
        row_count: How many there are.
        first: The first of them.
        settled: How many each way of meaning them would settle.
    """

    row_count: int = 0
    first: list[BadRow] = field(factory=list)
    settled: Counter[Numbers] = field(factory=Counter)

    def add(self, row: BadRow) -> None:
        """Count a row."""
        self.row_count += 1
        self.settled.update(row.settled_by)
        if self.row_count <= _FIRST_LINES:
            self.first.append(row)

    def __str__(self) -> str:
        rows = count(self.row_count, "number")
        which = "is" if self.row_count == 1 else "are"
        shown = [f"line {row.line_number}: {_head(row.reason)}" for row in self.first]
        more = "; …" if self.row_count > len(self.first) else ""
        return (
            f"{rows} that lost a plus or a 0 {which} not guessed "
            f"({'; '.join(shown)}{more}); {self._how_to_settle()}"
        )

    def _how_to_settle(self) -> str:
        # Each of them is somebody's with its country's code, or it were no number.
        ways = [
            f"--numbers {numbers} {when}"
            for numbers, when in _MEANT.items()
            if self.settled[numbers] == self.row_count
        ]
        return f"all are settled by {', or by '.join(ways)}"


def _head(reason: str) -> str:
    return reason.partition(";")[0]


@define
class Lines:
    """Lines of one kind: how many, and the first."""

    row_count: int = 0
    first: list[int] = field(factory=list)

    def add(self, line_number: int) -> None:
        """Count a line."""
        self.row_count += 1
        if self.row_count <= _MOST_LINES:
            self.first.append(line_number)

    def __str__(self) -> str:
        return name_messages(self.first, count=self.row_count, noun="line")


@define
class Notices:
    """What somebody should look at before texts reach people, by kind and column."""

    _found: dict[Notice, Lines] = field(factory=dict)

    def add(self, notice: Notice, line_number: int) -> None:
        """Count a row that was noted."""
        self._found.setdefault(notice, Lines()).add(line_number)

    def __iter__(self) -> Iterator[str]:
        """Return each in a line."""
        for notice, lines in self._found.items():
            yield _say(notice, lines)


_SAID = {
    NoticeKind.BLANK: (
        "a blank {column!r}, for which a text has a place",
        "{{{column}|there}} puts a word there, {{{column}|}} leaves it blank",
    ),
    NoticeKind.BRACES: (
        "braces in the text of column {column!r}, as people will get them",
        "--render-column fills them from the row's columns",
    ),
    NoticeKind.FOREIGN: (
        "a column's place as other tools write it in the text of column {column!r}",
        "people will get it as it is: {{name}} is filled here, with --render-column",
    ),
    NoticeKind.BACKSLASH: (
        "a backslash and a letter in the text of column {column!r}",
        "people will get both as they are: no line end is made of them",
    ),
    NoticeKind.DAMAGE: (
        "a trace of damage in {column!r}, as people will get it",
        "such as a wrong encoding (Ã¼), a control character or &amp;",
    ),
    NoticeKind.DATE: (
        "a date or time in {column!r}, written as 2026-12-31 or 18:30",
        "for another way make it text in the spreadsheet",
    ),
    NoticeKind.SHOWN: (
        "a number in {column!r} that the spreadsheet shows in another way",
        "such as with a currency, and that is written bare: make it text there",
    ),
    NoticeKind.DECIMAL: (
        "a number with decimals in {column!r}, written as 12.5",
        "for another way make it text in the spreadsheet",
    ),
}
"""Of each kind, what the rows have, and what to do about it."""


def _say(notice: Notice, lines: Lines) -> str:
    rows = count(lines.row_count, "row")
    verb = "has" if lines.row_count == 1 else "have"
    what, mend = (
        said.format(column=plain(notice.column)) for said in _SAID[notice.kind]
    )
    return f"{rows} {verb} {what} ({lines}); {mend}"
