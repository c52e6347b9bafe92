"""What `transport/` asks of aiohttp beyond its documentation, name by name.

`.ci/run` holds the lowest and the newest aiohttp that `pyproject.toml` allows to it.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import FunctionType
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from yarl import URL

from autocalls_async.http.transport.line import MAX_FIELD_BYTES

_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=60.0, sock_connect=10.0)

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (aiohttp.BaseConnector, "connect closed force_close close"),
        (Connection, "protocol release close"),
        (
            ResponseHandler,
            "set_response_params read closed should_close is_connected set_exception",
        ),
        (aiohttp.StreamReader, "at_eof readany set_exception"),
        (aiohttp.ClientRequest, "is_ssl send"),
        (aiohttp.ClientSession, "_request trace_configs"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_names_are_there(owner: type, names: str) -> None:
    missing = [name for name in names.split() if not hasattr(owner, name)]

    assert missing == []


@pytest.mark.parametrize(
    ("function", "arguments", "keywords"),
    [
        (aiohttp.BaseConnector.connect, 4, ""),
        (ResponseHandler.set_response_params, 1, "read_until_eof max_field_size"),
        (ResponseHandler.set_exception, 2, ""),
        (ResponseHandler.read, 1, ""),
        (aiohttp.ClientRequest, 2, "headers proxy loop"),
        (aiohttp.ClientRequest.send, 2, ""),
        (
            aiohttp.ClientSession,
            0,
            (
                "connector connector_owner cookie_jar headers proxy request_class"
                " trust_env"
            ),
        ),
        (
            aiohttp.ClientSession._request,  # noqa: SLF001  # the name that mocks replace
            3,
            "data allow_redirects max_field_size timeout",
        ),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_they_take_what_they_are_given(
    function: Callable[..., object], arguments: int, keywords: str
) -> None:
    given = dict.fromkeys(keywords.split())

    inspect.signature(function).bind(*[None] * arguments, **given)


def test_aiohttps_own_request_is_a_plain_function_of_its_module() -> None:
    request = aiohttp.ClientSession._request  # noqa: SLF001  # the name that mocks replace

    assert type(request) is FunctionType
    assert request.__globals__ is vars(aiohttp.client)


@asynccontextmanager
async def standing(
    answer: Answer, *, force_close: bool = False
) -> AsyncIterator[tuple[Connection, aiohttp.TCPConnector, aiohttp.ClientRequest]]:
    """Open a connection to a server, as `Way.connect` does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    connector = aiohttp.TCPConnector(force_close=force_close, limit=0)
    async with server, connector:
        host, port = server.sockets[0].getsockname()
        request = aiohttp.ClientRequest(
            "POST",
            URL(f"http://{host}:{port}/api"),
            headers={"X-Ours": "1"},
            proxy=None,
            loop=asyncio.get_running_loop(),
        )
        connection = await connector.connect(request, [], _TIMEOUT)
        yield connection, connector, request
        connection.close()
        await asyncio.sleep(0.1)


def handler_of(connection: Connection) -> ResponseHandler:
    """Return what reads its answers."""
    assert isinstance(connection.protocol, ResponseHandler)
    return connection.protocol


def ask(connection: Connection) -> ResponseHandler:
    """Write a request, as `DirectLine.ask` does."""
    handler = handler_of(connection)
    handler.set_response_params(read_until_eof=True, max_field_size=MAX_FIELD_BYTES)
    assert isinstance(handler.transport, asyncio.Transport)
    handler.transport.write(b"POST /api HTTP/1.1\r\nHost: here\r\n\r\n")
    return handler


def saying(*chunks: bytes) -> Answer:
    """Answer the head of a request with these bytes."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for chunk in chunks:
            writer.write(chunk)
            await asyncio.sleep(0.1)

    return answer


async def silently(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Say nothing."""


async def test_connecting_writes_nothing_and_leaves_a_whole_connection() -> None:
    seen: list[bytes] = []

    async def listen(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        seen.append(await reader.read())
        writer.close()

    async with standing(listen) as (connection, _, request):
        handler = handler_of(connection)
        is_whole = handler.is_connected() and not handler.should_close
        await asyncio.sleep(1)

    assert is_whole
    assert seen == [b""]
    assert request.headers["X-Ours"] == "1"
    assert "Host" in request.headers
    assert not request.is_ssl()


async def test_an_answer_is_read_head_first() -> None:
    answer = saying(
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 60_000 + b"\r\n",
        b"Content-Length: 4\r\n\r\n",
        b"body",
    )

    async with standing(answer) as (connection, *_):
        handler = ask(connection)
        early, _ = await handler.read()
        head, content = await handler.read()
        was_at_eof = content.at_eof()
        body = await content.readany()

    assert (early.code, head.code) == (103, 200)
    assert len(head.headers["x-long"]) == 60_000
    assert not was_at_eof
    assert body == b"body"
    assert content.at_eof()


async def test_a_stray_answer_before_the_request_spoils_the_connection() -> None:
    async def speak_first(
        _: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"HTTP/1.1 2")

    async with standing(speak_first) as (connection, *_):
        handler = handler_of(connection)
        await asyncio.sleep(0.1)

        assert handler.should_close or not handler.is_connected()


async def test_a_loss_is_told_by_closed() -> None:
    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with standing(leave) as (connection, *_):
        handler = handler_of(connection)
        closed = handler.closed
        assert isinstance(closed, asyncio.Future)
        await asyncio.wait([closed], timeout=5)

        assert closed.done()
        assert not handler.is_connected()


async def test_set_exception_wakes_who_waits_for_a_head() -> None:
    async with standing(silently) as (connection, *_):
        handler = ask(connection)
        reading = asyncio.ensure_future(handler.read())
        await asyncio.sleep(0.1)
        handler.set_exception(TimeoutError())

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reading, 5)


async def test_set_exception_wakes_who_waits_for_a_body() -> None:
    answer = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")

    async with standing(answer) as (connection, *_):
        _, content = await ask(connection).read()
        reading = asyncio.ensure_future(content.readany())
        await asyncio.sleep(0.1)
        content.set_exception(TimeoutError())

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reading, 5)


@pytest.mark.parametrize("force_close", [True, False])
async def test_a_connection_that_is_released_is_kept_unless_told_otherwise(
    *, force_close: bool
) -> None:
    async with standing(silently, force_close=force_close) as (first, connector, made):
        handler = handler_of(first)
        first.release()
        second = await connector.connect(made, [], _TIMEOUT)
        is_same = second.protocol is handler
        second.close()
        third = await connector.connect(made, [], _TIMEOUT)
        is_still_same = third.protocol is handler
        third.close()

        assert connector.force_close is force_close
        assert is_same is not force_close
        assert not is_still_same


async def test_a_session_asks_its_request_class_to_send_on_a_standing_connection() -> (
    None
):
    seen: list[Any] = []

    class Noting(aiohttp.ClientRequest):
        """Notes the moment at which nothing has left."""

        async def send(self, conn: Connection) -> aiohttp.ClientResponse:
            await asyncio.sleep(1)
            seen.append(handler_of(conn).is_connected())
            return await super().send(conn)

    async def listen(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        began_at = asyncio.get_running_loop().time()
        await reader.readuntil(b"\r\n\r\n")
        seen.append(asyncio.get_running_loop().time() - began_at)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with (
        standing(listen) as (connection, connector, request),
        aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            request_class=Noting,
            trace_configs=[aiohttp.TraceConfig()],
        ) as session,
    ):
        connection.close()
        session.trace_configs.clear()
        async with session.request(
            "POST", request.url, data=b"{}", allow_redirects=False
        ) as answer:
            status = answer.status
        left = session.trace_configs

    assert status == 204
    assert seen[0] is True
    assert seen[1] >= 1
    assert left == []
