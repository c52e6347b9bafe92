"""What a worker has to know of each account; none of it enters the database."""

import os
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen

from autocalls_async.http.settings import DEFAULT_BASE_URL, ApiKey, parse_base_url
from autocalls_async.model.checks import check_id, check_text
from autocalls_async.model.naming import show_in
from autocalls_async.policy.pace import SendLimit

_FIELDS = frozenset({"api_key", "api_key_env", "base_url", "sender_id", "send_limit"})


def _check_key(_self: object, _attribute: object, value: str) -> None:
    ApiKey(value)


def _check_url(_self: object, _attribute: object, value: str) -> None:
    parse_base_url(value)


@frozen
class AccountSettings:
    """How the service is reached for one account.

    Args:
        api_key: The account's key.
        base_url: Of the API; white-label editions have another host.
        sender_id: The sender of messages that name none.
        send_limit: Of the account. The API's is 5 a second.

    Raises:
        ValueError: An argument breaks its rule.
    """

    api_key: str = field(validator=_check_key, repr=False)
    base_url: str = field(default=DEFAULT_BASE_URL, kw_only=True, validator=_check_url)
    sender_id: int | None = field(
        default=None, kw_only=True, validator=check_id.on_optional_field
    )
    send_limit: SendLimit = field(default=SendLimit(5), kw_only=True)


Accounts: TypeAlias = (
    Mapping[str, AccountSettings]
    | Callable[[str], AccountSettings | Awaitable[AccountSettings | None] | None]
)
"""The accounts that a worker knows, or what tells of one by its name."""


def check_account(name: str) -> str:
    """Return the name of an account, or raise `ValueError`."""
    if not 1 <= len(check_text("account", name)) <= 255:
        msg = f"account must have 1 to 255 characters; got {len(name)}"
        raise ValueError(msg)
    return name


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
        tables = tomllib.loads(Path(path).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        msg = f"{path} is not TOML"  # the parser's words may quote a key
        raise ValueError(msg) from None
    return {check_account(name): _read(name, table) for name, table in tables.items()}


def _read(name: str, table: object) -> AccountSettings:
    if not isinstance(table, dict):
        msg = f"[{name}] must be a table with api_key_env or api_key"
        raise ValueError(msg)
    unknown = sorted(set(table) - _FIELDS)
    if unknown:
        msg = f"[{name}] has {unknown[0]}; it may have {', '.join(sorted(_FIELDS))}"
        raise ValueError(msg)
    fields: dict[str, Any] = dict(table)
    try:
        key = _read_key(fields)
        if "send_limit" in fields:
            fields["send_limit"] = SendLimit(fields["send_limit"])
        return AccountSettings(key, **fields)
    except (TypeError, ValueError) as error:
        msg = f"[{name}] {error}"
        raise ValueError(msg) from None


def _read_key(fields: dict[str, Any]) -> str:
    key, variable = fields.pop("api_key", None), fields.pop("api_key_env", None)
    if (key is None) is (variable is None):
        msg = "needs either api_key_env or api_key"
        raise ValueError(msg)
    if variable is None:
        return str(key)
    if not os.environ.get(str(variable)):
        msg = f"names the variable {variable}, which is not set"
        raise ValueError(msg)
    return os.environ[str(variable)]


show_in("autocalls_async.cluster", "AccountSettings", "read_accounts", of=globals())
