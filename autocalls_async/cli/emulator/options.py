"""The options of `autocalls emulator`."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import typer
from attrs import field, frozen

# By name: the emulator's own choices would bring the emulator to every command.
LimitName = Literal[
    "sliding-log",
    "fixed-window",
    "calendar-second",
    "leaky-bucket",
    "spaced",
    "stick-table",
]
StepsName = Literal["auto", "delivered", "manual"]


@frozen(kw_only=True)
class Address:
    """Where the simulated service listens."""

    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, metavar="NUMBER", help="0 takes a free one."),
    ] = 8080


@frozen(kw_only=True)
class Inbound:
    """How customers' messages reach somebody's program."""

    inbound: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where your program takes customers' messages."
        ),
    ] = None
    inbound_fields: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD=NAME,...",
            help="Other names for phone, text, sender_id, timestamp and "
            "conversation_id, such as phone=recipient_phone,text=body.",
        ),
    ] = None
    inbound_token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Sent with them, as Authorization: Bearer TEXT."
        ),
    ] = field(default=None, repr=False)


@frozen(kw_only=True)
class AccountOptions:
    """What the simulated account has."""

    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="Let no other key in; any will do without it."
        ),
    ] = field(default=None, repr=False)
    rate_limit: Annotated[LimitName, typer.Option(help="How sends are counted.")] = (
        "sliding-log"
    )
    rate: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="Sends admitted a second.")
    ] = 5
    balance: Annotated[str, typer.Option(metavar="AMOUNT", help="On the account.")] = (
        "100"
    )
    cost: Annotated[str, typer.Option(metavar="AMOUNT", help="Of one message.")] = (
        "0.05"
    )
    customers: Annotated[
        int,
        typer.Option(
            min=0, max=100_000, metavar="NUMBER", help="Ready-made customers."
        ),
    ] = 12
    empty: Annotated[
        bool,
        typer.Option(
            "--empty", help="No customers and no templates; the two senders stay."
        ),
    ] = False


@frozen(kw_only=True)
class Simulation:
    """The simulated service: the options of `emulator`."""

    address: Address
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Another name under which a browser finds the page."
        ),
    ] = None
    open: Annotated[
        bool, typer.Option("--open", help="Show the page in the browser.")
    ] = False
    webhook: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where your program takes receipts."),
    ] = None
    webhook_secret: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="What they are signed with; made if none is given."
        ),
    ] = field(default=None, repr=False)
    inbound: Inbound
    ended: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Told when a conversation ended."),
    ] = None
    receipt_steps: Annotated[
        StepsName,
        typer.Option(
            help="auto: sent after 0.2 s, delivered after 1 s, read where the page "
            "has the thread open; delivered: the same without read."
        ),
    ] = "auto"
    account: AccountOptions
    keep: Annotated[
        int,
        typer.Option(min=1, metavar="NUMBER", help="Messages kept, the newest."),
    ] = 5000
    latency: Annotated[
        str | None,
        typer.Option(
            metavar="5-60ms", help="How long each request takes, each way; at random."
        ),
    ] = None
    load: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Begin with a state that was saved."),
    ] = None
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the state at the end.")
    ] = None
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Record what is written, for `emulator replay`."
        ),
    ] = None

    def amounts(self) -> tuple[Decimal, Decimal]:
        """Return balance and cost.

        Raises:
            ValueError: One is no amount, or below zero.
        """
        return (
            _amount("--balance", self.account.balance),
            _amount("--cost", self.account.cost),
        )


RecordFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="What `emulator --record` wrote.")
]
ReplyTimeout = Annotated[
    float,
    typer.Option(
        "--timeout", min=0.0, metavar="SECONDS", help="How long a reply may take."
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="REGEX",
        help="What this matches in a text is not compared; can be repeated.",
    ),
]


def _amount(option: str, text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        msg = f"{option} must be an amount, such as 12.50; got {text!r}"
        raise ValueError(msg)
    return amount
