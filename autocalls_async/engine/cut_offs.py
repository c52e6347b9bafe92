"""How many messages were cut off together, as at the end of a program."""

from autocalls_async.http.loop import loop_time

TOGETHER_SECONDS = 0.1
"""Cancellations this close to each other have one cause."""


class CutOffs:
    """Counts those that are cancelled together."""

    def __init__(self) -> None:
        self.count: int = 0
        self._at = 0.0

    def note(self) -> None:
        """Count one more, or begin anew where the last is long ago."""
        now = loop_time()
        if now > self._at + TOGETHER_SECONDS:
            self.count = 0
        self._at = now
        self.count += 1
