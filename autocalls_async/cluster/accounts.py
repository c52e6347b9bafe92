"""What a worker has to know of each account; none of it enters the database."""

import inspect
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from autocalls_async.http.accounts import AccountSettings, parse_accounts
from autocalls_async.model.checks import check_key, check_text
from autocalls_async.model.values.naming import show_in

Accounts: TypeAlias = (
    Mapping[str, AccountSettings]
    | Callable[[str], AccountSettings | Awaitable[AccountSettings | None] | None]
)
"""The accounts that a worker knows, or what tells of one by its name."""

log: logging.Logger = logging.getLogger("autocalls_async.cluster")


def check_account(name: str) -> str:
    """Return the name of an account, or raise `ValueError`."""
    if not 1 <= len(check_text("account", name)) <= 255:
        msg = f"account must have 1 to 255 characters; got {len(name)}"
        raise ValueError(msg)
    return check_storable("account", name)


def check_storable(name: str, value: str) -> str:
    """Return a text that PostgreSQL can hold, or raise `ValueError`."""
    if "\0" in value:
        msg = f"{name} must have no zero character: PostgreSQL holds none"
        raise ValueError(msg)
    return value


def check_name(name: str, value: object) -> str:
    """Return a key or the name of a campaign, or raise `ValueError`."""
    return check_storable(name, check_key(name, value))


def read_accounts(path: str | os.PathLike[str]) -> dict[str, AccountSettings]:
    """Read `accounts.toml`: a table for each account, with `api_key_env` or `api_key`.

    ```toml
    [acme]
    api_key_env = "ACME_KEY"   # the variable that holds the key
    sender_id = 12
    ```

    Raises:
        ValueError: It is no such file; the text names the account and the rule.
        OSError: It cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        accounts = parse_accounts(text, environ=os.environ)
        return {check_account(name): one for name, one in accounts.items()}
    except UnicodeDecodeError:
        msg = f"{path} is no text in UTF-8"
    except ValueError as error:
        msg = f"{path}: {error}"
    raise ValueError(msg) from None


class KnownAccounts:
    """What a worker was told of accounts, and asks for.

    Args:
        accounts: Settings by name, or what tells of them.

    Raises:
        ValueError: They are neither.
    """

    def __init__(self, accounts: Accounts) -> None:
        _check_accounts(accounts)
        self._accounts = accounts
        self._unsettled = set[str]()

    @property
    def listed(self) -> Mapping[str, AccountSettings] | None:
        """All of them by name; `None` where each has to be asked for."""
        return self._accounts if isinstance(self._accounts, Mapping) else None

    async def settings_of(self, account: str) -> AccountSettings | None:
        """Return how an account is reached; what cannot be said is told once."""
        if isinstance(self._accounts, Mapping):
            return self._accounts.get(account)
        settings: object
        try:
            found = self._accounts(account)
            settings = await found if inspect.isawaitable(found) else found
        except Exception as error:  # noqa: BLE001  # the user's own
            settings = error
        if settings is None or isinstance(settings, AccountSettings):
            self._unsettled.discard(account)
            return settings
        if account not in self._unsettled:
            seen = type(settings).__name__
            log.error("no settings for account %s: accounts gave a %s", account, seen)
            self._unsettled.add(account)
        return None


def _check_accounts(accounts: object) -> None:
    if isinstance(accounts, Mapping):
        for name, settings in accounts.items():
            check_account(name)
            if not isinstance(settings, AccountSettings):
                seen = type(settings).__name__
                msg = f"account {name} must have AccountSettings; got a {seen}"
                raise ValueError(msg)
    elif not callable(accounts):
        msg = (
            f"accounts must be a mapping or a function; got a {type(accounts).__name__}"
        )
        raise ValueError(msg)


show_in("autocalls_async.cluster", "read_accounts", of=globals())
