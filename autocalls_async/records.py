"""The records of a message, each imported where it is first made.

Their module is a tenth of our import, and most programs observe no step.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autocalls_async.telemetry import (
        Answered,
        Checked,
        HandedOver,
        Paused,
        Queued,
        QueueStatus,
        Settled,
    )

    __all__ = (
        "Answered",
        "Checked",
        "HandedOver",
        "Paused",
        "QueueStatus",
        "Queued",
        "Settled",
    )
else:  # a checker shall find a name that is misspelt

    def __getattr__(name: str) -> object:
        """Import the records, and keep this one here."""
        telemetry = import_module("autocalls_async.telemetry")
        value = globals()[name] = getattr(telemetry, name)
        return value
