"""`autocalls doctor`: what works and what does not, in lines to paste into a report.

It shows no key, no number and no name.
"""

import asyncio
import os
import platform
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from attrs import frozen

from autocalls_async.cli.connection import ask, check_key
from autocalls_async.cli.options import Connection
from autocalls_async.cli.terminal.failures import CommandError, Status, os_reason
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count
from autocalls_async.client.client import AutocallsClient
from autocalls_async.http.settings import parse_base_url, read_host
from autocalls_async.model.errors import AutocallsError, PermissionDeniedError
from autocalls_async.model.listings import Account, Sender

_LIBRARIES = ("autocalls-async", "aiohttp", "aiolimiter", "attrs", "cattrs")
_EXTRAS = ("phonenumberslite", "python-calamine", "psycopg", "opentelemetry-api")
_VARIABLES = ("API_KEY", "BASE_URL", "SENDER_ID", "ACCOUNT", "ACCOUNTS")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")

_CLOCK_SECONDS = 60.0
"""A clock that is further off sends outside the hours that somebody set."""


@frozen
class Checkup:
    """One thing that was looked at.

    Attributes:
        name: What it is about.
        text: What was seen.
        is_well: Whether it stands in nobody's way.
    """

    name: str
    text: str
    is_well: bool = True


@frozen(kw_only=True)
class _Reached:
    """What was seen of the way to the service, below its API.

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


def diagnose(connection: Connection, screen: Screen) -> int:
    """Look at everything that a send needs, send nothing, and tell what was seen."""
    lines = []
    for line in _look_at_all(connection):
        lines.append(line)
        if not screen.as_json:
            mark = "ok  " if line.is_well else "FAIL"
            screen.say(f"{mark} {line.name}: {line.text}")
    is_well = all(line.is_well for line in lines)
    if screen.as_json:
        told = {line.name: {"ok": line.is_well, "seen": line.text} for line in lines}
        screen.emit({"ok": is_well} | told)
    return Status.OK if is_well else Status.FAILED


def _look_at_all(connection: Connection) -> Iterator[Checkup]:
    yield Checkup("versions", _versions())
    yield Checkup("extras", ", ".join(_installed(_EXTRAS)) or "none of them")
    yield Checkup("environment", _environment())
    try:
        base_url = parse_base_url(connection.base_url)
    except ValueError as error:
        yield Checkup("address", str(error), is_well=False)
        return
    way = list(_look_at_way(base_url, connection.timeout))
    yield from way
    if way[0].is_well:
        yield from _look_at_account(connection)


def _look_at_way(base_url: str, timeout: float) -> Iterator[Checkup]:
    host = read_host(base_url)
    try:
        seen = _reach(base_url, timeout=timeout)
    except OSError as error:
        yield Checkup("address", f"{host}: {_say(error)}", is_well=False)
        return
    yield Checkup("address", f"{host}, {count(seen.address_count, 'address')}")
    yield Checkup("encryption", seen.encryption or "none: a private network, or a test")
    yield _tell_clock(seen)


def _reach(base_url: str, *, timeout: float) -> _Reached:
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
    return _Reached(
        address_count=len(found), encryption=encryption, ahead_seconds=ahead
    )


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


def _say(error: OSError) -> str:
    """Return why no connection came about; names and certificates have own numbers."""
    match error:
        case ssl.SSLError():
            return f"no trusted connection: {error.reason or error}".lower()
        case socket.gaierror():
            return f"its name cannot be looked up: {error.strerror}"
        case TimeoutError():
            return "no answer in time"
    return os_reason(error)


def _tell_clock(seen: _Reached) -> Checkup:
    if seen.ahead_seconds is None:
        return Checkup("clock", "the service's answer has no date to compare with")
    off = abs(seen.ahead_seconds)
    which = "ahead of" if seen.ahead_seconds > 0 else "behind"
    if off < 2:
        return Checkup("clock", "agrees with the service's to a second or two")
    text = f"{off:,.0f} s {which} the service's"
    return Checkup("clock", text, is_well=off < _CLOCK_SECONDS)


def _look_at_account(connection: Connection) -> Iterator[Checkup]:
    try:
        check_key(connection)
    except CommandError as error:
        yield Checkup("key", str(error), is_well=False)
        return
    account, senders = ask(connection, _inquire)
    yield from _tell_account(account)
    yield _tell_senders(senders, connection.sender_id)
    yield Checkup("rate", "5 sends a second, all programs of the account together")


async def _inquire(
    client: AutocallsClient,
) -> tuple[Account | BaseException, tuple[Sender, ...] | BaseException]:
    account, senders = await asyncio.gather(
        client.account(), client.senders(include_offline=True), return_exceptions=True
    )
    return account, senders


def _tell_account(account: Account | BaseException) -> Iterator[Checkup]:
    match account:
        case PermissionDeniedError():
            yield Checkup("key", "accepted, but it may not look at the account")
        case AutocallsError():
            yield Checkup("key", str(account), is_well=False)
        case Account(total_balance=balance):
            yield Checkup("key", "accepted")
            if balance is not None:
                yield Checkup("balance", f"{balance:f}", is_well=balance > 0)
        case _:
            raise account


def _tell_senders(
    senders: tuple[Sender, ...] | BaseException, wanted: int | None
) -> Checkup:
    match senders:
        case AutocallsError():
            return Checkup("senders", str(senders), is_well=False)
        case BaseException():
            raise senders
    online = [sender.id for sender in senders if sender.status == "online"]
    shown = f"{len(senders)}, {len(online)} of them online"
    if wanted is None:
        return Checkup("senders", f"{shown}; no default is set (AUTOCALLS_SENDER_ID)")
    if wanted in online:
        return Checkup("senders", f"{shown}; the default, {wanted}, is")
    is_there = wanted in {sender.id for sender in senders}
    what = "offline" if is_there else "not among them"
    return Checkup(
        "senders", f"{shown}; the default, {wanted}, is {what}", is_well=False
    )


def _versions() -> str:
    system = f"{platform.python_implementation()} {platform.python_version()}"
    libraries = ", ".join(_installed(_LIBRARIES))
    return f"{libraries}; {system} on {platform.system()} {platform.machine()}"


def _installed(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue


def _environment() -> str:
    """Return which variables are set, never what they hold."""
    ours = [name for name in _VARIABLES if os.environ.get(f"AUTOCALLS_{name}")]
    proxies = [name for name in _PROXIES if os.environ.get(name)]
    told = ", ".join(f"AUTOCALLS_{name}" for name in ours) or "no variable of ours"
    unused = f"; {', '.join(proxies)} set, and not used" if proxies else ""
    return f"{told} set{unused}"
