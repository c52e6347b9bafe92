"""What a run asks of the service, counted by kind."""

from autocalls_async.engine.telemetry.event_log import log_event
from autocalls_async.engine.telemetry.records import (
    Checked,
    Event,
    HandedOver,
    Observer,
)


class RequestCounter:
    """An observer that counts a run's requests by kind, and passes all records on.

    Args:
        then: Whom they are passed on to; the log by default.
    """

    def __init__(self, then: Observer = log_event) -> None:
        self._then = then
        self._sends = 0
        self._checks = 0

    def __call__(self, event: Event) -> None:
        """Count a record."""
        match event:
            case HandedOver():
                self._sends += 1
            case Checked(was_asked=True):
                self._checks += 1
        self._then(event)

    @property
    def counts(self) -> dict[str, int]:
        """How many there were; a check that had to be repeated counts once."""
        return {"sends": self._sends, "window checks": self._checks}
