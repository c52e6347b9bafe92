"""What the log says of each message, where no observer is told of it.

Imported with the first record: most programs log no step, and have none to tell.
"""

import logging

from autocalls_async.engine.telemetry.records import (
    Answered,
    Checked,
    Event,
    HandedOver,
    Paused,
    Queued,
    Settled,
)
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from autocalls_async.model.values.masking import mask_phone, show_code

log: logging.Logger = logging.getLogger("autocalls_async")

_NAMES: dict[type[Event], str] = {
    Answered: "answered",
    Checked: "checked",
    HandedOver: "handed_over",
    Paused: "paused",
    Queued: "queued",
    Settled: "settled",
}


def log_event(event: Event) -> None:
    """Log one record: unknowns as warnings, pauses as information, the rest as debug.

    The logger is `autocalls_async`. A line has a masked recipient, and no text. Its
    record has the same as fields, for whoever writes lines as JSON: `autocalls_event`
    and what `log_fields()` lists.
    """
    match event:
        case Settled(outcome=Unknown(error=error)):
            to = mask_phone(event.message.recipient_phone)
            text = "#%d to %s ended as unknown: %s"
            extra = log_fields(event)
            log.warning(text, event.call_id, to, error.detail, extra=extra)
        case Paused():
            text = "all sends pause for %.1f s: the service asked"
            log.info(text, event.seconds, extra=log_fields(event))
        case _ if log.isEnabledFor(logging.DEBUG):
            text, *values = _step(event)
            log.debug(text, *values, extra=log_fields(event))


def log_fields(event: Event) -> dict[str, object]:
    """Return what a record tells, each name beginning with `autocalls_`."""
    told: dict[str, object] = {"event": _NAMES[type(event)]}
    match event:
        case Paused():
            told["seconds"] = event.seconds
        case _:
            told["call_id"] = event.call_id
            told["recipient"] = mask_phone(event.message.recipient_phone)
            told |= _facts_of(event)
    return {f"autocalls_{name}": value for name, value in told.items()}


def _facts_of(
    event: Queued | Checked | HandedOver | Answered | Settled,
) -> dict[str, object]:
    match event:
        case Queued():
            return {"sender_id": event.sender_id, "lane": event.lane.value}
        case Checked():
            return {"window": event.state.value, "was_asked": event.was_asked}
        case HandedOver():
            return {"attempt": event.attempt, "waited": event.waited}
        case Answered():
            seen = event.seen.value
            trip = event.round_trip
            return {"attempt": event.attempt, "seen": seen, "round_trip": trip}
        case Settled():
            return _ending(event.outcome)


def _ending(outcome: Outcome) -> dict[str, object]:
    told: dict[str, object] = {"outcome": type(outcome).__name__.lower()}
    if isinstance(outcome, Accepted):
        return told | {"whatsapp_message_id": outcome.sent.whatsapp_message_id}
    error = outcome.error
    code = error.error_code and show_code(error.error_code)
    return told | {"error": type(error).__name__, "error_code": code}


def _step(
    event: Queued | Checked | HandedOver | Answered | Settled,
) -> tuple[str, *tuple[object, ...]]:
    number = event.call_id
    match event:
        case Queued():
            to = mask_phone(event.message.recipient_phone)
            return "#%d to %s queued in lane %s", number, to, event.lane
        case Checked():
            source = "asked" if event.was_asked else "known"
            return "#%d window %s (%s)", number, event.state.value, source
        case HandedOver():
            text = "#%d attempt %d handed over after %.3f s"
            return text, number, event.attempt, event.waited
        case Answered():
            text = "#%d attempt %d answered: %s after %.3f s"
            return text, number, event.attempt, event.seen.value, event.round_trip
        case Settled():
            return "#%d to %s settled: %s", *_settled(event)


def _settled(event: Settled) -> tuple[int, str, str]:
    phone = mask_phone(event.message.recipient_phone)
    return event.call_id, phone, name_outcome(event.outcome)


def name_outcome(outcome: Outcome) -> str:
    """Name an outcome and, where it has one, its error's class and code."""
    match outcome:
        case Accepted():
            return "accepted"
        case Rejected() | Unsent() | Unknown():
            error = outcome.error
            code = f" {show_code(error.error_code)}" if error.error_code else ""
            kind = type(outcome).__name__.lower()
            return f"{kind}: {type(error).__name__}{code}"
