"""Whether a receipt is from somebody who knows the sender's signing secret.

Pure: no I/O, no clock, no asyncio.

Source: API reference, "Read-receipts webhook": `X-Signature-256: sha256=<hex>`, the
HMAC-SHA256 of the raw body.
"""

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from autocalls_async.model.checks import check_id, show_kind
from autocalls_async.model.values.masking import forgetful

HEADER = "x-signature-256"
_FORM = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII | re.IGNORECASE)

Given: TypeAlias = str | Sequence[str] | Mapping[int, str | Sequence[str]]
"""One secret, or several, of all senders; or those of each."""


class Headers(Protocol):
    """The headers of a request, as any web framework gives them."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return names and values; a header that came twice may stand there twice."""


class Secrets:
    """The signing secrets of senders: several of one while they are rotated.

    Raises:
        ValueError: There is none, or one is empty.
    """

    __slots__ = ("_all", "_by_sender")

    @forgetful
    def __init__(self, given: Given) -> None:
        self._by_sender: dict[int, tuple[bytes, ...]] | None = None
        if isinstance(given, Mapping):
            self._by_sender = {
                check_id("a sender of secrets", sender): _read(secrets)
                for sender, secrets in given.items()
            }
            self._all = tuple(s for row in self._by_sender.values() for s in row)
        else:
            self._all = _read(given)
        if not self._all:
            msg = "secrets must not be empty: anybody could sign then"
            raise ValueError(msg)

    def __repr__(self) -> str:
        return f"<Secrets: {len(self._all)}>"

    def of(self, sender_id: int | None) -> tuple[bytes, ...]:
        """Return the secrets of a sender; of an unnamed one, all that there are."""
        if self._by_sender is None or sender_id is None:
            return self._all
        return self._by_sender.get(sender_id, ())


def _read(given: object) -> tuple[bytes, ...]:
    if isinstance(given, str):
        given = (given,)
    if not isinstance(given, Sequence) or isinstance(given, bytes):
        msg = f"secrets must be text, or several; got {show_kind(given)}"
        raise ValueError(msg)
    if not all(isinstance(secret, str) and secret.strip() for secret in given):
        msg = "a secret must be text, and not empty: anybody could sign then"
        raise ValueError(msg)
    # White space comes of a file that a secret was read from, never of the panel.
    return tuple(secret.strip().encode() for secret in given)


def find_problem(raw: object, headers: object) -> str | None:
    """Return what is wrong with what a program gives as body and headers, if it is."""
    if not isinstance(raw, bytes | bytearray | memoryview):
        return f"raw must be the body's bytes as they came; got {show_kind(raw)}"
    if not hasattr(headers, "items"):
        return f"headers must be names and their values; got {show_kind(headers)}"
    return None


def header(headers: Headers, wanted: str) -> str | None:
    """Return a header's value, if it stands there once.

    Servers give a header that came twice as two, or as one with a comma.

    Args:
        headers: With names in any case.
        wanted: Its name in small letters.
    """
    pairs: Iterable[tuple[object, object]] = headers.items()
    values = [v for n, v in pairs if isinstance(n, str) and n.lower() == wanted]
    return values[0] if len(values) == 1 and isinstance(values[0], str) else None


def read_digest(headers: Headers) -> bytes | None:
    """Return the digest that stands in the headers, if it stands there once."""
    value = header(headers, HEADER)
    found = None if value is None else _FORM.fullmatch(value.strip(" \t"))
    return bytes.fromhex(found[1]) if found else None


def is_signed(raw: bytes, digest: bytes, secrets: Iterable[bytes]) -> bool:
    """Whether one of the secrets gives this digest. Each is tried."""
    fits = False
    for secret in secrets:
        # Bytes: `compare_digest` raises on a text that is not ASCII.
        fits |= hmac.compare_digest(hmac.digest(secret, raw, "sha256"), digest)
    return fits
