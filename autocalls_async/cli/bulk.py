"""`autocalls bulk FILE`: every row checked, then sent, and every outcome told."""

from contextlib import ExitStack
from pathlib import Path
from typing import IO

from autocalls_async.cli.campaign import (
    STANDARD_INPUT,
    Campaign,
    Survey,
    open_rows,
    survey,
)
from autocalls_async.cli.connection import Connection, ask
from autocalls_async.cli.failures import CommandError, Status
from autocalls_async.cli.journals import check_page
from autocalls_async.cli.outcomes_file import OutcomesFile, WriteRecord, check_place
from autocalls_async.cli.rows import BadRow, FileError, RowReader
from autocalls_async.cli.screen import Screen, fact_table
from autocalls_async.cli.sending import Sending
from autocalls_async.cli.words import count, duration, explain, plain
from autocalls_async.errors import AutocallsError, PermissionDeniedError


def bulk(campaign: Campaign, screen: Screen, *, dry_run: bool) -> int:
    """Check a campaign and, unless it is a dry run, send it.

    Returns:
        The exit status: 0 only if every message was accepted.

    Raises:
        CommandError: Nothing was sent, for the reason given.
        ValueError: The same.
    """
    reader = campaign.reader()
    if not dry_run:
        campaign.connection.check_key()
    if campaign.out is not None:
        source = None if campaign.file == STANDARD_INPUT else Path(campaign.file)
        check_place(campaign.out, source=source, overwrite=campaign.overwrite)
    _check_report(campaign)
    with ExitStack() as stack:
        file = stack.enter_context(open_rows(campaign.file))
        found = _survey(campaign, reader, file, screen, remember=dry_run)
        if dry_run:
            return _show_survey(found, campaign, screen)
        _check_survey(found, campaign)
        _check_account(campaign.connection)
        writers: dict[str, WriteRecord] = {}
        if campaign.out is not None:
            out = OutcomesFile(campaign.out, overwrite=campaign.overwrite)
            writers[str(campaign.out)] = stack.enter_context(out).write
        if screen.as_json:
            writers["standard output"] = screen.emit
        _show_numbers(found, screen)
        return Sending(
            campaign,
            reader=reader,
            file=file,
            total=found.good_count,
            writers=writers,
            screen=screen,
        ).run()


# Before anything is sent


def _check_report(campaign: Campaign) -> None:
    if campaign.report is None:
        return
    if campaign.journal is None:
        msg = "--report is about a journal: give --journal too"
        raise CommandError(msg)
    check_page(campaign.report, overwrite=campaign.overwrite)


def _survey(
    campaign: Campaign,
    reader: RowReader,
    file: IO[bytes],
    screen: Screen,
    *,
    remember: bool,
) -> Survey:
    def tell(row: BadRow) -> None:
        screen.warn(f"{campaign.file}, line {row.line_number}: {row.reason}")

    try:
        return survey(reader, file, tell=tell, remember=remember)
    except FileError as error:
        msg = f"{campaign.file}: {error}"
        raise CommandError(msg) from error


def _check_survey(found: Survey, campaign: Campaign) -> None:
    if problem := _problem(found, campaign):
        msg = f"{problem}; nothing was sent"
        raise CommandError(msg)


def _problem(found: Survey, campaign: Campaign) -> str | None:
    """Say why this file cannot be sent."""
    if found.bad_count and not campaign.skip_bad:
        row_count = found.good_count + found.bad_count
        rows = count(row_count, "row")
        more = found.bad_count - len(found.bad_rows)
        unnamed = f" ({more:,} more than are named here)" if more else ""
        return (
            f"{campaign.file}: {found.bad_count:,} of {rows} cannot be sent{unnamed}; "
            "mend them, or give --skip-bad to send the rest"
        )
    if not found.good_count:
        return f"{campaign.file}: there is no row that can be sent"
    return None


def _show_numbers(found: Survey, screen: Screen) -> None:
    """Show how numbers were read; whole, since their owner shall check them."""
    if not found.normalised_count:
        return
    screen.say(f"{count(found.normalised_count, 'number')} normalised, such as:")
    for row in found.normalised:
        number = row.message.recipient_phone
        screen.say(f"  line {row.line_number}: {plain(row.given_phone)} is {number}")


def _show_survey(found: Survey, campaign: Campaign, screen: Screen) -> int:
    seconds = found.good_count / campaign.rate
    if screen.as_json:
        screen.emit(found.as_record() | {"seconds": seconds})
    facts = (
        ("rows", f"{found.good_count + found.bad_count:,}"),
        ("bad rows", f"{found.bad_count:,}"),
        ("recipients", f"{len(found.recipients):,}"),
        ("repeated messages", f"{found.repeated_count:,}"),
        ("time", f"about {duration(seconds)} at {campaign.rate} a second"),
    )
    _show_numbers(found, screen)
    screen.show(fact_table(f"Dry run of {campaign.file}: nothing was sent", facts))
    problem = _problem(found, campaign)
    if problem is None:
        return Status.OK
    screen.warn(f"autocalls: {problem}")
    return Status.UNUSABLE


def _check_account(connection: Connection) -> None:
    """Find a wrong key or address before the first message meets it."""
    try:
        ask(connection, lambda client: client.account())
    except PermissionDeniedError:
        pass  # a key that may not look at the account may still send
    except AutocallsError as error:
        msg = f"{explain(error)}; nothing was sent"
        raise CommandError(msg, status=Status.FAILED) from error
    except CommandError as error:
        msg = f"{error}; nothing was sent"
        raise CommandError(msg, status=error.status) from error.__cause__
