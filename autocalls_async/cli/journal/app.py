"""The commands of `autocalls journal`; each imports what it needs in its body."""

import typer

from autocalls_async.cli import options
from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.journal import options as journal_options
from autocalls_async.cli.terminal.ending import finish

journal_app = typer.Typer(
    no_args_is_help=True,
    help="Show what became of a campaign, and settle what is unknown.",
)


@journal_app.command("show")
def journal_show_command(
    journal: journal_options.Journal, *, json: options.Json = False
) -> None:
    """Show how many messages are in each state, why, and which are unknown."""
    from autocalls_async.cli.journal.commands import show

    finish(lambda screen: show(journal, screen), as_json=json)


@journal_app.command("report")
def journal_report_command(
    journal: journal_options.Journal,
    *,
    html: journal_options.Page = None,
    overwrite: journal_options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Show the same with times and rate, and write a page about it."""
    from autocalls_async.cli.journal.commands import show_report

    finish(
        lambda screen: show_report(journal, screen, page=html, overwrite=overwrite),
        as_json=json,
    )


@journal_app.command("export")
def journal_export_command(
    journal: journal_options.Journal,
    *,
    out: journal_options.Out = None,
    file_format: journal_options.Format = FileFormat.CSV,
    state: journal_options.States = None,
    overwrite: journal_options.Overwrite = False,
) -> None:
    """Write what the journal knows of each message, but not what it said."""
    from autocalls_async.cli.journal.commands import export

    finish(
        lambda screen: export(
            journal,
            screen,
            out=out,
            file_format=file_format,
            states=state or (),
            overwrite=overwrite,
        ),
        as_json=False,
    )


@journal_app.command("resolve")
def journal_resolve_command(
    journal: journal_options.Journal,
    *,
    decision: journal_options.As,
    key: journal_options.Keys = None,
    take_all: journal_options.All = False,
    yes: journal_options.Yes = False,
    json: options.Json = False,
) -> None:
    """Settle unknown messages: as accepted, or as new, to be sent again."""
    from autocalls_async.cli.journal.commands import resolve

    finish(
        lambda screen: resolve(
            journal,
            screen,
            keys=key or (),
            take_all=take_all,
            decision=decision,
            yes=yes,
        ),
        as_json=json,
    )
