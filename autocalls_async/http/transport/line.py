"""One request on one connection: connect, check, write, read.

Names, addresses, TLS, proxies and the pool are aiohttp's connector's; heads,
lengths, chunks and packed bodies of answers are its parser's. How a request gets
onto a connection is written out here, since all depends on it.

It stands on a few names of aiohttp that its documentation does not promise:
`BaseConnector.connect`, `Connection.protocol`, and of `ResponseHandler`
`set_response_params`, `read`, `closed` and `should_close`.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.streams import StreamReader
from yarl import URL

from autocalls_async.clock import Alarms, TimeLimit
from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import Request
from autocalls_async.http.settings import read_host
from autocalls_async.http.transport import failures
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.policy.verdict import Seen

MAX_BODY_BYTES = 1_048_576
"""Longer answers are not the API's; a packed megabyte can hold a gigabyte."""

MAX_FIELD_BYTES = 65_536
"""Of a header's line. aiohttp's 8,190 would turn a proxy's long one into an unknown."""

ANSWER_SECONDS = 60.0
"""From the first byte out to the last one in; less only manufactures unknowns."""

UNUSED_SECONDS = 5.0
"""No connection stands longer than this before its first byte: proxies give it some
10 seconds, and their 408 would make an unknown."""

DIAL_SECONDS = 10.0
"""From a name to a connection, with its TLS."""

_NO_TIMER = aiohttp.ClientTimeout(total=None)
"""aiohttp would set one for each connection; alarms cost less."""

_ALL_STEPS = aiohttp.ClientTimeout(total=None, connect=60.0, sock_connect=DIAL_SECONDS)
"""A proxy may never answer, and a lent pool never have a place."""


class Line(Protocol):
    """A connection that stands, for one request and its answer."""

    expires_at: float
    """On the loop's clock: from then on it is too old for a first byte."""

    def check(self) -> None:
        """Raise `AttemptFailed` if it has gone bad meanwhile. Nothing has left."""

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Have somebody told when it is closed, once its request is over too."""

    async def ask(self, request: Request) -> Reply:
        """Write the request, and return its answer.

        Nothing is awaited between the call and the first byte.

        Raises:
            AttemptFailed: No status line came, and nobody knows what became of it.
        """

    def close(self) -> None:
        """Close it; whatever is under way on it ends."""


class Route:
    """All that the requests of one kind to one account have in common."""

    def __init__(
        self,
        connector: aiohttp.BaseConnector,
        *,
        method: str,
        base_url: str,
        headers: dict[str, str],
        proxy: URL | None,
    ) -> None:
        self.connector = connector
        self.host: str = read_host(base_url)
        loop = asyncio.get_running_loop()
        self.time: Callable[[], float] = loop.time
        self.alarms: Alarms = Alarms()
        self.unused: ResponseHandler | None = None  # the last that was kept so
        self._is_direct = proxy is None and not connector.limit
        # The connector wants to know where to, and by which proxy.
        self._asked = asked = aiohttp.ClientRequest(
            method,
            URL(base_url, encoded=True),
            headers=headers,
            proxy=proxy,
            loop=loop,
        )
        asked.headers.popall(hdrs.CONTENT_LENGTH, None)
        if connector.force_close:
            asked.headers[hdrs.CONNECTION] = "close"
        # A proxy without TLS behind it is told the whole address.
        is_told_all = proxy is not None and not asked.is_ssl()
        self._base = base_url if is_told_all else asked.url.raw_path.rstrip("/")
        self._headers: str | None = None

    async def connect(self) -> "DirectLine":
        """Make a connection, or take a kept one.

        Raises:
            AttemptFailed: None came about. Nothing has left.
        """
        connect = self.connector.connect
        try:
            if self._is_direct:
                with TimeLimit(self.alarms, DIAL_SECONDS):
                    connection = await connect(self._asked, [], _NO_TIMER)
            else:
                connection = await connect(self._asked, [], _ALL_STEPS)
        except asyncio.CancelledError:
            if not self.connector.closed or _is_cancelled():
                raise
            # A connector that is closed cancels whoever waits for its pool.
            raise AttemptFailed(Seen.NO_TRUST, "the session is closed") from None
        except Exception as error:  # noqa: BLE001  # the class decides nothing
            # Its text may hold the address.
            raise failures.judge(error, has_left=False) from None
        return DirectLine(self, connection)

    async def connect_anew(self) -> "DirectLine":
        """Make a connection, or take a kept one that has answered before.

        One that was kept unused is closed: whoever takes it again and again would
        keep it for ever, though it may lead nowhere by now.

        Raises:
            AttemptFailed: None came about.
        """
        unused, self.unused = self.unused, None
        line = await self.connect()
        if unused is None or not line.is_on(unused):
            return line
        line.close()
        return await self.connect()

    def write_out(self, request: Request) -> bytes:
        """Return the whole request. The connector, once asked, knows all headers."""
        if self._headers is None:
            items = self._asked.headers.items()
            self._headers = "".join(f"{name}: {value}\r\n" for name, value in items)
        first = f"{request.method} {self._base}{request.target} HTTP/1.1\r\n"
        body, length = request.body or b"", ""
        if request.body is not None:
            length = f"Content-Length: {len(body)}\r\n"
        return f"{first}{self._headers}{length}\r\n".encode() + body


class DirectLine:
    """A line on a connection of aiohttp's connector."""

    __slots__ = ("_connection", "_content", "_protocol", "_route", "expires_at")

    def __init__(self, route: Route, connection: Connection) -> None:
        self._route = route
        self._connection = connection
        self._protocol = cast(ResponseHandler, connection.protocol)
        self._content: StreamReader | None = None
        self.expires_at: float = route.time() + UNUSED_SECONDS

    def check(self) -> None:
        """Raise `AttemptFailed` if it has gone bad meanwhile. Nothing has left."""
        if is_spoilt(self._protocol):
            raise _spoilt()

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Have somebody told when it is closed."""
        on_loss(self._protocol, tell)

    def is_spoilt(self) -> bool:
        """Whether it has gone bad."""
        return is_spoilt(self._protocol)

    def is_on(self, protocol: ResponseHandler) -> bool:
        """Whether this is its connection."""
        return self._protocol is protocol

    async def ask(self, request: Request) -> Reply:
        """Write the request, and return its answer."""
        route = self._route
        if route.unused is self._protocol:
            route.unused = None
        alarm = route.alarms.set(route.time() + ANSWER_SECONDS, self.break_off)
        try:
            reply = await self._hold(request)
        except Exception as error:  # noqa: BLE001  # the class decides nothing
            raise failures.judge(error, has_left=True) from None
        finally:
            route.alarms.call_off(alarm)
        if reply.body is not None:
            self._connection.release()
        return reply

    async def _hold(self, request: Request) -> Reply:
        protocol = self._protocol
        protocol.set_response_params(
            read_until_eof=True, max_field_size=MAX_FIELD_BYTES
        )
        transport = cast(asyncio.Transport, protocol.transport)
        transport.write(self._route.write_out(request))
        head, content = await protocol.read()
        while 100 <= head.code < 200 and head.code != 101:
            head, content = await protocol.read()
        self._content = content
        body = await read_body(content)
        return Reply(
            status=head.code, headers=head.headers, body=body, host=self._route.host
        )

    def break_off(self) -> None:
        """Wake who waits: aiohttp leaves a body's reader asleep behind a bad chunk."""
        error = TimeoutError()
        self._protocol.set_exception(error)
        if self._content is not None:
            self._content.set_exception(error)

    def release(self) -> None:
        """Return it unused to its connector, which may keep it."""
        self._route.unused = self._protocol
        self._connection.release()

    def close(self) -> None:
        """Close it, unless it was given back."""
        self._connection.close()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def check(protocol: ResponseHandler | None) -> None:
    """Raise `AttemptFailed` if nothing may be sent on a connection."""
    if protocol is None or is_spoilt(protocol):
        raise _spoilt()


def _spoilt() -> AttemptFailed:
    detail = "the connection went bad before the request's turn"
    return AttemptFailed(Seen.NO_CONNECTION, detail)


def is_spoilt(protocol: ResponseHandler) -> bool:
    """Whether it was closed, or holds an answer to a question nobody asked.

    That would be taken for the next request's. A fresh connection gets its parser
    only with its request, so half a line shows as well.
    """
    return not protocol.is_connected() or protocol.should_close


def on_loss(protocol: ResponseHandler | None, tell: Callable[[], None]) -> None:
    """Have somebody told when a connection is closed."""
    if protocol is not None and (closed := protocol.closed) is not None:

        def note(closed: asyncio.Future[None]) -> None:
            if not closed.cancelled():
                closed.exception()  # why it was closed is told by `check`
            tell()

        closed.add_done_callback(note)


async def read_body(content: StreamReader) -> bytes | None:
    """Read an answer's body; `None` where it breaks off or is too long."""
    body = b""
    try:
        while not content.at_eof():
            body += await content.readany()
            if len(body) > MAX_BODY_BYTES:
                return None
    except Exception:  # noqa: BLE001  # the class decides nothing
        return None
    return body
