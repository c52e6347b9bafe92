"""The options that say whom a campaign may write to, when, and how much."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from attrs import frozen

from autocalls_async.cli.options import parse_amount


@frozen(kw_only=True)
class RuleOptions:
    """Whom a campaign may write to, when, and how much."""

    exclude: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Send nothing to the numbers in it: one a line, a table with the "
            "rows' column of numbers, or what `autocalls exclude` keeps. It is read "
            "anew when it changes; while it cannot be read, nothing leaves. May be "
            "repeated.",
        ),
    ] = None
    hours: Annotated[
        str | None,
        typer.Option(
            metavar="HH:MM-HH:MM",
            help="Send within these hours alone, such as 09:00-20:00; several by "
            "commas. The run waits, and goes on by itself.",
        ),
    ] = None
    days: Annotated[
        str | None,
        typer.Option(
            metavar="DAYS",
            help="The days on which the hours begin, such as mon-fri or sat,sun; all "
            "of them without.",
        ),
    ] = None
    tz: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Whose clocks --hours and --at go by, such as Europe/Berlin. A row's "
            "column time_zone says it for that row's hours.",
        ),
    ] = None
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Begin then, such as 2026-11-30T09:00, by the clocks of --tz.",
        ),
    ] = None
    per_day: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|auto",
            help="New people whom each sender writes to in any 24 hours, at most: "
            "those without an open window. auto asks the service for the sender's "
            "limit. With --journal they are remembered; what other programs send is "
            "not seen.",
        ),
    ] = None
    at_most: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="Stop when so many have left, in all runs of the journal.",
        ),
    ] = None
    budget: Annotated[
        Decimal | None,
        typer.Option(
            metavar="AMOUNT",
            parser=parse_amount,
            help="Stop before more is spent, at --price each, in all runs of the "
            "journal.",
        ),
    ] = None
    rate_is_agreed: Annotated[
        bool,
        typer.Option(
            "--rate-is-agreed",
            help="Let --rate go over 5: the service has agreed to more for this "
            "account.",
        ),
    ] = False
