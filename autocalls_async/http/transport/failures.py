"""One attempt that got no answer: what that means, and how to say it.

Only the moment decides. Before the first byte of a request nothing has left, and after
it nobody knows, whatever the exception's class is. Its own text is shown nowhere: it
may hold the address, and with it a phone number.
"""

import os
import ssl
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import aiohttp

from autocalls_async.policy.verdict import Seen


class AttemptFailed(Exception):  # noqa: N818  # caught inside the package
    """One attempt got no answer.

    Attributes:
        seen: What it showed.
        detail: What happened, for people.
        was_cut_off: The connection ended, without an answer.
        remedy: What has to be mended before another attempt, where one is no use.
    """

    def __init__(
        self,
        seen: Seen,
        detail: str,
        *,
        was_cut_off: bool = False,
        remedy: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.seen = seen
        self.detail = detail
        self.was_cut_off = was_cut_off
        self.remedy = remedy


def judge(error: Exception, *, has_left: bool) -> AttemptFailed:
    """Return what an exception means, by when it came.

    Args:
        error: What was raised.
        has_left: Whether a byte of the request may have left. Then only a whole
            answer would tell.
    """
    if isinstance(error, AttemptFailed):
        return error
    failure = _look_at(error)
    if not has_left:
        return AttemptFailed(failure.seen, failure.words, remedy=failure.remedy)
    was_cut_off = isinstance(error, _CUT_OFF)
    return AttemptFailed(Seen.SILENCE, failure.words, was_cut_off=was_cut_off)


_CUT_OFF = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


class _Failure(NamedTuple):
    """What an exception is before the first byte, in words; and what to mend."""

    seen: Seen
    words: str
    remedy: str | None = None


def _look_at(error: Exception) -> _Failure:
    if tls := next(_tls_errors(error), None):
        return _explain_tls(tls)
    for kind, failure in _KNOWN:
        if isinstance(error, kind):
            return failure
    return _Failure(Seen.NO_CONNECTION, _name_cause(error))


def _name_cause(error: Exception) -> str:
    inner = getattr(error, "os_error", error)  # aiohttp keeps it there
    if isinstance(inner, OSError) and inner.errno and inner.errno > 0:
        return os.strerror(inner.errno).lower()
    if isinstance(inner, ConnectionError):  # asyncio gives no number where TLS ends
        return "the connection was closed while it was made"
    return f"the exchange failed ({type(error).__name__})"


_ADDRESS = "check base_url"

_KNOWN: tuple[tuple[type[Exception], _Failure], ...] = (
    (
        aiohttp.ClientConnectorCertificateError,
        _Failure(Seen.NO_TRUST, "the server's certificate is not trusted", _ADDRESS),
    ),
    (
        aiohttp.ServerFingerprintMismatch,
        _Failure(
            Seen.NO_TRUST,
            "the server's certificate is not the pinned one",
            "check base_url and the fingerprint",
        ),
    ),
    (
        aiohttp.ClientHttpProxyError,
        _Failure(
            Seen.NO_TRUST,
            "the proxy refused to connect",
            "check the proxy that the environment names",
        ),
    ),
    (
        aiohttp.InvalidURL,
        _Failure(Seen.NO_TRUST, "the address cannot be used", _ADDRESS),
    ),
    (
        aiohttp.ClientConnectorDNSError,
        _Failure(Seen.NO_CONNECTION, "the host name could not be resolved"),
    ),
    (
        aiohttp.ServerDisconnectedError,
        _Failure(Seen.NO_CONNECTION, "the connection was closed without an answer"),
    ),
    (TimeoutError, _Failure(Seen.NO_CONNECTION, "it timed out")),
    *(
        (kind, _Failure(Seen.NO_CONNECTION, "the connection broke off in TLS"))
        for kind in (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    ),
    (ssl.SSLError, _Failure(Seen.NO_TRUST, "TLS failed", _ADDRESS)),
)


# TLS. An `SSLError` has 1 for its errno, which strerror() takes for "operation not
# permitted"; its reason tells.


def _tls_errors(error: BaseException) -> Iterator[ssl.SSLError]:
    """Yield the TLS library's own errors in what aiohttp made of them."""
    seen: set[int] = set()
    wraps: BaseException | None = error
    while wraps is not None and id(wraps) not in seen:
        seen.add(id(wraps))
        for inner in (
            getattr(wraps, "certificate_error", None),
            getattr(wraps, "os_error", None),
            wraps,
        ):
            if isinstance(inner, ssl.SSLError) and getattr(inner, "reason", None):
                yield inner
        wraps = wraps.__cause__


def _explain_tls(error: ssl.SSLError) -> _Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error)
    reason = error.reason or ""
    if any(part in reason for part in _MAY_PASS):
        words = "the connection broke off in TLS"
        return _Failure(Seen.NO_CONNECTION, f"{words} ({_spell(reason)})")
    for parts, words, remedy in _TLS:
        if any(part in reason for part in parts):
            return _Failure(Seen.NO_TRUST, words, remedy)
    return _Failure(Seen.NO_TRUST, f"TLS failed ({_spell(reason)})", _ADDRESS)


def _spell(reason: str) -> str:
    return reason.lower().replace("_", " ")


_MAY_PASS = ("EOF", "INTERNAL_ERROR", "BAD_RECORD_MAC", "SHUTDOWN")
"""The other side went away, broke down, or the network bent a byte."""

_TLS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        (
            *("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"),
            *("RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"),
        ),
        "the server does not speak TLS on this port",
        "check the scheme and the port of base_url",
    ),
    (
        (
            *("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"),
            *("WRONG_SSL_VERSION", "VERSION_TOO_LOW"),
        ),
        "the server speaks no version of TLS that this machine takes",
        "check base_url, or have the server speak TLS 1.2 or later",
    ),
    (
        ("CERTIFICATE_REQUIRED",),
        "the server wants a certificate of its clients",
        "lend a session whose connector has one",
    ),
    (
        ("HANDSHAKE_FAILURE", "NO_SHARED_CIPHER"),
        "the server refused the TLS handshake",
        _ADDRESS,
    ),
)


def _explain_certificate(error: ssl.SSLCertVerificationError) -> _Failure:
    words, remedy = _CERTIFICATES.get(error.verify_code, ("is not trusted", _AUTHORITY))
    return _Failure(Seen.NO_TRUST, f"the server's certificate {words}", remedy)


_AUTHORITY = "check base_url, or name a further authority in SSL_CERT_FILE"
_CLOCK = "check base_url and this machine's clock"
_UNTRUSTED = "is signed by an authority that this machine does not trust"

_CERTIFICATES: Mapping[int, tuple[str, str]] = {
    2: (_UNTRUSTED, _AUTHORITY),
    9: ("is not valid yet", _CLOCK),
    10: ("has expired", _CLOCK),
    18: ("is signed by itself alone", _AUTHORITY),
    19: (_UNTRUSTED, _AUTHORITY),
    20: (_UNTRUSTED, _AUTHORITY),
    21: (_UNTRUSTED, _AUTHORITY),
    23: ("was revoked", _ADDRESS),
    62: ("is for another host", _ADDRESS),
    64: ("is for another host", _ADDRESS),
}
"""By OpenSSL's code of the verification, from its `x509_vfy.h`."""
