"""A look at the service below the API: its address, its certificate, its clock."""

import socket
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from attrs import frozen


@frozen(kw_only=True)
class Wire:
    """What was seen of the way to the service.

    Attributes:
        address_count: Addresses that the host's name stands for.
        encryption: `TLSv1.3`, and until when the certificate is valid; `None`
            where the address is plain http.
        ahead_seconds: How far our clock is ahead of the service's, to a second;
            `None` where its answer has no date.
    """

    address_count: int
    encryption: str | None
    ahead_seconds: float | None


def look(base_url: str, *, timeout: float) -> Wire:
    """Connect once and ask for nothing in particular. No key is sent.

    Raises:
        OSError: No connection came about, or none that can be trusted.
    """
    url = urlsplit(base_url)
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(host, port, timeout=timeout)
    try:
        connection.connect()
        encryption = _encryption(connection.sock)
        ahead = _ask_time(connection, url.path or "/")
    finally:
        connection.close()
    return Wire(address_count=len(found), encryption=encryption, ahead_seconds=ahead)


def _encryption(sock: socket.socket) -> str | None:
    if not isinstance(sock, ssl.SSLSocket):
        return None
    certificate = sock.getpeercert() or {}
    until = str(certificate.get("notAfter", "")) or "an unknown date"
    return f"{sock.version()}, certificate valid until {until}"


def _ask_time(connection: HTTPConnection, path: str) -> float | None:
    before = datetime.now(UTC)
    try:
        connection.request("HEAD", path)
        told = connection.getresponse().getheader("Date")
        there = parsedate_to_datetime(told or "")
    except (HTTPException, ValueError):
        return None
    middle = before + (datetime.now(UTC) - before) / 2
    return (middle - there).total_seconds()
