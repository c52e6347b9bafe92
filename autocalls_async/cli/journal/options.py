"""The options of `autocalls journal`."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import typer
from attrs import frozen

from autocalls_async.cli.choices import Doubtful, FileFormat, Resolution, StateName
from autocalls_async.cli.options import parse_amount

Journal = Annotated[
    Path, typer.Argument(metavar="JOURNAL", help="What `bulk --journal` named.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a file that is there.")
]
PageFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write a page with the numbers and a picture of the rate there.",
    ),
]
Receipts = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where receipts were kept: receipts.db."),
]

Price = Annotated[
    Decimal | None,
    typer.Option(
        metavar="AMOUNT",
        parser=parse_amount,
        help="Of one message, to tell the costs: accepted ones are counted.",
    ),
]


@frozen(kw_only=True)
class Reporting:
    """What to tell of a journal, and where: the options of `journal report`."""

    journal: Journal
    html: PageFile = None
    receipts: Receipts = None
    price: Price = None
    overwrite: Overwrite = False


@frozen(kw_only=True)
class Export:
    """Which entries to write, and where: the options of `journal export`."""

    journal: Journal
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=".csv, .jsonl or .xlsx; standard output without."
        ),
    ] = None
    format: Annotated[
        FileFormat, typer.Option(help="Of standard output.", show_default=True)
    ] = FileFormat.CSV
    state: Annotated[
        list[StateName] | None,
        typer.Option(help="Only messages in this state; may be repeated."),
    ] = None
    overwrite: Overwrite = False
    receipts: Receipts = None
    price: Price = None


Copy = Annotated[Path, typer.Argument(metavar="COPY", help="A new file.")]
AsUnknown = Annotated[
    bool,
    typer.Option(
        "--as-unknown",
        help="Take what may have been sent since the copy was made for unknown, and "
        "send it to nobody until it is resolved.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@frozen(kw_only=True)
class Resolve:
    """Which messages to settle, and how: the options of `journal resolve`."""

    journal: Journal
    decision: Annotated[
        Resolution | None,
        typer.Option(
            "--as",
            help="accepted: it was delivered, never send it. new: it was not, the next "
            "run sends it again.",
        ),
    ] = None
    state: Annotated[
        Doubtful,
        typer.Option(
            help="unknown: it may have been delivered. rejected: the service refused "
            "it; it can be sent again, as new.",
        ),
    ] = Doubtful.UNKNOWN
    error: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|CODE",
            help="Only those that ended with this error, or its code; may be repeated.",
        ),
    ] = None
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Of one message; may be repeated."),
    ] = None
    all: Annotated[bool, typer.Option("--all", help="Every message in that state.")] = (
        False
    )
    yes: Yes = False
    by_evidence: Annotated[
        bool,
        typer.Option(
            "--by-evidence",
            help="Take those for accepted that surely arrived, by --receipts and the "
            "conversation. Nothing tells that one did not.",
        ),
    ] = False
    receipts: Receipts = None
    no_history: Annotated[
        bool,
        typer.Option(
            "--no-history",
            help="With --by-evidence: leave conversations unread. That they show what "
            "the API sends is assumed; without them nothing is sure.",
        ),
    ] = False
    take: Annotated[
        Literal["likely"] | None,
        typer.Option(help="With --by-evidence: those that likely arrived as well."),
    ] = None
