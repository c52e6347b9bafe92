"""From the options of a campaign to the rows of its file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from autocalls_async.cli.bulk.content import content_of, warnings_of
from autocalls_async.cli.bulk.intake.inventory import (
    MOST_BAD_ROWS,
    MOST_NUMBERS,
    Inventory,
    take_in,
)
from autocalls_async.cli.bulk.intake.spool import Spool
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.telling import tell_bad_row
from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.rows.phones import PhoneReader, check_region
from autocalls_async.cli.rows.reader import BadRow, RowReader
from autocalls_async.cli.tables.lines import FileError, check_encoding
from autocalls_async.cli.tables.table import TableSource, format_of
from autocalls_async.cli.terminal.failures import CommandError, os_reason
from autocalls_async.cli.terminal.screen import Screen

STANDARD_INPUT = "-"


def reader_of(campaign: Campaign) -> RowReader:
    """Make the reader of a campaign's rows; it asks for no time zone yet.

    Raises:
        ValueError: Its format or region is unknown, or its text is malformed.
    """
    if campaign.file == STANDARD_INPUT and campaign.format is None:
        msg = "standard input has no name to tell its format by: give --format"
        raise ValueError(msg)
    region = campaign.region
    if campaign.numbers is not None and region is None:
        msg = "--numbers goes with --region"
        raise ValueError(msg)
    return RowReader(
        source=_source(campaign),
        content=content_of(campaign),
        sender_id=campaign.connection.sender_id,
        phones=PhoneReader(
            region=None if region is None else check_region(region),
            numbers=None if campaign.numbers is None else campaign.numbers.value,
            name=campaign.phone_column,
        ),
        hidden_rows=campaign.hidden_rows,
    )


def _source(campaign: Campaign) -> TableSource:
    file_format = campaign.format or format_of(campaign.file)
    if campaign.encoding is not None:
        check_encoding(campaign.encoding)
    if campaign.sheet is not None and file_format is not FileFormat.XLSX:
        msg = "--sheet is for a workbook: .xlsx, .xls or .ods"
        raise ValueError(msg)
    return TableSource(
        file_format=file_format, encoding=campaign.encoding, sheet=campaign.sheet
    )


@contextmanager
def open_rows(name: str) -> Iterator[IO[bytes]]:
    """Open a file of rows, to be read once.

    Raises:
        CommandError: It cannot be read.
    """
    if name == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115  # it is closed below
    except OSError as error:
        msg = f"cannot read {name}: {os_reason(error)}"
        raise CommandError(msg) from error
    with file:
        yield file


def take_in_all(
    campaign: Campaign,
    reader: RowReader,
    spool: Spool,
    screen: Screen,
    *,
    most_bad: int | None = MOST_BAD_ROWS,
    most_numbers: int = MOST_NUMBERS,
) -> Inventory:
    """Check every row of a campaign's file, name the bad ones, keep the others.

    Raises:
        CommandError: The file cannot be read as rows.
    """

    def tell(row: BadRow) -> None:
        tell_bad_row(row, campaign, screen)

    with open_rows(campaign.file) as file:
        try:
            found = take_in(
                reader,
                file,
                spool,
                tell=tell,
                most_bad=most_bad,
                most_numbers=most_numbers,
                keys_matter=campaign.journal is not None,
            )
        except FileError as error:
            msg = f"{campaign.file}: {error}"
            raise CommandError(msg) from error
    found.warnings = warnings_of(campaign)
    return found
