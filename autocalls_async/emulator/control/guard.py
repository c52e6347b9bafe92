"""Who may use the page and the control API: nobody from another site.

A page elsewhere can make a browser send requests here. It is known by its origin,
and, where its name was made to lead here, by the host that the browser names.

Pure: no I/O, no clock, no asyncio.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from attrs import frozen

from autocalls_async.emulator.control.fields import WrongError

_HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})
_EVERYWHERE = frozenset({"0.0.0.0", "[::]", "::"})  # noqa: S104  # compared, not bound
READS = frozenset({"GET", "HEAD"})


@frozen
class Guard:
    """The hosts under which a browser may find us.

    Attributes:
        hosts: Names and addresses, with or without a port.
        any_address: Let in whoever names an address: those of this machine are
            too many to know, and no name can be made to look like one.
    """

    hosts: frozenset[str]
    any_address: bool

    def check(self, method: str, headers: Mapping[str, str], *, socket: bool) -> None:
        """Make sure that a request is not another site's.

        Args:
            method: The method; reads may come from anywhere, as no browser shows
                their answers to another site.
            headers: The request's.
            socket: Whether a WebSocket is asked for, which has no such rule.

        Raises:
            WrongError: Its host or its origin is foreign.
        """
        host = headers.get("Host", "").lower()
        if not self._is_ours(host):
            msg = f"unknown host {host!r}: start with --allow-host to use this name"
            raise WrongError(msg, "Host", 403)
        origin = headers.get("Origin")
        if origin is None or (method in READS and not socket):
            return
        if _netloc(origin) != host:
            msg = f"another site's page may not do this: {origin!r}"
            raise WrongError(msg, "Origin", 403)

    def _is_ours(self, host: str) -> bool:
        name = _without_port(host)
        if name in self.hosts or host in self.hosts:
            return True
        return self.any_address and _is_address(name)


def make_guard(listening: str, allowed: Iterable[str]) -> Guard:
    """Return a guard for who listens on an address, under these other names too."""
    host = f"[{listening}]" if ":" in listening else listening
    names = {name.lower() for name in allowed}
    return Guard(_HERE | {host} | names, any_address=listening in _EVERYWHERE)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _netloc(origin: str) -> str | None:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    return parts.netloc if parts.scheme in {"http", "https"} else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
