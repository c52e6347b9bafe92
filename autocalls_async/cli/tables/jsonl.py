"""Rows as JSON, one object a line.

Pure: no clock, no asyncio; nothing is opened here.
"""

import json
from collections.abc import Iterator
from typing import IO, Any

from autocalls_async.cli.tables.headings import show_headings
from autocalls_async.cli.tables.lines import read_lines


def read_objects(
    file: IO[bytes], *, encoding: str | None = None
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Return each line's object, or what is wrong with it; blank lines are left out.

    Raises:
        FileError: The rest of the file cannot be read.
    """
    lines = read_lines(file, encoding=encoding)
    for line_number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield line_number, _read_object(line)
        except ValueError as error:
            yield line_number, str(error)


def _read_object(line: str) -> dict[str, Any]:
    try:
        # A number with a point goes into a text as it was written.
        value = json.loads(
            line,
            parse_float=str,
            parse_constant=_refuse_nan,
            object_pairs_hook=_refuse_twice,
        )
    except json.JSONDecodeError as error:
        msg = f"it is not JSON: {error.msg} at character {error.pos + 1}"
        raise ValueError(msg) from None
    except RecursionError:
        msg = "it is not a row: it is nested too deeply"
        raise ValueError(msg) from None
    if not isinstance(value, dict):
        msg = f"it must be a JSON object; got a {type(value).__name__}"
        raise ValueError(msg)
    return value


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object: JSON lets it have a name twice, and readers take either."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"column {show_headings([twice])} is there twice"
        raise ValueError(msg)
    return found


def _refuse_nan(name: str) -> None:
    msg = f"it is not JSON: {name} is no number"
    raise ValueError(msg)
