"""A proxy that is as far away as a network: `python -m benchmarks.delay_proxy`.

What arrives on one side leaves on the other half a round trip later. Connecting
to it takes no time, since it is on this machine, so a connection's first bytes
are late by the whole round trip that connecting would have taken; over TLS the
handshake's own bytes then take theirs. A timer of the event loop is up to a
millisecond late, so a round trip of 50 ms takes 50 to 52.

The end of either side closes the other, in its turn: half-closed connections and
resets are not carried over.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.fast_server import beside, pin


class _End(asyncio.Protocol):
    """One end of a connection: hands what it gets on to the other one, later."""

    def __init__(self, *, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._not_before = 0.0
        self._late: deque[bytes | None] = deque()  # `None` is the end

    def hold_until(self, at: float) -> None:
        """Let nothing leave before this instant of the loop's clock."""
        self._not_before = at

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def lead_to(self, other: "_End") -> None:
        """Hand everything on to this end."""
        self._other = other

    def data_received(self, data: bytes) -> None:
        self._hand_on(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._hand_on(None)

    def _hand_on(self, data: bytes | None) -> None:
        at = max(self._loop.time() + self._delay, self._not_before)
        self._late.append(data)
        # Whichever timer is first takes what came first: none overtakes.
        self._loop.call_at(at, self._deliver)

    def _deliver(self) -> None:
        data = self._late.popleft()
        if data is None:
            self._other.transport.close()
        else:
            self._other.transport.write(data)


class _Near(_End):
    """The client's end, which opens the one to the server."""

    def __init__(self, port: int, *, round_trip: float) -> None:
        super().__init__(delay=round_trip / 2)
        self._port = port
        self.hold_until(self._loop.time() + 1.5 * round_trip)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._opening = self._loop.create_task(self._open())

    async def _open(self) -> None:
        _, far = await self._loop.create_connection(
            lambda: _End(delay=self._delay), "127.0.0.1", self._port
        )
        far.lead_to(self)
        self.lead_to(far)
        self.transport.resume_reading()


async def _serve(port: int, *, round_trip: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Near(port, round_trip=round_trip), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def delay_proxy(port: int, *, round_trip: float) -> Iterator[int]:
    """Run one before this port, so many seconds away, and give its own."""
    with beside("benchmarks.delay_proxy", port, round_trip) as own:
        yield own


if __name__ == "__main__":
    core, to, seconds = sys.argv[1:]
    pin(int(core) if core else None)
    asyncio.run(_serve(int(to), round_trip=float(seconds)))
