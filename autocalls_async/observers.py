"""Who is told what happens: a log by default, and never at a message's cost."""

import logging
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autocalls_async.telemetry import Event, Observer

log = logging.getLogger("autocalls_async")


def _log_event(event: "Event") -> None:
    from autocalls_async.event_log import log_event  # noqa: PLC0415  # few log a step

    log_event(event)


class Telling:
    """Tells an observer, whose own faults break no send."""

    def __init__(self, observer: "Observer | None") -> None:
        if iscoroutinefunction(observer):
            msg = "observer must be a plain function, which is called and not awaited"
            raise ValueError(msg)
        self._observer = observer or _log_event
        self._has_failed = False

    @property
    def is_heard(self) -> bool:
        """Whether anybody wants each step, and not only news of a log's kind."""
        return self._observer is not _log_event or log.isEnabledFor(logging.DEBUG)

    def tell(self, event: "Event") -> None:
        """Tell one record; the first fault of the observer is logged."""
        try:
            self._observer(event)
        except Exception as error:  # noqa: BLE001  # whatever it is, the send goes on
            if not self._has_failed:
                self._has_failed = True
                log.error("the observer raised %s", type(error).__name__)  # noqa: TRY400  # a traceback could show a text
