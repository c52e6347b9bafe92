"""The options of `autocalls journal`, and of `bulk` for its report."""

from pathlib import Path
from typing import Annotated

import typer

from autocalls_async.cli.choices import Decision, FileFormat
from autocalls_async.journal import State

Journal = Annotated[
    Path, typer.Argument(metavar="JOURNAL", help="What `bulk --journal` named.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help=".csv or .jsonl; standard output without."
    ),
]
Format = Annotated[
    FileFormat, typer.Option("--format", help="Of standard output.", show_default=True)
]
States = Annotated[
    list[State] | None,
    typer.Option("--state", help="Only messages in this state; may be repeated."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a file that is there.")
]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="KEY", help="Of one message; may be repeated."),
]
All = Annotated[bool, typer.Option("--all", help="Every unknown message.")]
As = Annotated[
    Decision,
    typer.Option(
        "--as",
        help="accepted: it was delivered, never send it. new: it was not, the next "
        "run sends it again.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Page = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write a page with the numbers and a picture of the rate there.",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write a page about the journal there at the end.",
    ),
]
