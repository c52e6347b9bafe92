"""What an exception of an attempt means: a table, and no word of its own."""

import errno
import ssl
from collections.abc import Callable
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from autocalls_async.http.transport.failures import judge
from autocalls_async.policy.verdict import Seen
from tests.support import PHONE, shows_a_secret

KEY = ConnectionKey("host", 443, True, True, None, None, None)  # noqa: FBT003  # aiohttp's


def tls(reason: str | None) -> ssl.SSLError:
    """Make an error as the TLS library does."""
    error = ssl.SSLError(1, f"[SSL: {reason}] {PHONE} (_ssl.c:1006)")
    if reason is not None:
        error.reason = reason
    return error


def verification(code: int) -> ssl.SSLCertVerificationError:
    """Make an error of a certificate that was not trusted."""
    error = ssl.SSLCertVerificationError(1, f"certificate verify failed: {PHONE}")
    error.reason, error.verify_code = "CERTIFICATE_VERIFY_FAILED", code
    return error


def caused(error: Exception, cause: Exception) -> Exception:
    """Make an error that was made of another."""
    error.__cause__ = cause
    return error


def wrapped(error: ssl.SSLError) -> Exception:
    """Give it as aiohttp does."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return aiohttp.ClientConnectorCertificateError(KEY, error)
    return aiohttp.ClientConnectorSSLError(KEY, error)


AGAIN, NO_USE = Seen.NO_CONNECTION, Seen.NO_TRUST


@pytest.mark.parametrize(
    ("reason", "seen", "words"),
    [
        ("WRONG_VERSION_NUMBER", NO_USE, "does not speak TLS on this port"),
        ("HTTP_REQUEST", NO_USE, "does not speak TLS on this port"),
        ("RECORD_LAYER_FAILURE", NO_USE, "does not speak TLS on this port"),
        ("UNSUPPORTED_PROTOCOL", NO_USE, "no version of TLS"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", NO_USE, "no version of TLS"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", NO_USE, "refused the TLS handshake"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", NO_USE, "wants a certificate"),
        ("TLSV1_UNRECOGNIZED_NAME", NO_USE, "TLS failed (tlsv1 unrecognized name)"),
        ("UNEXPECTED_EOF_WHILE_READING", AGAIN, "the connection broke off in TLS"),
        ("TLSV1_ALERT_INTERNAL_ERROR", AGAIN, "the connection broke off in TLS"),
        ("SSLV3_ALERT_BAD_RECORD_MAC", AGAIN, "the connection broke off in TLS"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda error: error, wrapped], ids=["raw", "aiohttp"])
def test_an_error_of_tls_is_named_by_its_reason(
    wrap: Callable[[ssl.SSLError], Exception], reason: str, seen: Seen, words: str
) -> None:
    failure = judge(wrap(tls(reason)), has_left=False)

    assert failure.seen is seen
    assert words in failure.detail
    assert (failure.remedy is None) is (seen is AGAIN)


@pytest.mark.parametrize(
    ("code", "words", "remedy"),
    [
        (9, "is not valid yet", "clock"),
        (10, "has expired", "clock"),
        (18, "is signed by itself alone", "SSL_CERT_FILE"),
        (19, "by an authority that this machine does not trust", "SSL_CERT_FILE"),
        (20, "by an authority that this machine does not trust", "SSL_CERT_FILE"),
        (62, "is for another host", "base_url"),
        (64, "is for another host", "base_url"),
        (1, "is not trusted", "SSL_CERT_FILE"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda error: error, wrapped], ids=["raw", "aiohttp"])
def test_a_certificate_is_named_by_what_is_wrong_with_it(
    wrap: Callable[[ssl.SSLError], Exception], code: int, words: str, remedy: str
) -> None:
    failure = judge(wrap(verification(code)), has_left=False)

    assert failure.seen is Seen.NO_TRUST
    assert failure.detail == f"the server's certificate {words}".replace(
        " by an", " is signed by an"
    )
    assert remedy in (failure.remedy or "")


@pytest.mark.parametrize(
    ("error", "seen", "words"),
    [
        pytest.param(
            aiohttp.ClientConnectorDNSError(KEY, OSError(-2, PHONE)),
            *(AGAIN, "the host name could not be resolved"),
            id="name",
        ),
        pytest.param(
            aiohttp.ClientConnectorError(KEY, OSError(errno.ECONNREFUSED, PHONE)),
            *(AGAIN, "connection refused"),
            id="refused",
        ),
        pytest.param(
            aiohttp.ServerFingerprintMismatch(b"a", b"b", "host", 443),
            *(NO_USE, "the server's certificate is not the pinned one"),
            id="pin",
        ),
        pytest.param(
            aiohttp.ClientHttpProxyError(Mock(), (), status=407, message=PHONE),
            *(NO_USE, "the proxy refused to connect"),
            id="proxy",
        ),
        pytest.param(
            aiohttp.InvalidURL(PHONE), NO_USE, "the address cannot be used", id="url"
        ),
        pytest.param(
            aiohttp.ServerDisconnectedError(PHONE),
            *(AGAIN, "the connection was closed without an answer"),
            id="closed",
        ),
        pytest.param(TimeoutError(PHONE), AGAIN, "it timed out", id="time"),
        pytest.param(
            ValueError(PHONE), AGAIN, "the exchange failed (ValueError)", id="other"
        ),
        pytest.param(tls(None), NO_USE, "TLS failed", id="TLS without a reason"),
        pytest.param(
            ssl.SSLEOFError(8, PHONE),
            *(AGAIN, "the connection broke off in TLS"),
            id="TLS that ended",
        ),
        pytest.param(
            caused(aiohttp.ClientOSError(1, PHONE), tls("BAD_SIGNATURE")),
            *(NO_USE, "TLS failed (bad signature)"),
            id="TLS, as a cause",
        ),
    ],
)
def test_each_failure_has_its_words(error: Exception, seen: Seen, words: str) -> None:
    before = judge(error, has_left=False)
    after = judge(error, has_left=True)

    assert (before.seen, before.detail) == (seen, words)
    assert (after.seen, after.detail, after.remedy) == (Seen.SILENCE, words, None)
    assert not shows_a_secret(repr(before))
