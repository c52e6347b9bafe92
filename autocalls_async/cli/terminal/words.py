"""What the command says: values as lines for people and as JSON for programs.

Pure: no I/O, no clock, no asyncio.
"""

import json
import math
import os
import shlex
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import attrs

_MOST_CHARACTERS = 300


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: no control characters."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def plain(text: object) -> str:
    """Return somebody else's text fit for a line: printable, and not too long."""
    shown = printable(str(text))
    is_long = len(shown) > _MOST_CHARACTERS
    return shown[: _MOST_CHARACTERS - 1] + "…" if is_long else shown


def to_json(value: object) -> str:
    """Return a value as one line of JSON.

    ASCII only: whatever the terminal or the pipe is, nothing is lost, and no
    control character of somebody else's reaches a screen.
    """
    return json.dumps(value, default=_simplify)


def _simplify(value: object) -> Any:  # noqa: ANN401  # whatever JSON can hold
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return float(value) if math.isfinite(float(value)) else str(value)
        case Enum():
            return value.value
        case Mapping():
            return dict(value)
        case _ if attrs.has(type(value)):
            return fields_of(value)
    return str(value)


def fields_of(value: object) -> dict[str, Any]:
    """Return an attrs value's fields by name; nested values stay as they are."""
    names = [a.name for a in attrs.fields(type(value))]  # type: ignore[arg-type]  # attrs.has() said so
    return {name: getattr(value, name) for name in names}


def duration(seconds: float) -> str:
    """Write a number of seconds for people: `38 s`, `6 min 40 s`, `1 h 07 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def show_time(at: datetime) -> str:
    """Write an aware time by the clocks here: `Mon 30 Nov 09:00 CET`."""
    return f"{at.astimezone():%a %d %b %H:%M %Z}"


def count(number: int, noun: str) -> str:
    """Write how many there are: `1 row`, `20,000 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def quote(*words: str) -> str:
    """Write a command as a shell takes it, in printable characters."""
    return " ".join(map(_quote_word, words))


def _quote_word(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    # As bash and zsh take it. A line end shown as anything else would make
    # another text, and so another message, of a command that is copied.
    return "$'" + "".join(map(_escape, word)) + "'"


def _escape(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))
