"""The ways to a fault server: addresses, trust and proxies."""

import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from pathlib import Path
from typing import Any, TypeAlias
from unittest.mock import patch

import aiohttp
from attrs import frozen

from tests.ports import closed_port

_CERTIFICATES = Path(__file__).parent / "certificates"

Settings: TypeAlias = Mapping[str, Any]


@contextmanager
def _full_port() -> Iterator[int]:
    """Yield a port whose queue of connections is full, and nobody takes them."""
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.setblocking(False)  # noqa: FBT003  # the socket's own signature
        with suppress(BlockingIOError):
            first.connect(listener.getsockname())
        yield listener.getsockname()[1]


@frozen
class Way:
    """How a client comes to the server.

    Attributes:
        base_url: With a place for the port.
        certificate: The server's, where the server speaks TLS from the start.
        is_lent: Over a lent session, which keeps its connections and trusts the
            tests' own authority.
        is_proxied: Through a proxy that the environment names: the server.
        port: Another port than the server's.
    """

    base_url: str = "http://127.0.0.1:{port}"
    certificate: str | None = None
    is_lent: bool = False
    is_proxied: bool = False
    port: Callable[[], AbstractContextManager[int]] | None = None

    @property
    def context(self) -> ssl.SSLContext | None:
        """What the server needs to be reached in this way."""
        return server_context(self.certificate) if self.certificate else None


_HERE = "https://127.0.0.1:{port}"
_ELSEWHERE = "https://service.invalid"

PLAIN = Way()
NO_PORT = Way(port=closed_port)
NO_ROOM = Way(port=_full_port)
NO_NAME = Way(_ELSEWHERE)
LENT = Way(is_lent=True)
HANDSHAKE = Way(_HERE, is_lent=True)
TLS = Way(_HERE, certificate="right", is_lent=True)
WRONG_NAME = Way(_HERE, certificate="wrong-name", is_lent=True)
EXPIRED = Way(_HERE, certificate="expired", is_lent=True)
UNKNOWN_AUTHORITY = Way(_HERE, certificate="unknown-authority")
PROXY = Way("http://127.0.0.1:1", is_proxied=True)
TUNNEL = Way(_ELSEWHERE, is_lent=True, is_proxied=True)
NO_PROXY = Way(_ELSEWHERE, is_proxied=True, port=closed_port)


def server_context(certificate: str) -> ssl.SSLContext:
    """Return the server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain = _CERTIFICATES / f"{certificate}.pem"
    context.load_cert_chain(chain, _CERTIFICATES / "key.pem")
    return context


@asynccontextmanager
async def open_way(way: Way, port: int) -> AsyncIterator[Settings]:
    """Open a way to the server at a port, as settings of a client."""
    async with AsyncExitStack() as stack:
        if way.port is not None:
            port = stack.enter_context(way.port())
        if way.is_proxied:
            stack.enter_context(_proxy(f"http://127.0.0.1:{port}"))
        settings: dict[str, Any] = {
            "base_url": way.base_url.format(port=port),
            "trust_env": way.is_proxied,
        }
        if way.is_lent:
            authority = _CERTIFICATES / "authority.pem"
            context = ssl.create_default_context(cafile=authority)
            connector = aiohttp.TCPConnector(ssl=context)
            settings["session"] = await stack.enter_async_context(
                aiohttp.ClientSession(connector=connector)
            )
        yield settings


def _proxy(url: str) -> AbstractContextManager[object]:
    return patch.dict(
        os.environ, {"http_proxy": url, "https_proxy": url, "no_proxy": ""}
    )
