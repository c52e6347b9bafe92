"""The clock never overtakes what is under way between two of our sockets."""

import asyncio
import io
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

LINUX_SO_MAX_PACING_RATE = 47
BODY = bytes(1_000_000)
# The first ten packets, 640 kB on a loopback, leave at once; the rest of the
# body stays in the kernel for 0.2 real seconds at this rate.
BYTES_PER_SECOND = 2_000_000

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def clock() -> float:
    return asyncio.get_running_loop().time()


def tls(purpose: ssl.Purpose) -> ssl.SSLContext:
    """Encrypt without certificates, which needs no files."""
    context = ssl.create_default_context(purpose)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")
    return context


@asynccontextmanager
async def listening(
    handler: Handler,
    *,
    host: str = "127.0.0.1",
    encrypted: bool = False,
    backlog: int = 100,
) -> AsyncIterator[int]:
    context = tls(ssl.Purpose.CLIENT_AUTH) if encrypted else None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server(
        (host, 0), family=family, backlog=backlog, dualstack_ipv6=":" in host
    )
    server = await asyncio.start_server(
        handler, sock=sock, ssl=context, backlog=backlog
    )
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.sleep(1)  # the handlers come to their end


async def connect_slowly(
    port: int, *, encrypted: bool = False
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect by a socket whose bytes the kernel holds back in real time."""
    sock = socket.socket()
    sock.setblocking(False)  # noqa: FBT003 - positional in the standard library
    sock.setsockopt(socket.SOL_SOCKET, LINUX_SO_MAX_PACING_RATE, BYTES_PER_SECOND)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    context = tls(ssl.Purpose.SERVER_AUTH) if encrypted else None
    return await asyncio.open_connection(
        sock=sock, ssl=context, server_hostname="localhost" if encrypted else None
    )


@pytest.mark.parametrize(
    ("host", "encrypted"),
    [("127.0.0.1", False), ("127.0.0.1", True), ("::", False)],
    ids=["plain", "TLS", "IPv4 taken by an IPv6 socket"],
)
async def test_bytes_that_linger_in_the_kernel_are_not_overtaken(
    host: str, encrypted: bool
) -> None:
    received = asyncio.get_running_loop().create_future()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        received.set_result(await reader.readexactly(len(BODY)))
        writer.close()

    began = time.perf_counter()
    async with (
        listening(handle, host=host, encrypted=encrypted) as port,
        asyncio.timeout(1),
    ):
        _, writer = await connect_slowly(port, encrypted=encrypted)
        writer.write(BODY)
        body = await received
        writer.close()
        await writer.wait_closed()

    assert body == BODY
    assert time.perf_counter() - began > 0.1, "the kernel delivered at once: no proof"


async def test_what_a_closed_socket_left_in_the_kernel_is_not_overtaken() -> None:
    received = asyncio.get_running_loop().create_future()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        received.set_result(await reader.read(-1))
        writer.close()

    began = time.perf_counter()
    async with listening(handle) as port, asyncio.timeout(1):
        _, writer = await connect_slowly(port)
        writer.write(BODY)
        writer.close()
        body = await received

    assert body == BODY
    assert time.perf_counter() - began > 0.1, "the kernel delivered at once: no proof"


async def test_connections_that_a_full_accept_queue_delays_are_not_overtaken() -> None:
    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def exchange(port: int) -> bytes:
        async with asyncio.timeout(0.5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\n")
            answer = await reader.read(-1)
        writer.close()
        await writer.wait_closed()
        return answer

    async with listening(handle, backlog=50) as port:
        answers = await asyncio.gather(*(exchange(port) for _ in range(80)))

    assert answers == [b"hello\n"] * 80


async def test_a_connection_that_was_made_but_not_taken_yet_is_not_overtaken() -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    # For a second the kernel hides a connection on which nothing was said.
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
    server = await asyncio.start_server(handle, sock=listener)
    async with server, asyncio.timeout(0.01):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        greeting = await reader.read(-1)
        writer.close()
        await writer.wait_closed()

    assert greeting == b"hello\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "::"], ids=["IPv4", "IPv6"])
async def test_a_reader_that_rests_does_not_hold_the_clock(host: str) -> None:
    resumed_at: list[float] = []

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asyncio.sleep(3600)
        resumed_at.append(clock())
        await reader.read(-1)
        writer.close()

    began, began_really = clock(), time.perf_counter()
    async with listening(handle, host=host) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(BODY * 20)
        writer.write_eof()
        await reader.read(-1)
        writer.close()
        await writer.wait_closed()

    assert resumed_at == [pytest.approx(began + 3600, abs=0.01)]
    assert time.perf_counter() - began_really < 1


async def test_a_reader_that_rests_does_not_hold_the_clock_for_a_closed_socket() -> (
    None
):
    received: list[int] = []

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asyncio.sleep(3600)
        received.append(len(await reader.read(-1)))
        writer.close()

    began = time.perf_counter()
    async with listening(handle) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(BODY)
        writer.close()
        async with asyncio.timeout(1):
            await writer.wait_closed()
        await asyncio.sleep(4000)

    assert received == [len(BODY)]
    assert time.perf_counter() - began < 1


async def test_a_connection_that_is_never_made_holds_the_clock_for_a_while_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("autocalls_async.testing.virtual_time._PATIENCE_SECONDS", 0.05)
    began = clock()

    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        with socket.create_connection(address), pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.open_connection(*address), timeout=60)

    assert clock() - began == pytest.approx(60, abs=0.01)


async def test_a_reset_is_seen_when_it_happens() -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(100)
        writer.transport.abort()

    began = clock()
    async with listening(handle) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"never read")
        await reader.read(-1)
        seen_at = clock()
        writer.close()
        await writer.wait_closed()

    assert seen_at - began == pytest.approx(100, abs=0.01)


@asynccontextmanager
async def serving(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_a_large_body_is_not_overtaken_by_a_short_timeout() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    timeout = aiohttp.ClientTimeout(total=1)
    async with (
        serving(echo) as url,
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, data=io.BytesIO(BODY * 5)) as response,
    ):
        body = await response.read()

    assert body == BODY * 5


async def test_a_servers_pauses_and_a_clients_timeouts_come_in_their_order() -> None:
    async def pause(request: web.Request) -> web.Response:
        await asyncio.sleep(float(await request.text()))
        return web.Response()

    began = clock()
    ended: list[tuple[int, str, float]] = []

    async def call(session: aiohttp.ClientSession, url: str, seconds: int) -> None:
        result = (
            await asyncio.gather(ask(session, url, seconds), return_exceptions=True)
        )[0]
        ended.append((seconds, type(result).__name__, round(clock() - began)))

    async def ask(session: aiohttp.ClientSession, url: str, seconds: int) -> None:
        async with asyncio.timeout(12), session.post(url, data=str(seconds)):
            pass

    async with serving(pause) as url, aiohttp.ClientSession() as session:
        await asyncio.gather(*(call(session, url, seconds) for seconds in (20, 10, 5)))

    assert ended == [(5, "NoneType", 5), (10, "NoneType", 10), (20, "TimeoutError", 12)]


async def test_an_idle_connection_kept_for_reuse_does_not_hold_the_clock() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    began = time.perf_counter()
    async with serving(answer) as url, aiohttp.ClientSession() as session:
        for _ in range(100):
            async with session.post(url):
                await asyncio.sleep(10)

    assert time.perf_counter() - began < 2
