"""The options of `autocalls cluster` and `autocalls worker`."""

from pathlib import Path
from typing import Annotated

import typer
from attrs import field, frozen

from autocalls_async.cli.choices import FileFormat, Resolution

Dsn = Annotated[
    str | None,
    typer.Option(
        envvar="AUTOCALLS_CLUSTER_DSN",
        metavar="DSN",
        show_envvar=True,
        help="The shared PostgreSQL, such as postgresql://host/name. Better set the "
        "variable where it holds a password.",
    ),
]
Account = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Its name in accounts.toml.")
]


@frozen(kw_only=True)
class SharedTable:
    """Where the shared table is."""

    dsn: Dsn = field(default=None, repr=False)


@frozen(kw_only=True)
class Working:
    """What a worker does: the options of `worker`."""

    place: SharedTable
    accounts: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="accounts.toml: a table for each account with api_key_env or "
            "api_key, and base_url, sender_id, send_limit.",
        ),
    ]
    max_accounts: Annotated[
        int, typer.Option(min=1, help="Held by this worker at once.")
    ] = 80
    direct: Annotated[
        str | None,
        typer.Option(
            metavar="DSN", help="The server itself, where --dsn leads to PgBouncer."
        ),
    ] = field(default=None, repr=False)
    lease: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=1.0,
            help="Where this host vanishes, others take over after so long.",
        ),
    ] = 10.0


@frozen(kw_only=True)
class Handing:
    """What to hand over to the workers: the options of `cluster send`."""

    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A spreadsheet, .csv, .tsv, .txt or .jsonl."
        ),
    ]
    place: SharedTable
    account: Annotated[str, typer.Option(help="Whose messages they are.")]
    campaign: Annotated[
        str, typer.Option(help="What they belong to; its progress is asked for by it.")
    ]
    sender_id: Annotated[
        int | None, typer.Option(metavar="ID", help="Of rows that name none.")
    ] = None
    message: Annotated[
        str | None, typer.Option(metavar="TEXT", help="With {column} for a row's cell.")
    ] = None
    template: Annotated[
        str | None,
        typer.Option(metavar="ID", help="A template in place of text, by its number."),
    ] = None
    var: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=TEXT", help="A variable of the template."),
    ] = None
    region: Annotated[
        str | None,
        typer.Option(metavar="CC", help="Of numbers that are written without a plus."),
    ] = None
    format: Annotated[
        FileFormat | None, typer.Option(help="Where the file's name does not tell.")
    ] = None


@frozen(kw_only=True)
class Resolving:
    """Which unknown messages to settle, and how: the options of `unknown resolve`."""

    place: SharedTable
    decision: Annotated[
        Resolution,
        typer.Option(
            "--as",
            help="accepted: it was delivered, never send it. new: it was not, send it.",
        ),
    ]
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Of one message; may be repeated."),
    ] = None
    all: Annotated[bool, typer.Option("--all", help="Every unknown message.")] = False
    account: Annotated[
        str | None, typer.Option(help="Only this account's messages.")
    ] = None
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False


# demo

DemoMessages = Annotated[int, typer.Option("--messages", min=20, hidden=True)]
