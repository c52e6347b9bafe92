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
from autocalls_async.model.masking import mask_phone, show_code
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent

log = logging.getLogger("autocalls_async")


def log_event(event: Event) -> None:
    """Log one record: unknowns as warnings, pauses as information, the rest as debug.

    The logger is `autocalls_async`. A line has a masked recipient, and no text.
    """
    match event:
        case Settled(outcome=Unknown(error=error)):
            to = mask_phone(event.message.recipient_phone)
            text = "#%d to %s ended as unknown: %s"
            log.warning(text, event.call_id, to, error.detail)
        case Paused():
            log.info("all sends pause for %.1f s: the service asked", event.seconds)
        case _ if log.isEnabledFor(logging.DEBUG):
            _log_step(event)


def _log_step(event: Event) -> None:
    match event:
        case Queued():
            to = mask_phone(event.message.recipient_phone)
            log.debug("#%d to %s queued in lane %s", event.call_id, to, event.lane)
        case Checked():
            source = "asked" if event.was_asked else "known"
            state = event.state.value
            log.debug("#%d window %s (%s)", event.call_id, state, source)
        case HandedOver():
            ids = event.call_id, event.attempt
            log.debug("#%d attempt %d handed over after %.3f s", *ids, event.waited)
        case Answered():
            ids = event.call_id, event.attempt
            facts = event.seen.value, event.round_trip
            log.debug("#%d attempt %d answered: %s after %.3f s", *ids, *facts)
        case Settled():
            log.debug("#%d to %s settled: %s", *_settled(event))


def _settled(event: Settled) -> tuple[int, str, str]:
    phone = mask_phone(event.message.recipient_phone)
    return event.call_id, phone, describe(event.outcome)


def describe(outcome: Outcome) -> str:
    """Name an outcome and, where it has one, its error's class and code."""
    match outcome:
        case Accepted():
            return "accepted"
        case Rejected() | Unsent() | Unknown():
            error = outcome.error
            code = f" {show_code(error.error_code)}" if error.error_code else ""
            kind = type(outcome).__name__.lower()
            return f"{kind}: {type(error).__name__}{code}"
