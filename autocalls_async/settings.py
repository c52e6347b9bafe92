"""Where the service is and how it knows us: checked before anything is opened.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from string import ascii_letters, digits
from typing import final
from urllib.parse import SplitResult, urlsplit

DEFAULT_BASE_URL = "https://app.autocalls.ai/api"
"""Source: API reference, "Base". White-label editions use another host."""


_URL_CHARACTERS = frozenset(ascii_letters + digits + "-._~:/[]@!$&'()*+,;=")


class _Masked(str):
    """Text that shows itself nowhere but where it is used."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'•••'"


@final
class ApiKey:
    """A key of the service, which looks like `1|abc123`; its `repr` does not show it.

    Raises:
        ValueError: The key is empty, or holds what an HTTP header cannot carry.
    """

    __slots__ = ("_authorization",)

    def __init__(self, key: object) -> None:
        if not isinstance(key, str) or not key:
            msg = "api_key must be the text of a key, such as '1|abc123'; got none"
            raise ValueError(msg)
        if not all("!" <= c <= "~" for c in key):
            msg = (
                "api_key must be printable ASCII without spaces or line breaks; "
                "it has a character that an HTTP header cannot carry"
            )
            raise ValueError(msg)
        self._authorization = _Masked(f"Bearer {key}")

    def authorization(self) -> str:
        """Give the value of the `Authorization` header."""
        return self._authorization

    def __repr__(self) -> str:
        return "ApiKey('•••')"


def parse_base_url(value: object) -> str:
    """Give the base URL without its closing slash.

    Plain `http` is for this machine and private networks: over the open
    network it would show the key to everybody.

    Raises:
        ValueError: It is no absolute URL, or holds a user, a query, a fragment
            or a step up, or is plain `http` to a public host.
    """
    if not isinstance(value, str):
        msg = f"base_url must be text; got a {type(value).__name__}"
        raise ValueError(msg)
    url = _split(value)
    if url.scheme == "http" and not _is_private(url.hostname or ""):
        msg = f"base_url must be https for a public host; got http://{url.hostname}"
        raise ValueError(msg)
    return value.rstrip("/")


def _split(value: str) -> SplitResult:
    try:
        url = urlsplit(value)
        port_is_usable = url.port != 0
    except ValueError:
        msg = "base_url is no usable URL: its host or port is malformed"
        raise ValueError(msg) from None  # the cause would show a password in it
    for is_right, rule in (
        (url.scheme in {"http", "https"}, "must begin with https:// or http://"),
        ("@" not in url.netloc, "must not hold a user or password"),
        (set(value) <= _URL_CHARACTERS, "must be plain ASCII, with no query or escape"),
        (url.hostname, "must name a host"),
        (port_is_usable, "must not have port 0"),
        (not _climbs(url.path), "must not have '.', '..' or nothing as a step"),
    ):
        if not is_right:
            msg = f"base_url {rule}; the default is {DEFAULT_BASE_URL}"
            raise ValueError(msg)
    return url


def _climbs(path: str) -> bool:
    steps = path.rstrip("/").split("/")[1:]
    return any(step in {"", ".", ".."} for step in steps)


def _is_private(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        # "localhost", or a container's name: a public name has a dot.
        return "." not in host or host.endswith(".localhost")
    return address.is_loopback or address.is_private or address.is_link_local


class Environment:
    """What the environment says of the account.

    Attributes:
        api_key: `AUTOCALLS_API_KEY`.
        base_url: `AUTOCALLS_BASE_URL`.
        sender_id: `AUTOCALLS_SENDER_ID`, a whole number.
    """

    __slots__ = ("api_key", "base_url", "sender_id")

    def __init__(self, *, api_key: str, base_url: str, sender_id: int | None) -> None:
        self.api_key = api_key
        self.base_url = base_url
        self.sender_id = sender_id


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Read the account's settings from environment variables.

    Raises:
        ValueError: The key is missing, or the sender is no number.
    """
    api_key = environ.get("AUTOCALLS_API_KEY", "").strip()
    if not api_key:
        msg = "AUTOCALLS_API_KEY is not set; it must hold the account's API key"
        raise ValueError(msg)
    sender = environ.get("AUTOCALLS_SENDER_ID", "").strip()
    if sender and not (sender.isascii() and sender.isdigit()):
        msg = f"AUTOCALLS_SENDER_ID must be a whole number; got {sender[:20]!r}"
        raise ValueError(msg)
    return Environment(
        api_key=api_key,
        base_url=environ.get("AUTOCALLS_BASE_URL", "").strip() or DEFAULT_BASE_URL,
        sender_id=int(sender) if sender else None,
    )
