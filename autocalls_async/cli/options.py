"""The options and arguments that several commands share: names, kinds and help."""

import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer
from attrs import evolve, field, fields, frozen

from autocalls_async.http.settings import DEFAULT_BASE_URL
from autocalls_async.model.later import Later

if TYPE_CHECKING:
    from autocalls_async.cli.terminal import failures as _failures
    from autocalls_async.http import accounts as _accounts
else:
    # few commands name an account
    _failures = Later("autocalls_async.cli.terminal.failures")
    _accounts = Later("autocalls_async.http.accounts")

_OF_AN_ACCOUNT = frozenset({"api_key", "base_url", "sender_id"})


@frozen(kw_only=True)
class Connection:
    """How the service is reached, and as which sender."""

    sender_id: Annotated[
        int | None,
        typer.Option(
            envvar="AUTOCALLS_SENDER_ID",
            metavar="ID",
            help="The sender; `autocalls senders` lists them.",
        ),
    ] = None
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="AUTOCALLS_API_KEY",
            metavar="KEY",
            help="Better set the variable: what is typed here stays in the shell's "
            "history and shows in the list of processes.",
        ),
    ] = field(default=None, repr=False)
    base_url: Annotated[
        str,
        typer.Option(
            envvar="AUTOCALLS_BASE_URL",
            metavar="URL",
            help="Of the API; white-label editions have another host.",
        ),
    ] = DEFAULT_BASE_URL
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="For the call with all its attempts, which are three at most.",
        ),
    ] = 30.0
    account: Annotated[
        str | None,
        typer.Option(
            envvar="AUTOCALLS_ACCOUNT",
            metavar="NAME",
            help="One of those in --accounts: its key, address and sender, whatever "
            "the environment says.",
        ),
    ] = None
    accounts: Annotated[
        Path | None,
        typer.Option(
            envvar="AUTOCALLS_ACCOUNTS",
            metavar="FILE",
            help="TOML with a table for each account: api_key_env (or api_key), "
            "base_url, sender_id, send_limit.",
        ),
    ] = None

    def settled(self, typed: frozenset[str]) -> Self:
        """Return it as its account says, but for what was typed.

        Raises:
            BadParameter: There is no such account.
        """
        if self.account is None:
            return self
        found = _find_account(self.account, self.accounts)
        names = {one.name for one in fields(type(self)) if one.init} - typed
        return evolve(
            self,
            **{name: getattr(found, name) for name in names & _OF_AN_ACCOUNT},
        )


@frozen(kw_only=True)
class AccountConnection(Connection):
    """The same for what is asked of the account, where no sender is named."""

    sender_id: int | None = field(init=False, default=None)


def _find_account(name: str, path: Path | None) -> "_accounts.AccountSettings":
    """Return one account of a file.

    Raises:
        BadParameter: There is no file, or no such account in it, or a setting of it
            breaks its rule.
    """
    if path is None:
        msg = "--account needs --accounts FILE (or the variable AUTOCALLS_ACCOUNTS)"
        raise typer.BadParameter(msg)
    try:
        text = path.read_text(encoding="utf-8")
        return _accounts.parse_account(text, name, environ=os.environ)
    except OSError as error:
        msg = f"cannot read {path}: {_failures.os_reason(error)}"
        raise typer.BadParameter(msg) from error
    except UnicodeDecodeError:
        msg = f"{path} is no text in UTF-8"
        raise typer.BadParameter(msg) from None
    except ValueError as error:
        msg = f"{path}: {error}"
        raise typer.BadParameter(msg) from None


Json = Annotated[
    bool, typer.Option("--json", help="Write JSON; people's text goes to stderr.")
]
Recipient = Annotated[
    str, typer.Argument(metavar="RECIPIENT", help="E.164, such as +14155550123.")
]


def parse_amount(text: str) -> Decimal:
    """Return an amount such as 0.05.

    Raises:
        BadParameter: It is none, or is below 0.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount.is_finite() and amount >= 0:
        return amount
    msg = f"it must be an amount of at least 0, such as 0.05; got {text!r}"
    raise typer.BadParameter(msg)


# send and template

Message = Annotated[
    str, typer.Argument(metavar="MESSAGE", help="1 to 4096 characters.")
]
TemplateName = Annotated[
    str,
    typer.Argument(
        metavar="TEMPLATE", help="Its id or name; `autocalls templates` lists them."
    ),
]
Language = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Of a name that has several, such as de."),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=TEXT",
        help="A variable of the template, such as 1=Ana; give one for each.",
    ),
]
RecipientName = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The recipient's name.")
]

Receipts = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Note there that it was handed over: the file of `autocalls webhooks "
        "serve`, which else takes its receipt for another program's.",
    ),
]

# senders and templates

AllSenders = Annotated[bool, typer.Option("--all", help="Those offline, too.")]
AllTemplates = Annotated[
    bool, typer.Option("--all", help="Those that are not approved, too.")
]

# demo

OpenPage = Annotated[
    bool,
    typer.Option("--open", help="Show it in the browser, and stay until Ctrl-C."),
]
RecipientCount = Annotated[int, typer.Option("--recipients", min=1, hidden=True)]
DemoRate = Annotated[int, typer.Option("--rate", min=1, hidden=True)]
