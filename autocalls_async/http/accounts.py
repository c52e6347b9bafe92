"""Several accounts in one file: what each is reached by, and at which limit.

```toml
[acme]
api_key_env = "ACME_API_KEY"   # or api_key = "1|abc123", in a file of yours alone
base_url = "https://app.autocalls.ai/api"
sender_id = 12
send_limit = 5                 # sends a second
```

Pure: no I/O, no clock, no asyncio.
"""

import tomllib
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from autocalls_async.http.settings import (
    DEFAULT_BASE_URL,
    ApiKey,
    MaskedText,
    parse_base_url,
)
from autocalls_async.model.checks import check_count, check_id
from autocalls_async.model.values.masking import forgetful, forgetful_class
from autocalls_async.model.values.naming import show_in
from autocalls_async.policy.pace import SendLimit

_PLAIN: tuple[str, ...] = ("base_url", "sender_id")
_NAMES = ("api_key", "api_key_env", *_PLAIN, "send_limit")


def _mask(key: str) -> str:
    ApiKey(key)
    return MaskedText(key)


@forgetful_class
@frozen
class AccountSettings:
    """How one account is reached, and at which limit it sends.

    Args:
        api_key: The account's key, such as `1|abc123`; its `repr` does not show it.
        base_url: Of the API; white-label editions have another host.
        sender_id: The sender of messages that name none.
        send_limit: Of the account. The API's is 5 a second.

    Raises:
        ValueError: An argument breaks its rule.
    """

    api_key: str = field(converter=_mask, repr=False)
    base_url: str = field(
        default=DEFAULT_BASE_URL, kw_only=True, converter=parse_base_url
    )
    sender_id: int | None = field(
        default=None, kw_only=True, validator=check_id.on_optional_field
    )
    send_limit: SendLimit = field(default=SendLimit(5), kw_only=True)


@forgetful
def parse_accounts(
    text: str, *, environ: Mapping[str, str]
) -> dict[str, AccountSettings]:
    """Read the accounts of a file, by name.

    Args:
        text: TOML, a table for each account.
        environ: Where the keys are that a table names by `api_key_env`.

    Raises:
        ValueError: It is no TOML, or a setting breaks its rule; the account and the
            setting are named.
    """
    tables = _read_tables(text)
    return {name: _read_account(name, table, environ) for name, table in tables.items()}


@forgetful
def parse_account(
    text: str, name: str, *, environ: Mapping[str, str]
) -> AccountSettings:
    """Read one account of a file; what the others lack is nobody's trouble.

    Raises:
        ValueError: As of `parse_accounts()`, or there is no account of this name.
    """
    tables = _read_tables(text)
    if name not in tables:
        msg = f"there is no account {name!r}; there are {', '.join(tables)}"
        raise ValueError(msg)
    return _read_account(name, tables[name], environ)


def _read_tables(text: str) -> dict[str, Any]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"it is no TOML: {error}"
        raise ValueError(msg) from None  # the cause holds the file, keys and all
    if not tables:
        msg = "it names no account; write a table for each, such as [acme]"
        raise ValueError(msg)
    return tables


def _read_account(
    name: str, table: object, environ: Mapping[str, str]
) -> AccountSettings:
    if not isinstance(table, dict):
        msg = f"{name} stands outside an account's table, such as [acme]"
        raise ValueError(msg)
    try:
        return _read_table(table, environ)
    except ValueError as error:
        msg = f"account {name}: {error}"
        raise ValueError(msg) from None


def _read_table(table: dict[str, Any], environ: Mapping[str, str]) -> AccountSettings:
    if unknown := sorted(table.keys() - set(_NAMES)):
        msg = f"there is no setting {unknown[0]}; there are {', '.join(_NAMES)}"
        raise ValueError(msg)
    settings = {name: table[name] for name in _PLAIN if name in table}
    if "send_limit" in table:
        rate = check_count("send_limit", table["send_limit"])
        settings["send_limit"] = SendLimit(rate)
    return AccountSettings(_read_key(table, environ), **settings)


def _read_key(table: dict[str, Any], environ: Mapping[str, str]) -> str:
    key, variable = table.get("api_key"), table.get("api_key_env")
    if (key is None) == (variable is None):
        msg = "give api_key_env, the name of a variable, or else api_key"
        raise ValueError(msg)
    if variable is None:
        return MaskedText(key) if isinstance(key, str) else ""
    if not isinstance(variable, str):
        msg = "api_key_env must be the name of a variable, in quotes"
        raise ValueError(msg)
    if not (found := environ.get(variable, "").strip()):
        msg = f"the variable {variable}, which its api_key_env names, is not set"
        raise ValueError(msg)
    return MaskedText(found)


show_in("autocalls_async.cluster", "AccountSettings", of=globals())
