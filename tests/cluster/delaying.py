"""A way to the database that takes its time: a proxy that delays each byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> None:
    """Hand on what comes, so many seconds later, in order."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            loop.call_later(seconds, _write, writer, data)
    loop.call_later(seconds, writer.close)


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if not writer.is_closing():
        writer.write(data)


@asynccontextmanager
async def delaying(port: int, *, round_trip: float) -> AsyncIterator[int]:
    """Give the port of a proxy to a port of this machine.

    Args:
        port: Where it leads.
        round_trip: Seconds that a question and its answer take more.
    """
    pumps = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        for ends in ((reader, back), (there, writer)):
            pumps.add(asyncio.create_task(_pump(*ends, round_trip / 2)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for pump in pumps:
            pump.cancel()
