"""A request through aiohttp's session, where somebody has replaced its innards.

Mocks such as aioresponses replace `ClientSession._request`, and so do some tracing
agents. Who does that means our requests too, so they go that way for as long as it
is so, and the same three steps keep their meaning:

- the session asks our request class to send: the connection stands, and nothing has
  left; there it waits for its turn, and what comes after that is unknown as ever;
- an answer comes although nothing was sent: a mock's, to be taken for one;
- an exception comes although nothing was sent: nothing has left.
"""

import asyncio
from collections.abc import Callable
from types import FunctionType
from typing import Any

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from autocalls_async.clock import loop_time
from autocalls_async.transport import failures
from autocalls_async.transport.failures import AttemptFailed
from autocalls_async.transport.line import (
    ANSWER_SECONDS,
    MAX_FIELD_BYTES,
    UNUSED_SECONDS,
    check,
    on_loss,
    read_body,
)
from autocalls_async.verdict import Kind, Seen
from autocalls_async.wire import Reply, Request

_TIMEOUT = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=10.0)


def find_replacement() -> Any | None:  # noqa: ANN401  # it may be anything
    """Return what stands in the place of aiohttp's own `ClientSession._request`."""
    found = aiohttp.ClientSession._request  # noqa: SLF001  # the name that mocks replace
    is_aiohttps = type(found) is FunctionType and found.__globals__ is vars(
        aiohttp.client
    )
    return None if is_aiohttps else found


OpenSession = Callable[[type[aiohttp.ClientRequest]], aiohttp.ClientSession]
"""Opens a session whose requests are of the given class."""


class Detour:
    """A line through a session of ours, on which somebody else may have a say.

    The session runs in a task of its own up to the moment of sending, and goes on
    when it is told to.
    """

    def __init__(
        self,
        open_session: OpenSession,
        url: URL,
        request: Request,
        *,
        host: str,
        on_end: Callable[["Detour"], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.expires_at = loop_time() + UNUSED_SECONDS
        self._kind = request.kind
        self._connection: Connection | None = None
        self._has_left = False
        self._stands: asyncio.Future[None] = loop.create_future()
        self._may_send: asyncio.Future[None] = loop.create_future()
        self._call = loop.create_task(self._ask_session(open_session, url, request))
        self._call.add_done_callback(self._end)
        self._on_end = on_end
        self._host = host

    async def stand(self) -> None:
        """Wait until the request is about to be sent, or a mock has answered it.

        Raises:
            AttemptFailed: Neither came about. Nothing has left.
        """
        waits: tuple[asyncio.Future[Any], ...] = (self._stands, self._call)
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        self.expires_at = loop_time() + UNUSED_SECONDS
        if not self._stands.done():
            self._call.result()

    def check(self) -> None:
        """Raise `AttemptFailed` if its connection has gone bad. Nothing has left."""
        if self._connection is not None:
            check(self._connection.protocol)

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Have somebody told when its connection is closed."""
        if self._connection is not None:
            on_loss(self._connection.protocol, tell)

    async def ask(self, request: Request) -> Reply:  # noqa: ARG002  # it began with it
        """Let the session send the request it was begun with; return its answer."""
        self._has_left = True
        if not self._may_send.done():
            self._may_send.set_result(None)
        return await asyncio.shield(self._call)

    def close(self) -> None:
        """End the session's request, unless it has ended."""
        self._call.cancel()

    async def ended(self) -> None:
        """Wait until nothing of it is under way."""
        await asyncio.wait([self._call])

    async def _ask_session(
        self, open_session: OpenSession, url: URL, request: Request
    ) -> Reply:
        detour = self

        class TurnedRequest(aiohttp.ClientRequest):
            """A request that waits for its turn on the standing connection."""

            async def send(self, conn: Connection) -> aiohttp.ClientResponse:
                await detour.take_turn(conn)
                return await super().send(conn)

        try:
            async with (
                open_session(TurnedRequest) as session,
                session.request(
                    request.method, url, data=request.body, **_OPTIONS
                ) as response,
            ):
                body = await read_body(response.content)
                return Reply(
                    status=response.status,
                    headers=response.headers,
                    body=body,
                    host=self._host,
                )
        except Exception as error:  # noqa: BLE001  # the class decides nothing
            # Its repr may hold the key, and its text the address.
            raise failures.judge(error, has_left=self._has_left) from None

    async def take_turn(self, connection: Connection) -> None:
        """Wait, on a connection that stands, until the request may leave."""
        if self._has_left and self._kind is Kind.SEND:  # somebody repeats it
            detail = "the session would have sent it a second time"
            raise AttemptFailed(Seen.SILENCE, detail)
        self._connection = connection
        if not self._stands.done():
            self._stands.set_result(None)
        await self._may_send

    def _end(self, call: "asyncio.Task[Reply]") -> None:
        if not call.cancelled():
            call.exception()  # whoever waits for it is told; else nobody needs to be
        self._on_end(self)


_OPTIONS: dict[str, Any] = {
    "allow_redirects": False,
    "max_field_size": MAX_FIELD_BYTES,
    "timeout": _TIMEOUT,
}
