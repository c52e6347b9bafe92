"""What it means that an attempt failed: the class of an exception decides nothing.

Only the moment does: before the first byte of a request nothing has left, and
after it nobody knows. An exception's own words are never passed on: aiohttp's
hold the address, and with it a phone number.
"""

import os

import aiohttp

from autocalls_async.verdict import Seen


class AttemptFailed(Exception):  # noqa: N818  # caught inside the package
    """One attempt got no answer."""

    def __init__(self, seen: Seen, detail: str, *, was_cut_off: bool = False) -> None:
        super().__init__(detail)
        self.seen = seen
        self.detail = detail
        self.was_cut_off = was_cut_off  # the connection ended, without an answer


def judge(error: Exception, *, has_left: bool) -> AttemptFailed:
    """Return what an exception means, by when it came."""
    if isinstance(error, AttemptFailed):
        return error
    detail = _describe(error)
    if has_left:
        was_cut_off = isinstance(error, _CUT_OFF)
        return AttemptFailed(Seen.SILENCE, detail, was_cut_off=was_cut_off)
    is_hopeless = isinstance(error, _HOPELESS)
    return AttemptFailed(Seen.NO_TRUST if is_hopeless else Seen.NO_CONNECTION, detail)


_CUT_OFF = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)

_HOPELESS = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (
        aiohttp.ClientConnectorCertificateError,
        "the service's certificate is not trusted",
    ),
    (aiohttp.ServerFingerprintMismatch, "the service's certificate is not the pinned"),
    (aiohttp.ClientHttpProxyError, "the proxy refused to connect"),
    (aiohttp.ClientConnectorDNSError, "the host name could not be resolved"),
    (aiohttp.ServerDisconnectedError, "the connection was closed without an answer"),
    (TimeoutError, "it timed out"),
)


def _describe(error: Exception) -> str:
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    return f"the exchange failed ({type(error).__name__})"
