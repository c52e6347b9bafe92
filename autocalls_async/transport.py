"""One attempt over HTTP: the one door to aiohttp.

The point of no return is aiohttp's `ClientRequest.send`: the connection stands,
and no byte of the request is written before it. Until our wait in it is over,
nothing has left; an exception in that wait keeps it so. After it, only a whole
status line tells. The class of an exception decides nothing.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from autocalls_async._version import __version__
from autocalls_async.failures import explain
from autocalls_async.settings import ApiKey, read_host
from autocalls_async.verdict import Kind, Seen
from autocalls_async.wire import Reply, Request

MAX_BODY_BYTES = 1_048_576
"""Longer answers are not the API's; a packed megabyte can hold a gigabyte."""

TIMEOUT = aiohttp.ClientTimeout(total=60.0, sock_connect=10.0)
"""Shorter ones only manufacture unknowns."""

Handover = Callable[[Callable[[], None]], Awaitable[None]]
"""Awaited when the connection stands, before the first byte leaves.

It is given a check, which raises `AttemptFailed` if the connection has gone bad.
"""


class AttemptFailed(Exception):  # noqa: N818  # caught inside the package
    """One attempt got no answer.

    Its text names what happened without aiohttp's own words: those hold the
    address, and with it a phone number.
    """

    def __init__(self, seen: Seen, detail: str, *, remedy: str | None = None) -> None:
        super().__init__(detail)
        self.seen = seen
        self.detail = detail
        self.remedy = remedy


class _Departure:
    """Whether one attempt's bytes may have left this machine."""

    def __init__(self, on_handover: Handover) -> None:
        self._on_handover = on_handover
        self.has_left = False
        self.veto: Exception | None = None

    def forget(self) -> None:
        """Let go of whose departure it was: a kept connection keeps our context."""
        del self._on_handover
        self.veto = None

    def check_has_left(self) -> None:
        """Make sure, with an answer here, that aiohttp asked us before it sent."""
        if not self.has_left:
            detail = "the request left without waiting for its turn"
            raise AttemptFailed(Seen.SILENCE, detail)

    async def leave(self, connection: Connection) -> None:
        def check() -> None:
            if _is_spoilt(connection):
                detail = "the connection went bad before the request's turn"
                raise AttemptFailed(Seen.NO_CONNECTION, detail)

        try:
            await self._on_handover(check)
        except Exception as error:
            self.veto = error
            raise
        self.has_left = True


def _is_spoilt(connection: Connection) -> bool:
    """Whether it was closed, or holds an answer to a question nobody asked.

    aiohttp would take such an answer for this request's, and on Python 3.11 not
    even send the request.
    """
    protocol = connection.protocol
    return protocol is None or not protocol.is_connected() or protocol.should_close


_departure: ContextVar[_Departure] = ContextVar("departure")


class _Request(aiohttp.ClientRequest):
    """A request that waits for its turn on the standing connection.

    aiohttp's hook `on_request_headers_sent` is the same moment at the price of a
    whole trace, a tenth of a request's cost.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        await _departure.get().leave(conn)
        return await super().send(conn)


class Transport:
    """HTTP to one account of the service, over sessions of its own.

    A send gets a fresh connection: an idle one may hold a stray answer, or be
    closed by the other side just then. Where a session was lent, its connector
    is used as it is, with its pooled connections, its TLS and its resolver. Nothing
    else of it is: a hook of its own might wait behind the request's turn.
    """

    def __init__(
        self,
        *,
        base_url: str,
        key: ApiKey,
        lent: aiohttp.ClientSession | None = None,
        trust_env: bool = False,
    ) -> None:
        self._base_url = base_url
        self._host = read_host(base_url)
        self._lent = lent
        self._proxy = _env_proxy(base_url) if trust_env else None
        self._headers = {
            "Accept": "application/json",
            "Authorization": key.authorization(),
            "User-Agent": f"autocalls-async/{__version__}",
        }
        self._is_closed = False
        self._sends: aiohttp.ClientSession | None = None
        self._reads: aiohttp.ClientSession | None = None

    async def exchange(self, request: Request, *, on_handover: Handover) -> Reply:
        """Make one attempt.

        Raises:
            AttemptFailed: No status line came.
            Exception: What `on_handover` raised; then nothing has left.
        """
        departure = _Departure(on_handover)
        token = _departure.set(departure)
        try:
            return await self._exchange(request)
        except Exception as error:  # noqa: BLE001  # the class decides nothing
            if departure.veto is not None:
                raise departure.veto from None
            # Its repr may hold the key, and its text the address.
            raise _failure(error, has_left=departure.has_left) from None
        finally:
            _departure.reset(token)
            departure.forget()

    async def _exchange(self, request: Request) -> Reply:
        async with self._session(request.kind).request(
            request.method,
            URL(self._base_url + request.target, encoded=True),
            data=request.body,
            allow_redirects=False,
            proxy=self._proxy,
        ) as response:
            _departure.get().check_has_left()
            body = await _read_body(response)
            return Reply(
                status=response.status,
                headers=response.headers,
                body=body,
                host=self._host,
            )

    async def aclose(self) -> None:
        """Close what was opened here. A lent session stays open."""
        self._is_closed = True
        for session in (self._sends, self._reads):
            if session is not None:
                await session.close()

    def _session(self, kind: Kind) -> aiohttp.ClientSession:
        if self._is_closed:
            raise AttemptFailed(Seen.NO_TRUST, "the client is closed")
        if self._sends is None or self._reads is None:
            self._sends, self._reads = self._open()
        session = self._sends if kind is Kind.SEND else self._reads
        if session.closed:
            raise AttemptFailed(Seen.NO_TRUST, "the session is closed")
        return session

    def _open(self) -> tuple[aiohttp.ClientSession, aiohttp.ClientSession]:
        if self._lent is None:
            # The pace and the places in the queue bound the connections.
            fresh = aiohttp.TCPConnector(force_close=True, limit=0)
            kept = aiohttp.TCPConnector(limit=0)
            return self._make(fresh, Kind.SEND), self._make(kept, Kind.READ)
        lent = self._lent.connector
        if lent is None:
            raise AttemptFailed(Seen.NO_TRUST, "the session is closed")
        return self._make(lent, Kind.SEND), self._make(lent, Kind.READ)

    def _make(
        self, connector: aiohttp.BaseConnector, kind: Kind
    ) -> aiohttp.ClientSession:
        content = {"Content-Type": "application/json"} if kind is Kind.SEND else {}
        return aiohttp.ClientSession(
            connector=connector,
            connector_owner=self._lent is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers | content,
            request_class=_Request,
            timeout=TIMEOUT,
            trust_env=False,  # it would let a .netrc replace the key
        )


def _env_proxy(base_url: str) -> URL | None:
    url = URL(base_url)
    proxy = getproxies().get(url.scheme)
    return URL(proxy) if proxy and not proxy_bypass(url.host or "") else None


async def _read_body(response: aiohttp.ClientResponse) -> bytes | None:
    """Read an answer's body; `None` where it breaks off or is too long."""
    chunks = bytearray()
    try:
        async for chunk in response.content.iter_any():
            chunks += chunk
            if len(chunks) > MAX_BODY_BYTES:
                return None
    except (aiohttp.ClientError, OSError, TimeoutError):
        return None
    return bytes(chunks)


def _failure(error: Exception, *, has_left: bool) -> AttemptFailed:
    if isinstance(error, AttemptFailed):
        return error
    failure = explain(error, has_left=has_left)
    return AttemptFailed(failure.seen, failure.words, remedy=failure.remedy)
