"""One attempt that got no answer: only the moment says what that means.

Before the first byte of a request nothing has left, and after it nobody knows; the
class of an exception decides nothing. Its own words are never passed on: aiohttp's
hold the address, and with it a phone number.
"""

import aiohttp

from autocalls_async.http.transport.explain import read_failure
from autocalls_async.policy.verdict import Seen


class AttemptFailed(Exception):  # noqa: N818  # caught inside the package
    """One attempt got no answer."""

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
        self.was_cut_off = was_cut_off  # the connection ended, without an answer
        self.remedy = remedy


def judge(error: Exception, *, has_left: bool) -> AttemptFailed:
    """Return what an exception means, by when it came."""
    if isinstance(error, AttemptFailed):
        return error
    failure = read_failure(error, has_left=has_left)
    return AttemptFailed(
        failure.seen,
        failure.words,
        was_cut_off=has_left and isinstance(error, _CUT_OFF),
        remedy=failure.remedy,
    )


_CUT_OFF = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)
