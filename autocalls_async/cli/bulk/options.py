"""The options of `autocalls bulk`: what is to be sent, and how."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from attrs import field, frozen

from autocalls_async.cli.bulk.rules.options import RuleOptions
from autocalls_async.cli.choices import (
    Changed,
    FileFormat,
    HiddenRows,
    NumbersMeant,
    Repeats,
)
from autocalls_async.cli.options import Connection, parse_amount
from autocalls_async.cli.terminal.spread import to_words
from autocalls_async.cli.terminal.words import quote

_NOT_AGAIN = frozenset(
    {
        *("file", "api_key", "timeout", "dry_run", "preview", "test_to"),
        *("price", "out", "overwrite"),
    }
)
"""What is no part of a command to copy: a key, and what was for this once."""


@frozen(kw_only=True)
class BulkConnection(Connection):
    """How the service is reached by a campaign, which has no time limit itself."""

    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="For each question to the service that comes before the sending.",
        ),
    ] = 30.0


@frozen(kw_only=True)
class Campaign:
    """What is to be sent, and how. Each field is the option of its name."""

    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A spreadsheet's .xlsx, .xls or .ods, or .csv, .tsv, .txt or .jsonl; "
            "- is standard input.",
        ),
    ]
    message: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What to write in place of column message. 'Hi {name}' takes the "
            "row's column name, and so does {{name}}; {name|there} has a word for a "
            "blank cell.",
        ),
    ] = None
    message_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The same, from a text file; it may have line ends."
        ),
    ] = None
    render_column: Annotated[
        bool,
        typer.Option(
            "--render-column", help="Fill the places in the texts of column message."
        ),
    ] = False
    template: Annotated[
        str | None,
        typer.Option(
            metavar="ID|NAME",
            help="Send this template instead of free text; `autocalls templates` "
            "lists them. A column template_id chooses one for its row.",
        ),
    ] = None
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Of a template's name that has several, such as de."
        ),
    ] = None
    var: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TEXT",
            help="A variable of the template; 1={name} takes the row's column name.",
        ),
    ] = None
    flatten: Annotated[
        bool,
        typer.Option(
            "--flatten",
            help="Make one space of line ends, tabs and long blanks in a template's "
            "variables, which WhatsApp does not take.",
        ),
    ] = False
    fallback_template: Annotated[
        str | None,
        typer.Option(
            metavar="ID|NAME",
            help="Send this template where the window is closed to free text, at most "
            "once to a recipient until it opens again.",
        ),
    ] = None
    fallback_var: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TEXT",
            help="A variable of the fallback template; 1={name} takes column name.",
        ),
    ] = None
    region: Annotated[
        str | None,
        typer.Option(
            metavar="COUNTRY",
            help="Take numbers as people keep them, such as (415) 555-0123 with US; "
            "only E.164 is taken without.",
        ),
    ] = None
    numbers: Annotated[
        NumbersMeant | None,
        typer.Option(
            help="With --region, how digits without a plus are meant, all of them: "
            "each with its country's code, or none. Else those that could be either "
            "are refused.",
        ),
    ] = None
    format: Annotated[
        FileFormat | None,
        typer.Option(help="Where the file's ending does not say it."),
    ] = None
    phone_column: Annotated[
        str, typer.Option(metavar="HEADING", help="The column of the numbers.")
    ] = "recipient_phone"
    text_column: Annotated[
        str,
        typer.Option(
            metavar="HEADING", help="The column of the texts, without --message."
        ),
    ] = "message"
    sheet: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Which sheet of a workbook, by name or number, where it has several.",
        ),
    ] = None
    hidden_rows: Annotated[
        HiddenRows | None,
        typer.Option(
            help="Leave out the rows of an .xlsx sheet that are hidden, such as by a "
            "filter, or send them too. Else they are bad rows.",
        ),
    ] = None
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of a text file that is neither UTF-8 nor marked as UTF-16, such as "
            "cp1252, which Excel's plain CSV has in western Europe.",
        ),
    ] = None
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Send nothing: name every bad row, ask the service what the campaign "
            "would meet, and say what stands in its way.",
        ),
    ] = False
    preview: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="Messages that --dry-run shows as they will arrive.",
        ),
    ] = 1
    test_to: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Send row 1, as it will arrive, to this number alone.",
        ),
    ] = None
    price: Annotated[
        Decimal | None,
        typer.Option(
            metavar="AMOUNT",
            parser=parse_amount,
            help="Of one message: lets --dry-run hold the cost against the balance, "
            "is what --budget goes by, and lets --report tell the costs.",
        ),
    ] = None
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad",
            help="Send the rest where some rows are bad. They are named all the same, "
            "and do not count for the exit status.",
        ),
    ] = False
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep there what became of each message: the same command goes on "
            "where it ended, and sends nothing twice. A column key may name the rows.",
        ),
    ] = None
    repeats: Annotated[
        Repeats | None,
        typer.Option(
            help="Where a person has several rows, also by another spelling of the "
            "number: send the first alone, and nothing to whoever had, or may have "
            "had, a message from this journal; or send all. Else nothing is sent.",
        ),
    ] = None
    changed: Annotated[
        Changed | None,
        typer.Option(
            help="Where people had, or may have had, a text from this journal that no "
            "row has now: skip sends the new one only to those who had none, send "
            "to all. Else nothing is sent.",
        ),
    ] = None
    retry_rejected: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="Send again what the service refused for this reason: a code or the "
            "name of an error, as the end of a run shows them, or all. May be "
            "repeated.",
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write each outcome there as soon as it is known, .csv or .jsonl; or "
            "all at the end, .xlsx, which keeps a spreadsheet from mangling numbers.",
        ),
    ] = None
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a page about the journal there at the end."
        ),
    ] = None
    receipts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Note there what was handed over: the file of `autocalls webhooks "
            "serve`, by which `autocalls journal resolve --by-evidence` settles what "
            "is unknown.",
        ),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let --out and --report replace a file.")
    ] = False
    rate: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="Sends a second. The API allows 5 to all your programs together: "
            "lower it where others use the account.",
        ),
    ] = 5
    rules: RuleOptions = field(factory=RuleOptions)
    connection: BulkConnection = field(factory=BulkConnection)

    def command(self, *, is_begun: bool = True) -> str:
        """Return the command that sends it, or goes on with it; never the key."""
        # What was to be sent again is new in the journal by now; what --budget and
        # --report go by is part of it.
        once = {"retry_rejected"} if is_begun else set[str]()
        uses_price = self.rules.budget is not None or self.report is not None
        needed = {"price"} if uses_price else set[str]()
        words = to_words(self, without=(_NOT_AGAIN | once) - needed)
        again = ["--overwrite"] * (self.report is not None)
        return quote("autocalls", "bulk", self.file, *words, *again)
