"""The commands; their options and what they do stand in the modules beside.

Each imports what it needs in its body: `--version`, `--help` and whoever reads a
journal wait for neither client nor emulator.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from autocalls_async._version import __version__
from autocalls_async.cli import options
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.cluster import options as cluster_options
from autocalls_async.cli.cluster.app import cluster_app, need_extra
from autocalls_async.cli.emulator.app import emulator_app
from autocalls_async.cli.exclude.app import exclude_app
from autocalls_async.cli.journal.app import journal_app
from autocalls_async.cli.terminal.commands import PlainGroup, finish
from autocalls_async.cli.terminal.spread import spread
from autocalls_async.cli.webhooks.app import webhooks_app

if TYPE_CHECKING:
    from autocalls_async.cli.terminal.screen import Screen

app: typer.Typer = typer.Typer(
    cls=PlainGroup,
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show variables: the key, too
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(journal_app, name="journal")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(exclude_app, name="exclude")
app.add_typer(emulator_app, name="emulator")
app.add_typer(cluster_app, name="cluster")


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status."""
    try:
        app(args=argv, prog_name="autocalls")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _show_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        typer.echo(f"autocalls {__version__}")
        raise typer.Exit


_VERSION = typer.Option(
    "--version", callback=_show_version, is_eager=True, help="Show the version."
)


@app.callback()
def common(*, version: Annotated[bool, _VERSION] = False) -> None:
    """Send WhatsApp messages through the Autocalls API, and know what became of each.

    Exit status: 0 success; 1 the service refused or was out of reach, or a
    message was not accepted; 2 unusable input; 130 Ctrl-C; 143 SIGTERM; 129 a
    closed terminal (SIGHUP).
    """


@app.command("demo")
def demo_command(
    *,
    json: options.Json = False,
    open_page: options.OpenPage = False,
    recipients: options.RecipientCount = 28,
    rate: options.DemoRate = 5,
) -> None:
    """Watch a small campaign against a simulated service: offline, ten seconds."""
    import asyncio

    from autocalls_async.cli.demo.demo import demo
    from autocalls_async.cli.demo.plan import Script

    plan = Script(recipient_count=recipients, rate=rate)
    finish(
        lambda screen: asyncio.run(demo(plan, screen, open_page=open_page)),
        as_json=json,
    )


@app.command("send")
@spread
def send_command(
    recipient: options.Recipient,
    message: options.Message,
    *,
    receipts: options.Receipts = None,
    connection: options.Connection,
    json: options.Json = False,
) -> None:
    """Send free text, if the recipient's messaging window is open."""
    from autocalls_async.cli.single import send_one
    from autocalls_async.model.messages import FreeformMessage

    def work(screen: "Screen") -> int:
        content = FreeformMessage(recipient_phone=recipient, message=message)
        return send_one(connection, content, screen, receipts=receipts)

    finish(work, as_json=json)


@app.command("template")
@spread
def template_command(
    recipient: options.Recipient,
    template: options.TemplateName,
    *,
    language: options.Language = None,
    var: options.Variables = None,
    name: options.RecipientName = None,
    receipts: options.Receipts = None,
    connection: options.Connection,
    json: options.Json = False,
) -> None:
    """Send an approved template, which may go at any time.

    Its variables are held against the sender's list of templates before it goes.
    """
    from attrs import evolve

    from autocalls_async.cli.single import find_checked, send_one
    from autocalls_async.cli.texts.rendering import parse_variables
    from autocalls_async.model.messages import TemplateMessage

    def work(screen: "Screen") -> int:
        given = TemplateMessage(
            recipient_phone=recipient,
            template_id=1,  # until it is looked up
            variables=parse_variables(var or ()),
            recipient_name=name,
        )
        found = find_checked(connection, template, language, given.variables)
        content = evolve(given, template_id=found)
        return send_one(connection, content, screen, receipts=receipts)

    finish(work, as_json=json)


@app.command("status")
@spread
def status_command(
    recipient: options.Recipient,
    *,
    connection: options.Connection,
    json: options.Json = False,
) -> None:
    """Show whether a recipient's messaging window is open. It costs nothing."""
    from autocalls_async.cli.single import show_status

    finish(lambda s: show_status(connection, recipient, s), as_json=json)


@app.command("senders")
@spread
def senders_command(
    *,
    include_all: options.AllSenders = False,
    connection: options.AccountConnection,
    json: options.Json = False,
) -> None:
    """List the account's senders that are online."""
    from autocalls_async.cli.single import show_senders

    finish(lambda s: show_senders(connection, s, include_all=include_all), as_json=json)


@app.command("templates")
@spread
def templates_command(
    *,
    include_all: options.AllTemplates = False,
    connection: options.Connection,
    json: options.Json = False,
) -> None:
    """List a sender's templates that are approved."""
    from autocalls_async.cli.single import show_templates

    finish(
        lambda s: show_templates(connection, s, include_all=include_all), as_json=json
    )


@app.command("account")
@spread
def account_command(
    *, connection: options.AccountConnection, json: options.Json = False
) -> None:
    """Show whose key this is, and the balance."""
    from autocalls_async.cli.single import show_account

    finish(lambda s: show_account(connection, s), as_json=json)


@app.command("doctor")
@spread
def doctor_command(
    *, connection: options.Connection, json: options.Json = False
) -> None:
    """Look at all that a send needs, and send nothing: lines for a report.

    They hold no key, no number and no name. Exit status 1 if something is wrong.
    """
    from autocalls_async.cli.doctor import diagnose

    finish(lambda screen: diagnose(connection, screen), as_json=json)


@app.command("bulk")
@spread
def bulk_command(campaign: Campaign, *, json: options.Json = False) -> None:
    """Send to each row of a file: recipient_phone, message, sender_id, key.

    Begin with --dry-run. Every row is checked before anything is sent. Ctrl-C
    stops in good order: what has left is waited for, and every outcome so far is
    told. With --journal the same command goes on later, and sends nothing twice.
    """
    from autocalls_async.cli.bulk.command import bulk

    finish(lambda s: bulk(campaign, s), as_json=json)


@app.command("worker")
@spread
def worker_command(
    working: cluster_options.Working, *, json: options.Json = False
) -> None:
    """Send for the accounts of a cluster until SIGTERM; then hand them over."""
    need_extra()
    from autocalls_async.cli.cluster.commands import work

    finish(lambda screen: work(working, screen), as_json=json)
