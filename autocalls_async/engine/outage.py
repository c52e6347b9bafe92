"""Whether the service can be reached; while it cannot, one attempt at a time probes.

Without this, a campaign would burn a message on each failed connection, and a
thousand waiting messages would knock at a service that is just getting up.
"""

import asyncio
from collections.abc import Callable

from autocalls_async.clock import loop_time
from autocalls_async.engine.pulse import Pulse

DOWN_AFTER_COUNT = 3
"""So many failures in a row to connect are no accident."""


class Outage:
    """What the attempts of one client tell each other about the service."""

    def __init__(self, *, pause_seconds: Callable[[int], float]) -> None:
        """Begin by taking the service for reachable.

        Args:
            pause_seconds: How long to wait before the next probe, by the number
                of failures since the service was found to be down.
        """
        self._pause_seconds = pause_seconds
        self._failure_count = 0
        self.is_down: bool = False
        """Whether the last attempts could not even connect."""
        self._probe_at = 0.0
        self._is_probed = False
        self._news = Pulse()

    def note_connected(self) -> None:
        """Note that a connection stood: whatever comes of it, the service is there."""
        if self._failure_count:
            self._failure_count, self.is_down = 0, False
            self._news.tell()

    def note_failed(self) -> None:
        """Note that no connection came about."""
        self._failure_count += 1
        self.is_down = self._failure_count >= DOWN_AFTER_COUNT
        if self.is_down:
            failures = self._failure_count - DOWN_AFTER_COUNT + 1
            self._probe_at = loop_time() + self._pause_seconds(failures)

    async def wait_for_turn(self) -> bool:
        """Wait while the service is down; return whether this attempt is the probe."""
        while self.is_down:
            if self._is_probed:
                await self._news.wait()
            elif (seconds := self._probe_at - loop_time()) > 0:
                await asyncio.sleep(seconds)
            else:
                self._is_probed = True
                return True
        return False

    def end_probe(self) -> None:
        """Let the next probe pass, if this one found nobody."""
        self._is_probed = False
        self._news.tell()
