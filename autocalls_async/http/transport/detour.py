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
from math import inf
from types import FunctionType
from typing import Any

import aiohttp
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from autocalls_async.clock import loop_time
from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import Request
from autocalls_async.http.transport import failures
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.http.transport.line import (
    ANSWER_SECONDS,
    MAX_BODY_BYTES,
    MAX_FIELD_BYTES,
    UNUSED_SECONDS,
    check,
    on_loss,
    read_body,
)
from autocalls_async.policy.verdict import Kind, Seen

_TIMEOUT = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=10.0)


_AIOHTTPS = vars(aiohttp.client)


def find_replacement() -> Any | None:  # noqa: ANN401  # it may be anything
    """Return what stands in the place of aiohttp's own `ClientSession._request`."""
    found = aiohttp.ClientSession._request  # noqa: SLF001  # the name that mocks replace
    is_aiohttps = type(found) is FunctionType and found.__globals__ is _AIOHTTPS
    return None if is_aiohttps else found


def name_replacement(found: object) -> str:
    """Return the module that it comes from.

    Its own `__module__` is mostly a copy of the original's: so do `functools.wraps`,
    wrapt and `unittest.mock`.
    """
    found = getattr(found, "side_effect", None) or found  # of unittest.mock
    found = getattr(found, "_self_wrapper", found)  # of wrapt
    function = getattr(found, "__func__", found)
    names = getattr(function, "__globals__", {})
    return str(names.get("__name__", type(found).__module__))


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
        self.expires_at: float = inf
        self._kind = request.kind
        self._connection: Connection | None = None  # where it waits for its turn
        self._has_left = False
        self._stands: asyncio.Future[None] = loop.create_future()
        self._may_send: asyncio.Future[None] = loop.create_future()
        self._call = loop.create_task(
            self._ask_session(open_session, url, request), name="autocalls detour"
        )
        self._call.add_done_callback(self._end)
        self._on_end = on_end
        self._host = host

    async def stand(self) -> None:
        """Wait until the request is about to be sent, or a mock has answered it.

        Raises:
            AttemptFailed: Neither came about. Nothing has left.
        """
        waits: tuple[asyncio.Future[Any], ...] = (self._stands, self._call)
        await asyncio.wait(
            waits, return_when=asyncio.FIRST_COMPLETED, timeout=ANSWER_SECONDS
        )
        if not any(wait.done() for wait in waits):
            self._call.cancel()
            detail = "what replaces aiohttp's requests did not answer"
            raise AttemptFailed(Seen.NO_TRUST, detail)
        self.check()

    def check(self) -> None:
        """Raise `AttemptFailed` if it failed, or its connection has gone bad.

        Nothing has left. A mock's answer stands on no connection.
        """
        if self._call.done():
            self._reply()
        else:
            check(self._connection.protocol if self._connection else None)

    def on_loss(self, tell: Callable[[], None]) -> None:
        """Have somebody told when its connection is closed, or it ends."""
        if self._connection is not None:
            on_loss(self._connection.protocol, tell)
        self._call.add_done_callback(lambda _: tell())

    async def ask(self, request: Request) -> Reply:  # noqa: ARG002  # it began with it
        """Let the session send the request it was begun with; return its answer."""
        if not self._may_send.done():
            self._may_send.set_result(None)
        await asyncio.wait([self._call], timeout=ANSWER_SECONDS)
        if not self._call.done():
            self._call.cancel()
            raise failures.judge(TimeoutError(), has_left=self._has_left)
        return self._reply()

    def close(self) -> None:
        """End the session's request, unless it has ended."""
        self._call.cancel()

    async def ended(self) -> None:
        """Wait until nothing of it is under way."""
        await asyncio.wait([self._call])

    def _reply(self) -> Reply:
        if self._call.cancelled():
            # Not by us: who cancels is no longer here to ask.
            raise failures.judge(ConnectionAbortedError(), has_left=self._has_left)
        return self._call.result()

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
            async with open_session(TurnedRequest) as session:
                # Tracers add theirs to every session, and export whole addresses.
                session.trace_configs.clear()
                asking = session.request(
                    request.method, url, data=request.body, **_OPTIONS
                )
                async with asking as response:
                    return Reply(
                        status=response.status,
                        headers=CIMultiDict(response.headers),  # a mock's may be any
                        body=await _read_whole(response),
                        host=self._host,
                    )
        except Exception as error:  # noqa: BLE001  # the class decides nothing
            # Its repr may hold the key, and its text the address.
            raise self._judge(error) from None

    async def take_turn(self, connection: Connection) -> None:
        """Wait, on a connection that stands, until the request may leave.

        A replacement may ask for it more than once, one after the other or at once.
        A send leaves once.
        """
        self._refuse_to_repeat()
        self._connection = connection
        self.expires_at = loop_time() + UNUSED_SECONDS
        if not self._stands.done():
            self._stands.set_result(None)
        try:
            # Shielded: whoever gives up one request may begin another.
            await asyncio.shield(self._may_send)
        finally:
            self._connection = None
        self._refuse_to_repeat()
        self._has_left = True

    def _refuse_to_repeat(self) -> None:
        if self._has_left and self._kind is Kind.SEND:
            detail = "the session would have sent it a second time"
            raise AttemptFailed(Seen.SILENCE, detail)

    def _judge(self, error: Exception) -> AttemptFailed:
        if self._has_left or isinstance(error, _PASSING):
            return failures.judge(error, has_left=self._has_left)
        kind = type(error).__name__
        detail = f"what replaces aiohttp's requests failed ({kind})"
        return AttemptFailed(Seen.NO_TRUST, detail)

    def _end(self, call: "asyncio.Task[Reply]") -> None:
        self.expires_at = inf  # what is here does not grow old
        if not call.cancelled():
            call.exception()  # whoever waits for it is told; else nobody needs to be
        self._on_end(self)


async def _read_whole(response: aiohttp.ClientResponse) -> bytes | None:
    """Read an answer's body; `None` where it breaks off or is too long.

    Somebody else may have read it first, or made it up.
    """
    content: object = response.content
    if isinstance(content, aiohttp.StreamReader) and not content.at_eof():
        return await read_body(content)
    try:
        body = await response.read()
    except Exception:  # noqa: BLE001  # the class decides nothing
        return None
    return body if len(body) <= MAX_BODY_BYTES else None


_PASSING = (AttemptFailed, aiohttp.ClientError, OSError, TimeoutError)
"""What aiohttp raises, and a mock in its place. Anything else is a fault of whoever
replaced it, and the next attempt would meet it again."""

_OPTIONS: dict[str, Any] = {
    "allow_redirects": False,
    "max_field_size": MAX_FIELD_BYTES,
    "timeout": _TIMEOUT,
}
