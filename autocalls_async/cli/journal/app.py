"""The commands of `autocalls journal`; each imports what it needs in its body."""

import typer

from autocalls_async.cli.journal import options
from autocalls_async.cli.options import AccountConnection, Json
from autocalls_async.cli.terminal.commands import finish
from autocalls_async.cli.terminal.spread import spread

journal_app: typer.Typer = typer.Typer(
    no_args_is_help=True,
    help="Show what became of a campaign, settle what is unknown, copy a journal.",
)


@journal_app.command("show")
def journal_show_command(journal: options.Journal, *, json: Json = False) -> None:
    """Show how many messages are in each state, why, and which are unknown."""
    from autocalls_async.cli.journal.showing import show

    finish(lambda screen: show(journal, screen), as_json=json)


@journal_app.command("report")
@spread
def journal_report_command(wanted: options.Reporting, *, json: Json = False) -> None:
    """Show the same with times and rate, and write a page about it."""
    from autocalls_async.cli.journal.commands import show_report

    finish(lambda screen: show_report(wanted, screen), as_json=json)


@journal_app.command("export")
@spread
def journal_export_command(wanted: options.Export) -> None:
    """Write what the journal knows of each message, but not what it said."""
    from autocalls_async.cli.journal.commands import export

    finish(lambda screen: export(wanted, screen), as_json=False)


@journal_app.command("resolve")
@spread
def journal_resolve_command(
    wanted: options.Resolve, *, connection: AccountConnection, json: Json = False
) -> None:
    """Settle what is unknown, or send again what was rejected."""
    from autocalls_async.cli.journal.commands import resolve

    finish(lambda screen: resolve(wanted, connection, screen), as_json=json)


@journal_app.command("copy")
def journal_copy_command(journal: options.Journal, copy: options.Copy) -> None:
    """Copy a journal whole, also while a campaign writes it.

    What is copied otherwise meanwhile lacks what was sent last, and is refused. A
    copy made after a clean end can't be told from its original: send by one of them.
    """
    from autocalls_async.cli.journal.copies import copy_whole

    finish(lambda screen: copy_whole(journal, copy, screen), as_json=False)


@journal_app.command("adopt")
def journal_adopt_command(
    journal: options.Journal,
    *,
    as_unknown: options.AsUnknown = False,
    yes: options.Yes = False,
) -> None:
    """Take a copy that was refused for a journal of its own, and answer for it.

    Whoever was sent a message after the copy was made gets it again, unless
    --as-unknown is given.
    """
    from autocalls_async.cli.journal.copies import adopt_copy

    finish(
        lambda screen: adopt_copy(journal, screen, as_unknown=as_unknown, yes=yes),
        as_json=False,
    )
