"""`autocalls bulk --test-to NUMBER`: row 1 as it will arrive, to one number alone."""

from attrs import evolve

from autocalls_async.cli.bulk.intake.spool import Spool
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.connection import send
from autocalls_async.cli.rows.phones import PhoneReader
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import fields_of, printable
from autocalls_async.cli.texts.arriving import arriving


def read_number(campaign: Campaign, given: str, phones: PhoneReader) -> str:
    """Return the number that gets the trial.

    Raises:
        ValueError: It is no number, or the options contradict each other.
    """
    if campaign.dry_run:
        msg = "give --test-to or --dry-run, not both"
        raise ValueError(msg)
    return evolve(phones, name="--test-to").read(given)


def send_trial(campaign: Campaign, number: str, spool: Spool, screen: Screen) -> int:
    """Send the first row's message to this number; the journal knows nothing of it.

    Returns:
        The exit status.

    Raises:
        AutocallsError: The service refused, or nobody knows.
        CommandError: It was out of reach.
    """
    first = next(iter(spool))
    message = evolve(first.message(), recipient_phone=number, key=None)
    sent, status = send(campaign.connection, message, receipts=campaign.receipts)
    if screen.as_json:
        known = {"outcome": "accepted", "recipient_phone": number}
        screen.emit(known | {"line": first.line_number} | fields_of(sent))
    screen.say(f"line {first.line_number} was sent to {number} alone:")
    for line in arriving(message).splitlines():
        screen.say(f"  {printable(line)}")
    screen.offer("to send it to all", campaign.command())
    return status
