"""The commands that make one call: what they ask, and how the answer looks."""

from collections.abc import Mapping
from pathlib import Path

from autocalls_async.cli.connection import ask, check_sender, send
from autocalls_async.cli.options import Connection
from autocalls_async.cli.terminal.failures import Status
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.tables import fact_table, make_table
from autocalls_async.cli.terminal.words import fields_of, plain
from autocalls_async.cli.texts.variables import (
    check_names,
    check_variable,
    surplus_of,
)
from autocalls_async.model.answers import ConversationStatus, SessionStatus
from autocalls_async.model.checks import check_id
from autocalls_async.model.errors import PermissionDeniedError
from autocalls_async.model.listings import Template, find_template
from autocalls_async.model.messages import Message

_DASH = "-"


def send_one(
    connection: Connection,
    message: Message,
    screen: Screen,
    *,
    receipts: Path | None = None,
) -> int:
    """Send one message."""
    check_sender(connection)
    sent, status = send(connection, message, receipts=receipts)
    phone = message.recipient_phone
    if screen.as_json:
        known = {"outcome": "accepted", "recipient_phone": phone}
        screen.emit(known | fields_of(sent))
        return status
    number = sent.whatsapp_message_id
    known_as = f", whatsapp_message_id {number}" if number else ", details unknown"
    screen.say(f"accepted: {phone}{known_as}")
    return status


def find_checked(
    connection: Connection,
    template: str,
    language: str | None,
    variables: Mapping[str, str],
) -> int:
    """Return a template's number, its variables held against what it takes.

    Raises:
        AutocallsError: The templates cannot be listed.
        CommandError: There is no sender, or the service was out of reach.
        ValueError: There is none of this name, or a variable is missing, unknown or
            none that WhatsApp takes.
    """
    for name, text in variables.items():
        check_variable(name, text)
    check_sender(connection)
    is_number = template.isascii() and template.isdigit()
    number = check_id("template", int(template)) if is_number else None
    try:
        listed = ask(connection, lambda c: c.templates(include_unapproved=True))
    except PermissionDeniedError:
        if number is None:
            raise
        return number  # a key that may not list may still send
    if number is None:
        of = f"sender {connection.sender_id}"
        found = find_template(listed, template, language=language, of=of)
    else:
        known = (one for one in listed if one.id == number)
        found = next(known, Template(id=number))
    check_names(found, variables)
    if surplus := surplus_of(found, variables):
        shown = found.name or found.id
        msg = f"template {shown} has no variable {', '.join(surplus)}"
        raise ValueError(msg)
    return found.id


def show_status(connection: Connection, recipient: str, screen: Screen) -> int:
    """Show one messaging window."""
    check_sender(connection)
    status = ask(connection, lambda client: client.session_status(recipient))
    if screen.as_json:
        screen.emit({"recipient_phone": recipient} | fields_of(status))
        return Status.OK
    facts = (
        ("window", _window(status.session_status)),
        ("allowed", _allowed(status.session_status)),
        ("name", status.customer_name or _DASH),
        ("last wrote", _last_wrote(status)),
    )
    screen.show(fact_table(recipient, facts))
    return Status.OK


def _window(status: SessionStatus) -> str:
    if not status.is_open:
        closed_at = status.expired_at
        return f"closed since {closed_at:%Y-%m-%d %H:%M %Z}" if closed_at else "closed"
    if status.minutes_remaining is None:
        return "open"
    hours, minutes = divmod(status.minutes_remaining, 60)
    return f"open for {hours} h {minutes:02d} min"


def _allowed(status: SessionStatus) -> str:
    return "free text and templates" if status.can_send_freeform else "templates only"


def _last_wrote(status: ConversationStatus) -> str:
    at = status.last_customer_message_at
    if at is not None:
        return f"{at:%Y-%m-%d %H:%M %Z}"
    return _DASH if status.has_conversation else "never"


def show_senders(connection: Connection, screen: Screen, *, include_all: bool) -> int:
    """Show the account's senders."""
    senders = ask(connection, lambda c: c.senders(include_offline=include_all))
    if screen.as_json:
        screen.emit({"senders": senders})
        return Status.OK
    columns = ("id", "number", "name", "status", "quality", "recipients a day")
    table = make_table("Senders", columns, numbers=("id", "recipients a day"))
    for sender in senders:
        limit = sender.messaging_limit
        table.add_row(
            str(sender.id),
            _cell(sender.phone_number),
            _cell(sender.display_name),
            _cell(sender.status),
            _cell(sender.quality_rating),
            "unlimited" if limit is None else f"{limit:,}",
        )
    screen.show_listing(table)
    if not senders:
        screen.say("no senders" if include_all else "none is online; see --all")
    return Status.OK


def show_templates(connection: Connection, screen: Screen, *, include_all: bool) -> int:
    """Show a sender's templates."""
    check_sender(connection)
    templates = ask(connection, lambda c: c.templates(include_unapproved=include_all))
    if screen.as_json:
        screen.emit({"templates": templates})
        return Status.OK
    columns = ("id", "name", "language", "status", "variables", "text")
    table = make_table("Templates", columns, numbers=("id",), folding=("variables",))
    for template in templates:
        table.add_row(
            str(template.id),
            _cell(template.name),
            _cell(template.language),
            _cell(template.status),
            _cell(", ".join(template.variables)),
            _cell(template.body_text),
        )
    screen.show_listing(table)
    if not templates:
        screen.say("no templates" if include_all else "none is approved; see --all")
    return Status.OK


def show_account(connection: Connection, screen: Screen) -> int:
    """Show whose key this is, and the balance."""
    account = ask(connection, lambda client: client.account())
    if screen.as_json:
        screen.emit(fields_of(account))
        return Status.OK
    balance = account.total_balance
    facts = (
        ("name", account.name or _DASH),
        ("e-mail", account.email or _DASH),
        ("balance", _DASH if balance is None else balance),
    )
    screen.show(fact_table("Account", facts))
    return Status.OK


def _cell(text: str | None) -> str:
    return plain(" ".join(text.split())) if text else _DASH
