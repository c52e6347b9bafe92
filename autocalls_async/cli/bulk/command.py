"""`autocalls bulk FILE`: every row checked, then sent, and every outcome told."""

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from autocalls_async.cli.bulk.content import check_templates
from autocalls_async.cli.bulk.file import (
    STANDARD_INPUT,
    reader_of,
    take_in_all,
)
from autocalls_async.cli.bulk.intake.inventory import Inventory
from autocalls_async.cli.bulk.intake.register import Choice
from autocalls_async.cli.bulk.intake.spool import Spool
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.repeats import choice_of, remarks_on_repeats
from autocalls_async.cli.bulk.rules.given import GivenRules, check_rate, read_rules
from autocalls_async.cli.bulk.rules.words import describe_rules
from autocalls_async.cli.bulk.sending import CampaignRun
from autocalls_async.cli.bulk.telling import (
    problem_of,
    show_numbers,
    tell_notices,
    tell_remarks,
)
from autocalls_async.cli.connection import ask, check_key, look_at_account
from autocalls_async.cli.rows.outcomes_file import (
    OutcomesFile,
    WriteRecord,
    check_apart,
    check_page,
    check_place,
)
from autocalls_async.cli.rows.reader import RowReader
from autocalls_async.cli.terminal.failures import CommandError, Status
from autocalls_async.cli.terminal.outcomes import explain_error
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.texts.rendering import ByRow
from autocalls_async.model.errors import AutocallsError
from autocalls_async.model.later import Later

if TYPE_CHECKING:
    from autocalls_async.cli.bulk.rehearsal import dry_run as _dry_run
    from autocalls_async.cli.bulk.rehearsal import trial as _trial
else:
    # a campaign that is sent is rehearsed by neither
    _dry_run = Later("autocalls_async.cli.bulk.rehearsal.dry_run")
    _trial = Later("autocalls_async.cli.bulk.rehearsal.trial")


def bulk(campaign: Campaign, screen: Screen) -> int:
    """Check a campaign and, unless it is a dry run, send it.

    Returns:
        The exit status: 0 only if every message was accepted.

    Raises:
        CommandError: Nothing was sent, for the reason given.
        ValueError: The same.
    """
    check_rate(campaign.rate, campaign.rules)
    reader, choice = reader_of(campaign), choice_of(campaign)
    trial = None
    if campaign.test_to is not None:
        trial = _trial.read_number(campaign, campaign.test_to, reader.phones)
    rules = read_rules(
        campaign.rules, price=campaign.price, phones=reader.phones, tell=screen.warn
    )
    reader = evolve(
        reader, reads_zone=rules.hours is not None, needs_zone=rules.needs_zone
    )
    if not campaign.dry_run:
        check_key(campaign.connection)
    _check_places(campaign)
    with ExitStack() as stack:
        spool = stack.enter_context(Spool())
        if campaign.dry_run:
            return _dry_run.DryRun(
                campaign, reader=reader, rules=rules, spool=spool, screen=screen
            ).run()
        found = _take_in(campaign, reader, choice, spool, screen)
        if trial is not None:
            return _trial.send_trial(campaign, trial, spool, screen)
        show_numbers(found, screen)
        _tell_rules(rules, campaign, screen)
        return CampaignRun(
            campaign,
            choice=choice,
            found=found,
            rules=rules,
            spool=spool,
            open_writers=partial(_open_writers, campaign, stack, screen),
            screen=screen,
        ).run()


def _take_in(
    campaign: Campaign,
    reader: RowReader,
    choice: Choice,
    spool: Spool,
    screen: Screen,
) -> Inventory:
    """Check every row, and ask whether the service would take them.

    Raises:
        CommandError: They cannot be sent.
    """
    found = take_in_all(campaign, reader, spool, screen)
    if problem := problem_of(found, campaign):
        msg = f"{problem}; nothing was sent"
        raise CommandError(msg)
    tell_remarks(remarks_on_repeats(found, choice), campaign, screen)
    _check_service(campaign, reader.content)
    tell_notices(found, campaign, screen)
    return found


def _tell_rules(rules: GivenRules, campaign: Campaign, screen: Screen) -> None:
    now = datetime.now(UTC)
    for line in describe_rules(rules, journal=campaign.journal, now=now):
        screen.say(line)


def _open_writers(
    campaign: Campaign, stack: ExitStack, screen: Screen
) -> dict[str, WriteRecord]:
    """Open where each outcome is written, by name."""
    writers: dict[str, WriteRecord] = {}
    if campaign.out is not None:
        out = OutcomesFile(campaign.out, overwrite=campaign.overwrite)
        writers[str(campaign.out)] = stack.enter_context(out).write
    if screen.as_json:
        writers["standard output"] = screen.emit
    return writers


# Before anything is sent


def _check_places(campaign: Campaign) -> None:
    """Find out, before any work, what would keep files from being written."""
    has_use = campaign.dry_run or campaign.rules.budget is not None or campaign.report
    if campaign.price is not None and not has_use:
        msg = "--price is for --budget, and for --dry-run, which holds it against the "
        msg += "balance, or for --report, which tells the costs"
        raise CommandError(msg)
    places = (campaign.journal, campaign.out, campaign.report, campaign.receipts)
    for path in places:
        if path is not None and not path.parent.is_dir():
            msg = f"cannot write {path}: there is no folder {path.parent}"
            raise CommandError(msg)
    rows = None if campaign.file == STANDARD_INPUT else Path(campaign.file)
    check_apart(
        {
            "the rows": rows,
            "--journal": campaign.journal,
            "--out": campaign.out,
            "--report": campaign.report,
            "--receipts": campaign.receipts,
        }
    )
    if campaign.out is not None:
        check_place(campaign.out, source=rows, overwrite=campaign.overwrite)
    if campaign.report is not None:
        if campaign.journal is None:
            msg = "--report is about a journal: give --journal too"
            raise CommandError(msg)
        check_page(campaign.report, overwrite=campaign.overwrite)


def _check_service(campaign: Campaign, content: ByRow) -> None:
    """Find a wrong key, address or template before the first message meets it."""
    try:
        ask(campaign.connection, look_at_account)
        check_templates(campaign, content)
    except ValueError as error:
        msg = f"{error}; nothing was sent"
        raise CommandError(msg) from error
    except AutocallsError as error:
        msg = f"{explain_error(error)}; nothing was sent"
        raise CommandError(msg, status=Status.FAILED) from error
    except CommandError as error:
        msg = f"{error}; nothing was sent"
        raise CommandError(msg, status=error.status) from error.__cause__
