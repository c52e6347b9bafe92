"""The options of `autocalls webhooks`."""

from pathlib import Path
from typing import Annotated

import typer
from attrs import field, frozen

from autocalls_async.http.settings import SECRETS_VARIABLE


@frozen(kw_only=True)
class Serve:
    """Where to listen, and where receipts go: the options of `webhooks serve`."""

    receipts: Annotated[
        Path, typer.Option(metavar="FILE", help="Where receipts are kept.")
    ] = Path("receipts.db")
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, metavar="NUMBER", help="0 takes a free one."),
    ] = 9000
    inbound_token: Annotated[
        str | None,
        typer.Option(
            envvar="AUTOCALLS_INBOUND_TOKEN",
            metavar="TOKEN",
            help="Take inbound and conversation-ended webhooks too, known by it. "
            "Better set the variable.",
        ),
    ] = field(default=None, repr=False)


@frozen(kw_only=True)
class Verify:
    """What to look at: the options of `webhooks verify`."""

    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The body as it came; - is standard input."
        ),
    ]
    signature: Annotated[
        str,
        typer.Option(metavar="TEXT", help="What X-Signature-256 was: sha256=..."),
    ]
    secret_env: Annotated[
        str,
        typer.Option(metavar="NAME", help="The variable that holds the secrets."),
    ] = SECRETS_VARIABLE
