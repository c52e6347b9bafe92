"""A line that is connected when its turn has come, and not ahead of it.

On a lent pool of one or two connections a bulk send that waits for its turn would
keep a reply from connecting.
"""

from collections.abc import Callable
from math import inf

from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import Request
from autocalls_async.http.transport.line import Line
from autocalls_async.http.transport.transport import Transport


class LateLine:
    """A line that does not stand yet."""

    def __init__(
        self, transport: Transport, request: Request, *, on_stand: Callable[[], None]
    ) -> None:
        self.expires_at: float = inf
        self._transport = transport
        self._request = request
        self._on_stand = on_stand
        self._line: Line | None = None

    async def stand(self) -> None:
        """Connect.

        Raises:
            AttemptFailed: No connection came about. Nothing has left.
        """
        self._line = await self._transport.connect(self._request)
        self.expires_at = self._line.expires_at
        self._on_stand()

    def check(self) -> None:
        """Raise `AttemptFailed` if it stands and has gone bad meanwhile."""
        if self._line is not None:
            self._line.check()

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Have nobody told: it does not stand yet."""

    async def ask(self, request: Request) -> Reply:
        """Write the request, and return its answer."""
        assert self._line is not None  # noqa: S101  # its turn is over
        return await self._line.ask(request)

    def close(self) -> None:
        """Close it, if it stands."""
        if self._line is not None:
            self._line.close()
