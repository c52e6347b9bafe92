"""The options and arguments of the commands: their names, kinds and help."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

import typer

from autocalls_async.cli.choices import FileFormat


def parse_price(text: str) -> Decimal:
    """Read an amount such as 0.05.

    Raises:
        BadParameter: It is none, or is below 0.
    """
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("NaN")
    if price.is_finite() and price >= 0:
        return price
    msg = f"it must be an amount of at least 0, such as 0.05; got {text!r}"
    raise typer.BadParameter(msg)


ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="AUTOCALLS_API_KEY",
        metavar="KEY",
        help="Better set the variable: what is typed here stays in the shell's "
        "history and shows in the list of processes.",
    ),
]
BaseUrl = Annotated[
    str,
    typer.Option(
        "--base-url",
        envvar="AUTOCALLS_BASE_URL",
        metavar="URL",
        help="Of the API; white-label editions have another host.",
    ),
]
SenderId = Annotated[
    int | None,
    typer.Option(
        "--sender-id",
        envvar="AUTOCALLS_SENDER_ID",
        metavar="ID",
        help="The sender; `autocalls senders` lists them.",
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="For the call with all its attempts, which are three at most.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Write JSON; people's text goes to stderr.")
]
Recipient = Annotated[
    str, typer.Argument(metavar="RECIPIENT", help="E.164, such as +14155550123.")
]

# send and template

Message = Annotated[
    str, typer.Argument(metavar="MESSAGE", help="1 to 4096 characters.")
]
TemplateId = Annotated[
    int,
    typer.Argument(metavar="TEMPLATE_ID", help="`autocalls templates` lists them."),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        metavar="NAME=TEXT",
        help="A variable of the template, such as 1=Ana; give one for each.",
    ),
]
RecipientName = Annotated[
    str | None, typer.Option("--name", metavar="TEXT", help="The recipient's name.")
]

# senders and templates

AllSenders = Annotated[bool, typer.Option("--all", help="Those offline, too.")]
AllTemplates = Annotated[
    bool, typer.Option("--all", help="Those that are not approved, too.")
]

# bulk

File = Annotated[
    str,
    typer.Argument(metavar="FILE", help="Ends in .csv or .jsonl; - is standard input."),
]
Format = Annotated[
    FileFormat | None,
    typer.Option("--format", help="Where the file's ending does not say it."),
]
Text = Annotated[
    str | None,
    typer.Option(
        "--message",
        metavar="TEXT",
        help="What to write in place of column message. 'Hi {name}' takes the row's "
        "column name; {{ and }} stand for braces.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Send nothing: name every bad row, ask the service what the campaign "
        "would meet, and say what stands in its way.",
    ),
]
Price = Annotated[
    Decimal | None,
    typer.Option(
        "--price",
        metavar="AMOUNT",
        parser=parse_price,
        help="Of one message: lets --dry-run hold the cost against the balance.",
    ),
]
SkipBad = Annotated[
    bool,
    typer.Option(
        "--skip-bad",
        help="Send the rest where some rows are bad. They are named all the same, "
        "and do not count for the exit status.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Write each outcome there as soon as it is known: .csv or .jsonl.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Let --out and --report replace a file.")
]
TemplateOption = Annotated[
    int | None,
    typer.Option(
        "--template",
        min=1,
        metavar="ID",
        help="Send this template instead of free text; `autocalls templates` "
        "lists them.",
    ),
]
TemplateVariables = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        metavar="NAME=TEXT",
        help="A variable of the template; 1={name} takes the row's column name.",
    ),
]
FallbackTemplate = Annotated[
    int | None,
    typer.Option(
        "--fallback-template",
        min=1,
        metavar="ID",
        help="Send this template where the window is closed to free text, at most "
        "once to a recipient until it opens again.",
    ),
]
FallbackVariables = Annotated[
    list[str] | None,
    typer.Option(
        "--fallback-var",
        metavar="NAME=TEXT",
        help="A variable of the fallback template; 1={name} takes column name.",
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="COUNTRY",
        help="Take numbers as people keep them, such as (415) 555-0123 with US; "
        "only E.164 is taken without.",
    ),
]
Journal = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        metavar="FILE",
        help="Keep there what became of each message: the same command goes on where "
        "it ended, and sends nothing twice. A column key may name the rows.",
    ),
]
Rate = Annotated[
    int,
    typer.Option(
        "--rate",
        min=1,
        metavar="NUMBER",
        help="Sends a second. The API allows 5 to all your programs together: lower "
        "it where others use the account.",
    ),
]
CheckTimeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="For each question to the service that comes before the sending.",
    ),
]

# emulator

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")]
Port = Annotated[
    int,
    typer.Option(min=0, max=65535, metavar="NUMBER", help="0 takes a free one."),
]
OnlyKey = Annotated[
    str | None,
    typer.Option(
        "--api-key", metavar="KEY", help="Let no other key in; any will do without it."
    ),
]
# By name: the emulator's own choice would bring the emulator to every command.
LimitName = Literal[
    "sliding-log",
    "fixed-window",
    "calendar-second",
    "leaky-bucket",
    "spaced",
    "stick-table",
]
Limiter = Annotated[LimitName, typer.Option(help="How sends are counted.")]

# demo

RecipientCount = Annotated[int, typer.Option("--recipients", min=1, hidden=True)]
DemoRate = Annotated[int, typer.Option("--rate", min=1, hidden=True)]
