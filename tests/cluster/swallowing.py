"""A way that can fall silent: what is sent into it is held back until it is open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Way:
    """A proxy to a port of this machine; both ends stay connected while it is shut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open = asyncio.Event()
        self._open.set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.port: int = 0

    def shut(self) -> None:
        """Let nothing through, in both directions; nobody is told."""
        self._open.clear()

    def open(self) -> None:
        """Let through what was held back, and all that comes."""
        self._open.set()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry one connection."""
        self._writers.append(writer)
        await self._open.wait()
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers.append(back)
        for ends in ((reader, back), (there, writer)):
            self._pumps.add(asyncio.create_task(self._pump(*ends)))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                await self._open.wait()
                writer.write(data)
        await self._open.wait()
        writer.close()

    async def end(self) -> None:
        """Carry nothing more."""
        self.open()
        for pump in self._pumps:
            pump.cancel()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def way_to(port: int) -> AsyncIterator[Way]:
    """Yield a way to a port of this machine."""
    way = Way(port)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        await way.end()
