"""How a message ends: in one of its four outcomes."""

from autocalls_async.engine.shipment import Shipment, Stage
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    RejectedError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.outcomes import (
    Accepted,
    Outcome,
    SendError,
    Unknown,
    Unsent,
    outcome_of,
)


def accepted(shipment: Shipment, sent: SentMessage) -> Accepted:
    """End a message that the service took."""
    return Accepted(message=shipment.message, sent=sent, index=shipment.index)


def unsent(shipment: Shipment, detail: str) -> Unsent:
    """End a message that surely did not leave."""
    error = UnsentError(detail=detail, recipient_phone=shipment.recipient_phone)
    return Unsent(message=shipment.message, error=error, index=shipment.index)


def withdrawn(shipment: Shipment, error: UnsentError | RejectedError) -> Outcome:
    """End a message that surely did not leave, with what is known of why."""
    error.recipient_phone = shipment.recipient_phone
    return outcome_of(shipment.message, error, index=shipment.index)


def unknown(shipment: Shipment, detail: str) -> Unknown:
    """End a message that may have left."""
    error = UnknownOutcomeError(
        detail=detail,
        recipient_phone=shipment.recipient_phone,
        host=shipment.host,
        attempts=shipment.attempt_count,
        handed_over_at=shipment.handed_over_at,
        sender_id=shipment.sender_id,
        text=shipment.text,
    )
    return Unknown(message=shipment.message, error=error, index=shipment.index)


def cut_short(shipment: Shipment) -> Outcome:
    """Return how a message ended whose task was cancelled."""
    if shipment.stage is Stage.LEFT:
        return unknown(shipment, "it was cut off before an answer came")
    if shipment.withdrawn is not None:
        return withdrawn(shipment, shipment.withdrawn)
    return unsent(shipment, "its task was cancelled")


def failed(shipment: Shipment, error: BaseException) -> Outcome:
    """Return how a message ended by this error."""
    if isinstance(error, UnknownOutcomeError):
        error.handed_over_at = shipment.handed_over_at
        error.sender_id, error.text = shipment.sender_id, shipment.text
    if isinstance(error, SendError):
        return outcome_of(shipment.message, error, index=shipment.index)
    return _faulty(shipment, error)


def _faulty(shipment: Shipment, error: BaseException) -> Outcome:
    """Return how a message ended that met a fault nobody foresaw."""
    detail = f"an unexpected fault ({type(error).__name__})"
    has_left = shipment.stage is Stage.LEFT
    outcome = unknown(shipment, detail) if has_left else unsent(shipment, detail)
    outcome.error.__cause__ = error
    return outcome
