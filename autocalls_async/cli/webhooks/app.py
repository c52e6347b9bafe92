"""The commands of `autocalls webhooks`; each imports what it needs in its body."""

import typer

from autocalls_async.cli.options import Json
from autocalls_async.cli.terminal.commands import finish
from autocalls_async.cli.terminal.spread import spread
from autocalls_async.cli.webhooks import options

webhooks_app: typer.Typer = typer.Typer(
    no_args_is_help=True,
    help="Take receipts in, and look at one.",
)


@webhooks_app.command("serve")
@spread
def webhooks_serve_command(wanted: options.Serve, *, json: Json = False) -> None:
    """Receive webhooks until Ctrl-C: /hooks/receipts, and with a token the others.

    The senders' signing secrets stand in AUTOCALLS_WEBHOOK_SECRETS: one for all, or
    '12=new,old;15=secret'. Programs on this host read the same file with
    Deliveries("receipts.db"). Put a web server with TLS before it.
    """
    from autocalls_async.cli.webhooks.commands import serve

    finish(lambda screen: serve(wanted, screen), as_json=json)


@webhooks_app.command("verify")
@spread
def webhooks_verify_command(wanted: options.Verify, *, json: Json = False) -> None:
    """Say whether a receipt's body fits its signature, and what it tells.

    FILE holds the body as it came, byte for byte.
    """
    from autocalls_async.cli.webhooks.commands import verify

    finish(lambda screen: verify(wanted, screen), as_json=json)
