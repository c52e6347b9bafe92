"""The accounts of a file, found by name."""

import os
from pathlib import Path

import typer

from autocalls_async.cli.terminal.failures import os_reason
from autocalls_async.http.accounts import AccountSettings, parse_account


def find_account(name: str, path: Path | None) -> AccountSettings:
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
        return parse_account(text, name, environ=os.environ)
    except OSError as error:
        msg = f"cannot read {path}: {os_reason(error)}"
        raise typer.BadParameter(msg) from error
    except UnicodeDecodeError:
        msg = f"{path} is no text in UTF-8"
        raise typer.BadParameter(msg) from None
    except ValueError as error:
        msg = f"{path}: {error}"
        raise typer.BadParameter(msg) from None
