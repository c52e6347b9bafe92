"""A campaign's rows read for the first time, to find the bad ones."""

from collections.abc import Callable
from typing import IO

from attrs import define, field

from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.rows.reader import BadRow, FileError, Row, RowReader
from autocalls_async.cli.terminal.failures import CommandError
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count, plain

MOST_BAD_ROWS = 20
"""Named before a campaign is sent; the others are counted."""

MOST_NUMBERS = 5
"""Shown as they were read."""


@define(kw_only=True)
class Survey:
    """What the first reading found.

    Attributes:
        good_count: Rows that can be sent.
        bad_rows: The first of those that cannot.
        normalised: The first rows whose number was normalised.
        normalised_count: How many there are.
    """

    good_count: int = 0
    bad_count: int = 0
    bad_rows: list[BadRow] = field(factory=list)
    normalised: list[Row] = field(factory=list)
    normalised_count: int = 0

    @property
    def row_count(self) -> int:
        """All rows."""
        return self.good_count + self.bad_count

    def add(self, row: Row, *, most_shown: int) -> None:
        """Count a row that can be sent."""
        self.good_count += 1
        if row.given_phone is not None:
            self.normalised_count += 1
            if self.normalised_count <= most_shown:
                self.normalised.append(row)


def survey(
    reader: RowReader,
    file: IO[bytes],
    *,
    tell: Callable[[BadRow], None],
    most_bad: int | None = MOST_BAD_ROWS,
    most_numbers: int = MOST_NUMBERS,
) -> Survey:
    """Check every row.

    Args:
        reader: Knows what a row must hold.
        file: Where the rows are.
        tell: Given the bad rows, each as soon as it is found.
        most_bad: The bad rows to tell and to keep; `None` means all.
        most_numbers: The normalised numbers to keep.

    Raises:
        FileError: The file cannot be read as rows.
    """
    found = Survey()
    for row in reader.read(file.readline):
        if not isinstance(row, BadRow):
            found.add(row, most_shown=most_numbers)
            continue
        found.bad_count += 1
        if most_bad is None or found.bad_count <= most_bad:
            found.bad_rows.append(row)
            tell(row)
    return found


def survey_campaign(
    campaign: Campaign,
    reader: RowReader,
    file: IO[bytes],
    screen: Screen,
    *,
    most_bad: int | None = MOST_BAD_ROWS,
    most_numbers: int = MOST_NUMBERS,
) -> Survey:
    """Check every row, and name the bad ones to people.

    Raises:
        CommandError: The file cannot be read as rows.
    """

    def tell(row: BadRow) -> None:
        tell_bad_row(row, campaign, screen)

    try:
        return survey(
            reader, file, tell=tell, most_bad=most_bad, most_numbers=most_numbers
        )
    except FileError as error:
        msg = f"{campaign.file}: {error}"
        raise CommandError(msg) from error


def tell_bad_row(row: BadRow, campaign: Campaign, screen: Screen) -> None:
    """Name a row that cannot be sent."""
    screen.warn(f"{campaign.file}, line {row.line_number}: {row.reason}")


def problem_of(found: Survey, campaign: Campaign) -> str | None:
    """Say why this file cannot be sent; `None` if it can."""
    if found.bad_count and not campaign.skip_bad:
        rows = count(found.row_count, "row")
        more = found.bad_count - len(found.bad_rows)
        hint = f" ({more:,} more than are named here; --dry-run names all)"
        mend = "mend them, or give --skip-bad to send the rest"
        return (
            f"{campaign.file}: {found.bad_count:,} of {rows} cannot be sent"
            f"{hint if more else ''}; {mend if found.good_count else 'mend them'}"
        )
    if not found.good_count:
        return f"{campaign.file}: there is no row that can be sent"
    return None


def show_numbers(found: Survey, screen: Screen) -> None:
    """Show how numbers were read; whole, since their owner shall check them."""
    if not found.normalised_count:
        return
    numbers = count(found.normalised_count, "number")
    more = found.normalised_count - len(found.normalised)
    screen.say(f"{numbers} normalised{', such as' if more else ''}:")
    for row in found.normalised:
        number = row.message.recipient_phone
        screen.say(f"  line {row.line_number}: {plain(row.given_phone)} is {number}")
