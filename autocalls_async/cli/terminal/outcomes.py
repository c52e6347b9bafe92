"""How a message ended, and what went wrong: in words, and for programs.

Pure: no I/O, no clock, no asyncio.
"""

from typing import Any

from autocalls_async.cli.terminal.words import plain
from autocalls_async.model.errors import (
    AutocallsError,
    RejectedError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.outcomes import Accepted, Outcome

OUTCOME_STYLES = {
    "accepted": "green",
    "rejected": "yellow",
    "unsent": "cyan",
    "unknown": "magenta",
}
"""Of each outcome, in the order in which they are shown."""


def explain_error(error: AutocallsError) -> str:
    """Return what went wrong, with the service's own words where there are any.

    The library keeps those out of its texts, since they may repeat what was
    sent; here they go to the one who sent it.
    """
    service_message = getattr(error, "service_message", None)
    said = f"the service says: {plain(service_message)}" if service_message else ""
    return "; ".join(part for part in (error.summary, said, error.advice) if part)


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
        "detail": explain_error(error),
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
        record["detail"] = explain_error(outcome.error)
    return record
