"""Files with people's numbers in them: their owner's alone, and safe to open.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`, also behind a
tab or a line end. What comes from the service or from somebody's file gets an
apostrophe before it, which is taken off again when a column `key` is read. In
the column `recipient_phone` a number in E.164 stays bare: it is none but a number.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

_RUNS = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)


def open_private(path: Path, mode: str, *, buffering: int = -1) -> IO[str]:
    """Open a text file to be written; a new one is for its owner's eyes alone.

    One that is there keeps its mode: whoever made it chose who may read it.
    """
    return open(  # Path's takes no opener; the caller closes it
        path, mode, buffering, encoding="utf-8", newline="", opener=_open
    )


def open_private_bytes(path: Path, mode: str) -> IO[bytes]:
    """Do the same with a file of bytes."""
    return open(path, f"{mode}b", opener=_open)  # as above


def _open(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def guard_cells(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a CSV file's record without cells that a spreadsheet would run."""
    return {name: _guard(name, cell) for name, cell in record.items()}


def _guard(name: str, cell: object) -> object:
    if not isinstance(cell, str) or not _RUNS.match(cell):
        return cell
    is_number = name == "recipient_phone" and _E164.fullmatch(cell)
    return cell if is_number else f"'{cell}"


def bare_cell(cell: str) -> str:
    """Return what `guard_cells()` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell
