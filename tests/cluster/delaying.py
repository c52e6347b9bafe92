"""Ways to the database with faults of their own: proxies that are late, or cut."""

import asyncio
from collections.abc import AsyncIterator, Callable
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
    """Yield the port of a proxy to a port of this machine.

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


@asynccontextmanager
async def halving(port: int) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """Yield a proxy's port, and what cuts its lines: the server hears nothing of it."""
    pumps = set[asyncio.Task[None]]()
    ours, theirs = list[asyncio.StreamWriter](), list[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        ours.append(writer)
        theirs.append(back)
        for source, to in ((reader, back), (there, writer)):
            pumps.add(asyncio.create_task(_hand_on(source, to)))

    def cut() -> None:
        for writer in ours:
            writer.transport.abort()
        ours.clear()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], cut
    finally:
        server.close()
        for writer in (*ours, *theirs):
            writer.close()
        for pump in pumps:
            pump.cancel()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes, and never the end."""
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            _write(writer, data)
