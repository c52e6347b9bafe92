"""The connections of one account."""

import logging
from collections.abc import Coroutine
from functools import partial
from math import inf
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from autocalls_async._version import __version__
from autocalls_async.clock import loop_time
from autocalls_async.http.requests import Request
from autocalls_async.http.settings import ApiKey
from autocalls_async.http.transport.detour import (
    Detour,
    OpenSession,
    find_replacement,
    name_replacement,
)
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.http.transport.line import UNUSED_SECONDS, DirectLine, Line, Route
from autocalls_async.http.transport.spare import Spare
from autocalls_async.policy.verdict import Kind, Seen

log: logging.Logger = logging.getLogger("autocalls_async")

# Looked up once: before CPython 3.12 a member costs ten times a global name.
_SEND = Kind.SEND


class Transport:
    """HTTP to one account of the service, over connectors of its own.

    A send gets a fresh connection: an idle one may hold a stray answer, or be
    closed by the other side just then. Where a session was lent, its connector
    is used as it is, with its pooled connections, its TLS and its resolver. Nothing
    else of it is: a hook of its own might wait behind the request's turn.

    Args:
        base_url: Of the API.
        key: Of the account.
        lent: A session whose connector is used, and never closed.
        trust_env: Use the proxy that the environment names.
        spare_gap: Least seconds between two connections made ahead; `None` makes
            none. None are made on a lent connector.
    """

    def __init__(
        self,
        *,
        base_url: str,
        key: ApiKey,
        lent: aiohttp.ClientSession | None = None,
        trust_env: bool = False,
        spare_gap: float | None = None,
    ) -> None:
        self._base_url = base_url
        self._lent = lent
        self._proxy = _env_proxy(base_url) if trust_env else None
        self._spare_gap = None if lent is not None else spare_gap
        self._headers = {
            "Accept": "application/json",
            "Authorization": key.authorization(),
            "User-Agent": f"autocalls-async/{__version__}",
        }
        self._is_closed = False
        self._has_warned = False
        self._routes: dict[Kind, Route] = {}
        self._spares: dict[Kind, Spare] = {}
        self._detours: set[Detour] = set()

    @property
    def pool_size(self) -> float:
        """Connections that a lent session may hold to the service at once."""
        connector = None if self._lent is None else self._lent.connector
        if connector is None:
            return inf
        return min(connector.limit or inf, connector.limit_per_host or inf)

    def connect(
        self, request: Request, *, may_be_spare: bool = False
    ) -> Coroutine[Any, Any, Line]:
        """Return what waits for a connection that stands, for this request.

        Args:
            request: What will be asked on it.
            may_be_spare: Take one that was made ahead, where there is one; only
                for a send. For reads, they are among those that are kept.

        Raises:
            AttemptFailed: None came about. Nothing has left.
        """
        route = self._route(request.kind)
        if (replacement := find_replacement()) is not None:
            return self._detour(request, replacement)
        if may_be_spare and (spare := self._spares.get(_SEND)) and spare.is_near:
            return _take(spare, route)
        return route.connect()

    def make_ahead(
        self, *kinds: Kind, now: float, seconds: float = UNUSED_SECONDS
    ) -> None:
        """Have a connection for the next request of each kind stand for so long."""
        until = now + seconds
        for kind in kinds:
            spare = self._spares.get(kind)
            if spare is not None and until <= spare.enough_until:
                continue  # all is under way already: so it is with most sends of many
            if self._makes_spares():
                self._route(kind)
                self._spares[kind].want(until)

    async def warm(self) -> None:
        """Wait until a connection for a send and one for a read stand.

        Raises:
            AttemptFailed: One could not be made.
        """
        if self._makes_spares():
            self.make_ahead(*Kind, now=loop_time())
            for kind in Kind:
                await self._spares[kind].wait_for_one()

    async def aclose(self) -> None:
        """Close what was opened here. A lent session stays open."""
        self._is_closed = True
        for spare in self._spares.values():
            await spare.aclose()
        for detour in list(self._detours):
            await detour.ended()
        for route in self._routes.values():
            route.alarms.close()
            if self._lent is None:
                await route.connector.close()

    def _makes_spares(self) -> bool:
        """Whether connections are made ahead: never behind the back of a mock."""
        is_wanted = self._spare_gap is not None and not self._is_closed
        return is_wanted and find_replacement() is None

    def _route(self, kind: Kind) -> Route:
        if self._is_closed:
            raise AttemptFailed(Seen.NO_TRUST, "the client is closed")
        if not self._routes:
            self._open()
        route = self._routes[kind]
        if route.connector.closed:
            raise AttemptFailed(Seen.NO_TRUST, "the session is closed")
        return route

    def _open(self) -> None:
        if self._lent is None:
            # The pace and the places in the queue bound the connections.
            fresh: aiohttp.BaseConnector
            fresh = aiohttp.TCPConnector(force_close=True, limit=0)
            kept: aiohttp.BaseConnector = aiohttp.TCPConnector(limit=0)
        elif (lent := self._lent.connector) is not None:
            fresh = kept = lent
        else:
            raise AttemptFailed(Seen.NO_TRUST, "the session is closed")
        self._routes = {
            Kind.SEND: self._make_route(Kind.SEND, fresh),
            Kind.READ: self._make_route(Kind.READ, kept),
        }
        if self._spare_gap is not None:
            self._spares = {
                kind: Spare(partial(self._connect_ahead, kind), gap=self._spare_gap)
                for kind in Kind
            }

    def _make_route(self, kind: Kind, connector: aiohttp.BaseConnector) -> Route:
        return Route(
            connector,
            method="POST" if kind is Kind.SEND else "GET",
            base_url=self._base_url,
            headers=self._headers_of(kind),
            proxy=self._proxy,
        )

    async def _connect_ahead(self, kind: Kind) -> DirectLine:
        """Make a connection for a send, or for any read unless one in use is kept."""
        if find_replacement() is not None:  # since it was asked for
            detail = "aiohttp's requests were replaced meanwhile"
            raise AttemptFailed(Seen.NO_CONNECTION, detail)
        if kind is Kind.SEND:
            return await self._routes[kind].connect()
        line = await self._routes[kind].connect_anew()
        line.release()
        return line

    def _headers_of(self, kind: Kind) -> dict[str, str]:
        json = {"Content-Type": "application/json"} if kind is Kind.SEND else {}
        return self._headers | json

    async def _detour(self, request: Request, replacement: object) -> Line:
        if not self._has_warned:
            self._has_warned = True
            log.info(
                "aiohttp's ClientSession._request was replaced by %s: requests go"
                " through it, and no connections are made ahead",
                name_replacement(replacement),
            )
        url = URL(self._base_url + request.target, encoded=True)
        detour = Detour(
            self._session(request.kind),
            url,
            request,
            host=self._routes[request.kind].host,
            on_end=self._detours.discard,
        )
        self._detours.add(detour)
        try:
            await detour.stand()
        except BaseException:
            detour.close()
            raise
        return detour

    def _session(self, kind: Kind) -> OpenSession:
        route = self._routes[kind]

        def open_session(
            request_class: type[aiohttp.ClientRequest],
        ) -> aiohttp.ClientSession:
            return aiohttp.ClientSession(
                connector=route.connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers_of(kind),
                proxy=self._proxy,
                request_class=request_class,
                trust_env=False,  # it would let a .netrc replace the key
            )

        return open_session


async def _take(spare: Spare, route: Route) -> Line:
    """Return the spare, or a new connection where it turns out to be none."""
    line = await spare.take()
    return await route.connect() if line is None else line


def _env_proxy(base_url: str) -> URL | None:
    url = URL(base_url)
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return URL(proxy) if proxy and not proxy_bypass(url.host or "") else None
