"""A network in memory: bytes take time, and connections fail at any byte.

The connector is lent to the client by way of an `aiohttp.ClientSession`. Each
of its connections ends in the protocol that the emulator gives for it, so the
code at both ends is the real one, and no socket is opened.

What one connection suffers is drawn when it is made, by a `Weather`.
"""

import asyncio
import re
from collections import Counter, deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.tracing import Trace
from attrs import define, field, frozen

Delay = Callable[[], float]
"""Seconds that the next bytes are under way."""

_MARK = re.compile(rb"msg-[0-9]+-[0-9]+")


class Connecting(Enum):
    """How a connection comes about."""

    WORKS = "connects"
    REFUSED = "refused"
    HANGS = "hangs while connecting"


class Ending(Enum):
    """How a connection ends before its time."""

    RESET = "reset"
    EOF = "closed"
    HOLE = "black hole"


@frozen
class Cut:
    """After so many bytes of one direction the connection ends."""

    after_bytes: int
    ending: Ending


@frozen(kw_only=True)
class Plan:
    """What one connection suffers; at most one thing.

    Attributes:
        up: A cut in what the client writes; `down` in what it would read.
        gateway: What somebody on the way answers in place of the service,
            which has got the request whole and does as it likes.
        stray: An answer that comes while nothing is asked.
    """

    connecting: Connecting = Connecting.WORKS
    up: Cut | None = None
    down: Cut | None = None
    gateway: bytes | None = None
    stray: bytes | None = None

    @property
    def is_fair(self) -> bool:
        """Whether nothing goes wrong."""
        return self == FAIR


FAIR = Plan()

Weather = Callable[[], Plan]


@frozen
class Departure:
    """The first byte of a message's request, as it left the client.

    Attributes:
        mark: Names the message: `msg-17-0`.
        at: Seconds on the loop's clock.
        is_fair: Whether its connection suffers nothing.
    """

    mark: str
    at: float
    is_fair: bool


class _Pipe:
    """One direction: first in, first out, each piece with a delay of its own."""

    def __init__(self, delay: Delay, cut: Cut | None) -> None:
        self._delay = delay
        self.cut = cut
        self._passed_bytes = 0
        self._under_way: deque[Callable[[], None]] = deque()
        self._last_at = 0.0
        self.is_closed = False

    @property
    def is_empty(self) -> bool:
        return not self._under_way

    def push(self, data: bytes, deliver: Callable[[bytes], None]) -> Ending | None:
        """Let bytes pass; say how the connection ends, if it does so here."""
        if self.is_closed:
            return None
        room = self.cut.after_bytes - self._passed_bytes if self.cut else len(data)
        self._passed_bytes += len(data)
        if room > 0:
            self.later(partial(deliver, data[:room]))
        if self.cut and room <= len(data):
            self.is_closed = True
            return self.cut.ending
        return None

    def later(self, act: Callable[[], None]) -> None:
        """Do something after all that is under way, and a delay."""
        loop = asyncio.get_running_loop()
        self._last_at = max(self._last_at, loop.time() + self._delay())
        # Timers of one instant fire in any order; what they do is in order.
        self._under_way.append(act)
        loop.call_at(self._last_at, self._arrive)

    def _arrive(self) -> None:
        self._under_way.popleft()()


class _End(asyncio.Transport):
    """What one of the two protocols holds for its socket."""

    def __init__(
        self,
        protocol: asyncio.Protocol,
        *,
        write: Callable[[bytes], None],
        closed: Callable[[], None],
    ) -> None:
        super().__init__({"peername": ("memory", 1), "sockname": ("memory", 2)})
        self._protocol = protocol
        self._write = write
        self._closed = closed
        self._is_closing = False
        self.is_dead = False

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if not self._is_closing and not self.is_dead:
            self._write(bytes(data))

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._lose(None)
            if not self.is_dead:
                self._closed()

    def abort(self) -> None:
        self.close()

    def receive(self, data: bytes) -> None:
        """Hand bytes to the protocol."""
        if not self._is_closing and not self.is_dead:
            self._protocol.data_received(data)

    def end(self, error: Exception | None) -> None:
        """Tell the protocol that the other side is gone."""
        if self._is_closing or self.is_dead:
            return
        if error is None:
            self._protocol.eof_received()
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        self._is_closing = True
        loop = asyncio.get_running_loop()
        loop.call_soon(self._protocol.connection_lost, error)

    def get_write_buffer_size(self) -> int:
        return 0


class _Line:
    """One connection between a client and the service."""

    def __init__(
        self,
        network: "Network",
        plan: Plan,
        client: asyncio.Protocol,
        server: asyncio.Protocol,
    ) -> None:
        self._network = network
        self._plan = plan
        self._is_asking = False
        self._is_hole = False
        self._up = _Pipe(network.delay, plan.up)
        self._down = _Pipe(network.delay, plan.down)
        self.client = _End(client, write=self._ask, closed=self._hang_up)
        self._server = _End(server, write=self._answer, closed=self._end_answer)
        server.connection_made(self._server)
        client.connection_made(self.client)
        self._plan_stray()

    def die(self) -> None:
        """The client's process is gone; what it wrote is still on its way."""
        self.client.is_dead = True
        self._hang_up()

    def clear_up(self) -> None:
        """Suffer nothing more; what is lost already is told at last."""
        self._plan = FAIR
        if self._is_hole:
            self.client.end(ConnectionResetError(104, "reset"))
        self._up.cut = self._down.cut = None

    def _ask(self, data: bytes) -> None:
        self._is_asking = True
        self._network.note_departure(data, self._plan)
        ending = self._up.push(data, self._server.receive)
        if ending is not None:
            self._break(ending)

    def _answer(self, data: bytes) -> None:
        self._is_asking = False
        if self._plan.gateway is not None and not self._down.is_closed:
            self._network.note_fault("answer of a gateway")
            self._down.push(self._plan.gateway, self.client.receive)
            self._down.is_closed = True
            self._down.later(partial(self.client.end, None))
            return
        ending = self._down.push(data, self.client.receive)
        if ending is not None:
            self._break(ending)
        self._plan_stray()

    def _break(self, ending: Ending) -> None:
        """End both directions, after what is under way in them."""
        where = "request" if self._up.is_closed else "answer"
        self._network.note_fault(f"{ending.value} in the {where}")
        self._up.is_closed = self._down.is_closed = True
        self._is_hole = ending is Ending.HOLE
        if not self._is_hole:
            is_reset = ending is Ending.RESET
            error = ConnectionResetError(104, "reset") if is_reset else None
            self._up.later(partial(self._server.end, error))
            self._down.later(partial(self.client.end, error))

    def _hang_up(self) -> None:
        self._network.forget(self)
        if not self._up.is_closed:
            self._up.is_closed = True
            self._up.later(partial(self._server.end, None))

    def _end_answer(self) -> None:
        if not self._down.is_closed:
            self._down.is_closed = True
            self._down.later(partial(self.client.end, None))

    def _plan_stray(self) -> None:
        if self._plan.stray is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(3 * self._network.delay(), self._stray)

    def _stray(self) -> None:
        """Let an answer come while nothing is asked, which is when it can be told."""
        is_idle = not self._is_asking and self._down.is_empty
        if is_idle and self._plan.stray and not self.client.is_closing():
            self._network.note_fault("stray answer")
            self.client.receive(self._plan.stray)


@define(kw_only=True)
class Network:
    """All connections of one run, and what went wrong with them.

    Attributes:
        accept: Makes the service's end of a connection.
        note: Told each step, for the trace.
        process: The number of the one process that is alive.
    """

    accept: Callable[[], asyncio.Protocol]
    delay: Delay = lambda: 0.0
    weather: Weather = lambda: FAIR
    note: Callable[[str], None] = lambda _: None
    departures: list[Departure] = field(factory=list)
    faults: Counter[str] = field(factory=Counter)
    process: int = 1
    _lines: list[_Line] = field(factory=list)

    async def connect(
        self, client: ResponseHandler, key: ConnectionKey, *, process: int
    ) -> ResponseHandler:
        """Make a connection from this protocol to the service."""
        plan = self.weather()
        await asyncio.sleep(self.delay() + self.delay())
        if process != self.process:
            await asyncio.get_running_loop().create_future()
        if plan.connecting is not Connecting.WORKS:
            self.note_fault(f"connection {plan.connecting.value}")
        if plan.connecting is Connecting.HANGS:
            await asyncio.get_running_loop().create_future()
        if plan.connecting is Connecting.REFUSED:
            refused = ConnectionRefusedError(111, "connection refused")
            raise aiohttp.ClientConnectorError(key, refused)
        self._lines.append(_Line(self, plan, client, self.accept()))
        return client

    def kill(self) -> None:
        """Let the process of the client die: its kernel closes all connections.

        Its code runs on, since it shares the loop; but nothing it does is seen.
        """
        self.process += 1
        for line in list(self._lines):
            line.die()

    def clear_up(self) -> None:
        """Let nothing go wrong any more on the connections there are."""
        for line in list(self._lines):
            line.clear_up()

    @property
    def open_count(self) -> int:
        """Connections that the client holds."""
        return sum(not line.client.is_closing() for line in self._lines)

    def forget(self, line: _Line) -> None:
        """Note that the client has closed a connection."""
        if line in self._lines:
            self._lines.remove(line)

    def note_fault(self, kind: str) -> None:
        """Count a fault that struck."""
        self.faults[kind] += 1
        self.note(kind)

    def note_departure(self, data: bytes, plan: Plan) -> None:
        """Note a message whose request begins to leave."""
        for mark in _MARK.findall(data):
            now = asyncio.get_running_loop().time()
            departure = Departure(mark.decode(), now, plan.is_fair)
            self.departures.append(departure)
            self.note(f"left {departure.mark}")


class MemoryConnector(aiohttp.BaseConnector):
    """Makes connections through the network in memory, for one process."""

    def __init__(self, network: Network, *, is_pooling: bool) -> None:
        # By default a kept connection ages by the real clock.
        super().__init__(
            limit=0,
            force_close=not is_pooling,
            keepalive_timeout=None,
        )
        self._network = network
        self._process = network.process

    @property
    def acquired_count(self) -> int:
        """Connections in use."""
        return len(self._acquired)

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],  # noqa: ARG002  # aiohttp's signature
        timeout: aiohttp.ClientTimeout,
    ) -> ResponseHandler:
        async with asyncio.timeout(timeout.sock_connect):
            return await self._network.connect(
                self._factory(), req.connection_key, process=self._process
            )
