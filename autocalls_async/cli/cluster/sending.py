"""`autocalls cluster send`: a file of rows into the shared table."""

from collections.abc import Iterator

from autocalls_async.cli.bulk.file import STANDARD_INPUT, open_rows, reader_of
from autocalls_async.cli.bulk.intake.inventory import MOST_BAD_ROWS
from autocalls_async.cli.bulk.options import BulkConnection, Campaign
from autocalls_async.cli.bulk.telling import tell_bad_row
from autocalls_async.cli.cluster.commands import ask_cluster
from autocalls_async.cli.cluster.options import Handing
from autocalls_async.cli.rows.reader import BadRow
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.terminal.failures import CommandError, Status
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count
from autocalls_async.model.messages import Message


def hand_over(handing: Handing, screen: Screen) -> int:
    """Check every row of a file, and hand all of them over.

    Raises:
        CommandError: The file cannot be read as rows, or a row is bad.
        ClusterError: The database did not take them; done again, none is there twice.
    """
    if handing.file == STANDARD_INPUT:
        msg = "the file is read twice, so it cannot be standard input"
        raise CommandError(msg)
    if handing.template is not None and not handing.template.isdigit():
        msg = "give the template's id: its name is known to the service alone"
        raise CommandError(msg)
    campaign = Campaign(
        file=handing.file,
        message=handing.message,
        template=handing.template,
        var=handing.var,
        region=handing.region,
        format=handing.format,
        connection=BulkConnection(sender_id=handing.sender_id),
    )
    bad = _check(campaign, screen)
    if bad:
        msg = f"{count(bad, 'row')} cannot be sent; nothing was handed over"
        raise CommandError(msg)
    done = ask_cluster(
        handing.place,
        lambda cluster: cluster.enqueue_many(
            _messages(campaign), account=handing.account, campaign=handing.campaign
        ),
    )
    if screen.as_json:
        facts = {"handed_over": done.new, "known": done.known}
        screen.emit(facts | {"campaign": handing.campaign})
    known = f"; {done.known:,} were there already" if done.known else ""
    screen.say(f"{count(done.new, 'message')} handed over to the workers{known}")
    return Status.OK


def _check(campaign: Campaign, screen: Screen) -> int:
    """Name the first bad rows, and return how many there are."""
    bad = 0
    with open_rows(campaign.file) as file:
        try:
            for row in reader_of(campaign).read(file):
                if isinstance(row, BadRow):
                    bad += 1
                    if bad <= MOST_BAD_ROWS:
                        tell_bad_row(row, campaign, screen)
        except FileError as error:
            msg = f"{campaign.file}: {error}"
            raise CommandError(msg) from error
    return bad


def _messages(campaign: Campaign) -> Iterator[Message]:
    with open_rows(campaign.file) as file:
        for row in reader_of(campaign).read(file):
            if not isinstance(row, BadRow):
                yield row.message
