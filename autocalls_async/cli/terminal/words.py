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

from autocalls_async.model.errors import (
    AutocallsError,
    RejectedError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.outcomes import Accepted, Outcome

_MOST_CHARACTERS = 300


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: no control characters."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def plain(text: object) -> str:
    """Return somebody else's text fit for a line: printable, and not too long."""
    shown = printable(str(text))
    is_long = len(shown) > _MOST_CHARACTERS
    return shown[: _MOST_CHARACTERS - 1] + "…" if is_long else shown


def explain(error: AutocallsError) -> str:
    """Say what went wrong, with the service's own words where there are any.

    The library keeps those out of its texts, since they may repeat what was
    sent; here they go to the one who sent it.
    """
    service_message = getattr(error, "service_message", None)
    said = f"the service says: {plain(service_message)}" if service_message else ""
    return "; ".join(part for part in (error.summary, said, error.advice) if part)


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


def outcome_name(value: Outcome | AutocallsError) -> str:
    """Return the outcome's name, of an outcome or of the error that tells it."""
    match value:
        case Accepted():
            return "accepted"
        case RejectedError():
            return "rejected"
        case UnsentError():
            return "unsent"
        case UnknownOutcomeError():
            return "unknown"
        case AutocallsError():
            return "failed"
    return type(value).__name__.lower()


def error_record(error: AutocallsError) -> dict[str, Any]:
    """Return what a program wants to know of an error."""
    return {
        "outcome": outcome_name(error),
        "error": type(error).__name__,
        "status": error.status,
        "error_code": error.error_code,
        "detail": explain(error),
    }


OUTCOME_COLUMNS = (
    "line",
    "recipient_phone",
    "outcome",
    "whatsapp_message_id",
    "fell_back",
    "error",
    "error_code",
    "detail",
)


def outcome_record(outcome: Outcome, *, line_number: int) -> dict[str, Any]:
    """Return one message's outcome, by the names in `OUTCOME_COLUMNS`."""
    record: dict[str, Any] = dict.fromkeys(OUTCOME_COLUMNS)
    record["line"] = line_number
    record["recipient_phone"] = outcome.message.recipient_phone
    record["outcome"] = outcome_name(outcome)
    if isinstance(outcome, Accepted):
        record["whatsapp_message_id"] = outcome.sent.whatsapp_message_id
        record["fell_back"] = outcome.sent.fell_back
    else:
        record["error"] = type(outcome.error).__name__
        record["error_code"] = outcome.error.error_code
        record["detail"] = explain(outcome.error)
    return record


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
