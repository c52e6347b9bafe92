"""A server that fails on purpose, and remembers which requests arrived whole.

What it does with a connection is a script: a coroutine function that reads as
much as it likes, answers what it likes and ends as it likes. What the server
remembers is the truth that outcomes are held against.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self, TypeAlias

from attrs import define, field

MOMENT_SECONDS = 0.01
"""Long enough for all that is under way to arrive, shorter than a turn's wait."""


class Treatment(Enum):
    """What the service did with a request that arrived whole."""

    ACTED = "sent the message"
    REFUSED = "refused it, and did nothing"
    TURNED_AWAY = "counted it as too many, and did nothing"


@define(eq=False)
class Arrival:
    """One request that was read whole: its head, and all of its body."""

    method: str
    number: int
    treatment: Treatment = Treatment.ACTED

    def good_body(self) -> bytes:
        """Write the answer that this request deserves, and no other does."""
        answer: dict[str, object] = {"name": f"account {self.number}"}
        answer |= {"email": "a@b.c", "total_balance": 1}
        if self.method == "POST":
            answer = {"success": True, "whatsapp_message_id": self.number}
        return json.dumps(answer, separators=(",", ":")).encode()


class Wire:
    """The server's end of one connection."""

    def __init__(
        self,
        server: "FaultServer",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.number = server.count_connection()
        """Which connection it is, counted from 1; the warm-up's does not count."""
        self._server = server
        self._reader = reader
        self._writer = writer
        self._method = ""
        self._left_bytes: int | None = None

    async def read_some(self) -> None:
        """Read what is there, whatever it is."""
        await self._reader.read(65536)

    async def read_connect(self) -> None:
        """Read what a proxy is asked; it is no request to the service."""
        await self._reader.readuntil(b"\r\n\r\n")

    async def read_head(self) -> None:
        """Read a request up to the blank line, and nothing of its body."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        self._method = head.split(b" ", 1)[0].decode()
        fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        lengths = [value for name, _, value in fields if name == b"content-length"]
        self._left_bytes = int(lengths[0]) if lengths else 0

    async def read_half(self) -> None:
        """Read a request up to the middle of its body."""
        await self.read_head()
        half = (self._left_bytes or 0) // 2
        await self._reader.readexactly(half)
        self._left_bytes = (self._left_bytes or 0) - half

    async def read_request(self, treatment: Treatment = Treatment.ACTED) -> Arrival:
        """Read a request to its end, also one that was begun, and note it."""
        if self._left_bytes is None:
            await self.read_head()
        await self._reader.readexactly(self._left_bytes or 0)
        self._left_bytes = None
        return self._server.note(self._method, treatment)

    async def send(self, data: bytes) -> None:
        """Write bytes, as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        """Close the connection, as is proper."""
        self._writer.close()
        await self._writer.wait_closed()

    async def reset(self) -> None:
        """Break the connection off with an RST."""
        peer = self._writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def drop(self) -> None:
        """Let go of the connection, whatever it was about to write."""
        self._writer.transport.abort()

    async def stall(self) -> None:
        """Keep the connection open, and say nothing more."""
        await asyncio.Event().wait()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on in TLS."""
        await self._writer.start_tls(context)


Script: TypeAlias = Callable[[Wire], Awaitable[None]]


def good_answer(body: bytes, *fields: str) -> bytes:
    """Write a whole answer with status 200."""
    lines = [
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *fields,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class WarmUp(Enum):
    """What goes before the call that meets the fault."""

    NONE = "none"
    CLOSED = "one good call; its connection was closed"
    KEPT = "one good call; its connection is kept"


@define(eq=False)
class FaultServer:
    """Listens on this machine, and plays a script on each connection."""

    script: Script
    warm_up: WarmUp = WarmUp.NONE
    context: ssl.SSLContext | None = None
    port: int = 0
    settle_seconds: float = 1.0
    arrivals: list[Arrival] = field(factory=list, init=False)
    _listener: asyncio.Server | None = field(default=None, init=False)
    _connection_count: int = field(default=0, init=False)
    _plays: set[asyncio.Task[None]] = field(factory=set, init=False)

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(
            self._handle, "127.0.0.1", self.port, ssl=self.context
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What the client wrote last is read to its end, and counts.
        await asyncio.sleep(self.settle_seconds)
        for play in self._plays:
            play.cancel()
        await asyncio.sleep(self.settle_seconds)
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()

    def count_connection(self) -> int:
        """Count one more connection."""
        self._connection_count += 1
        return self._connection_count

    def note(self, method: str, treatment: Treatment) -> Arrival:
        """Remember a request that arrived whole."""
        arrival = Arrival(method, len(self.arrivals) + 1, treatment)
        self.arrivals.append(arrival)
        return arrival

    async def _handle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        wire = Wire(self, reader, writer)
        # A task of its own: where the handler's is cancelled, 3.11 logs it.
        play = asyncio.create_task(self._play(wire))
        self._plays.add(play)
        await asyncio.wait([play])
        wire.drop()
        if not play.cancelled():
            play.result()

    async def _play(self, wire: Wire) -> None:
        if self.warm_up is not WarmUp.NONE:
            is_kept = self.warm_up is WarmUp.KEPT
            self.warm_up = WarmUp.NONE
            arrival = await wire.read_request()
            self.arrivals.clear()
            if not is_kept:
                self._connection_count = 0
            closing = () if is_kept else ("Connection: close",)
            await wire.send(good_answer(arrival.good_body(), *closing))
            if not is_kept:
                return
        with suppress(OSError, EOFError):  # the client went away
            await self.script(wire)
            await wire.close()
