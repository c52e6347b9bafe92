"""Where the service is and how it knows us: checked before anything is opened.

Pure: no I/O, no clock, no asyncio.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_network
from string import ascii_letters, digits
from typing import TypeGuard, final
from urllib.parse import SplitResult, urlsplit

from autocalls_async.model.checks import Check, check_text
from autocalls_async.model.values.masking import forgetful_class

DEFAULT_BASE_URL = "https://app.autocalls.ai/api"
"""Source: API reference, "Base". White-label editions use another host."""


SECRETS_VARIABLE = "AUTOCALLS_WEBHOOK_SECRETS"
"""Where the secrets are with which the service signs its webhooks."""


_URL_CHARACTERS = frozenset(ascii_letters + digits + "-._~:/[]@!$&'()*+,;=")


_PRIVATE_NETWORKS = tuple(
    map(
        ip_network,
        (
            *("127.0.0.0/8", "::1/128"),  # this machine
            *("0.0.0.0/32", "::/128"),  # to a client this machine too
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
            *("169.254.0.0/16", "fe80::/10"),  # this link
        ),
    )
)
"""Not `is_private` of `ipaddress`: it takes `::ffff:8.8.8.8` and Teredo for private,
and numbers that documents use."""

_NUMBER_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")

_C_NUMBERS = (
    (re.compile(r"0x([0-9a-f]{1,64})", re.IGNORECASE), 16),
    (re.compile(r"(0[0-7]{0,64})"), 8),
    (re.compile(r"([1-9][0-9]{0,64})"), 10),
)


class MaskedText(str):
    """Text that shows itself nowhere but where it is used."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'•••'"


@final
@forgetful_class
class ApiKey:
    """A key of the service, which looks like `1|abc123`; its `repr` does not show it.

    Raises:
        ValueError: The key is empty, or holds what an HTTP header cannot carry.
    """

    __slots__ = ("_authorization",)

    def __init__(self, key: object) -> None:
        self._authorization = MaskedText(f"Bearer {_check_api_key('api_key', key)}")

    def authorization(self) -> str:
        """Return the value of the `Authorization` header."""
        return self._authorization

    def __repr__(self) -> str:
        return "ApiKey('•••')"


def _is_api_key(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value) and _is_printable(value)


def _is_printable(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)


def _say_api_key(value: object) -> str:
    if not isinstance(value, str) or not value:
        return "must be the text of a key, such as '1|abc123'; got none"
    return (
        "must be printable ASCII without spaces or line breaks; "
        "it has a character that an HTTP header cannot carry"
    )


_check_api_key = Check(_is_api_key, _say_api_key)


def parse_base_url(value: object) -> str:
    """Return the base URL without its closing slash.

    Plain `http` is for this machine and private networks: over the open
    network it would show the key to everybody. A name without a dot counts as
    private, such as a container's; what it resolves to is not looked up.

    Raises:
        ValueError: It is no absolute URL, or holds a user, a query, a fragment
            or a step up, or is plain `http` to a public host.
    """
    text = check_text("base_url", value)
    url = _split(text)
    if url.scheme == "http" and not _is_private(url.hostname or ""):
        msg = f"base_url must be https for a public host; got http://{url.hostname}"
        raise ValueError(msg)
    return text.rstrip("/")


def read_host(base_url: str) -> str:
    """Return the host of a base URL, and its port where it has one, for people."""
    return urlsplit(base_url).netloc


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
    """Whether a host is this machine or on a private network.

    A number is judged by its meaning, in every spelling that a resolver takes. A
    name without a dot is a container's or a neighbour's: a public name has one.
    """
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    if ":" in name:
        address = _read_ipv6(name)
        return address is not None and _is_private_address(address)
    if _NUMBER_LABEL.fullmatch(name.rpartition(".")[2]):
        number = read_ipv4(name)
        return number is not None and _is_private_address(number)
    return "." not in host


def _is_private_address(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in _PRIVATE_NETWORKS)


def _read_ipv6(text: str) -> IPv6Address | None:
    try:
        return IPv6Address(text)
    except ValueError:  # brackets may hold a form of the future
        return None


def read_ipv4(text: str) -> IPv4Address | None:
    """Return the address that the C library's `inet_aton` reads, `None` for none.

    It takes one to four numbers, decimal, octal (`010`) or hexadecimal (`0x8`);
    the last one fills what is left of the four bytes.
    """
    *heads, last = map(_read_c_number, text.split("."))
    if len(heads) > 3 or last is None or last > 0xFFFFFFFF >> 8 * len(heads):
        return None
    address = last
    for place, number in enumerate(heads):
        if number is None or number > 0xFF:
            return None
        address |= number << 8 * (3 - place)
    return IPv4Address(address)


def _read_c_number(text: str) -> int | None:
    for digits_of, base in _C_NUMBERS:
        if found := digits_of.fullmatch(text):
            return int(found[1], base)
    return None


class Environment:
    """What the environment says of the account.

    Attributes:
        api_key: `AUTOCALLS_API_KEY`; its `repr` does not show it.
        base_url: `AUTOCALLS_BASE_URL`.
        sender_id: `AUTOCALLS_SENDER_ID`, a whole number.
        automation_key: `AUTOCALLS_AUTOMATION_KEY`; its `repr` does not show it either.
    """

    __slots__ = ("api_key", "automation_key", "base_url", "sender_id")

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        sender_id: int | None,
        automation_key: str | None = None,
    ) -> None:
        self.api_key: str = api_key
        self.automation_key: str | None = automation_key
        self.base_url: str = base_url
        self.sender_id: int | None = sender_id


def read_environment(
    environ: Mapping[str, str], *, api_key: str | None = None
) -> Environment:
    """Read the account's settings from environment variables.

    Args:
        environ: The variables.
        api_key: Where there is one, in place of the variable.

    Raises:
        ValueError: The key is missing, or the sender is no number.
    """
    key, base_url, sender, automation = (
        environ.get(f"AUTOCALLS_{name}", "").strip()
        for name in ("API_KEY", "BASE_URL", "SENDER_ID", "AUTOMATION_KEY")
    )
    key, automation = MaskedText(api_key or key), MaskedText(automation)
    del environ, api_key  # else a traceback with locals would show them
    if not key:
        msg = "AUTOCALLS_API_KEY is not set; it must hold the account's API key"
        raise ValueError(msg)
    if sender and not (sender.isascii() and sender.isdigit()):
        msg = f"AUTOCALLS_SENDER_ID must be a whole number; got {sender[:20]!r}"
        raise ValueError(msg)
    return Environment(
        api_key=key,
        base_url=base_url or DEFAULT_BASE_URL,
        sender_id=int(sender) if sender else None,
        automation_key=automation or None,
    )
