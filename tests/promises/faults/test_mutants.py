"""Each way in which the rule could be wrong shows as a wrong verdict in the table."""

from collections.abc import Callable

import aiohttp
import pytest
from aiohttp.http_exceptions import HttpProcessingError

from autocalls_async.engine import attempts as exchange
from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import Request
from autocalls_async.http.transport import failures, line
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.http.transport.line import DirectLine
from autocalls_async.policy.verdict import (
    DECISIONS,
    Again,
    Decision,
    Kind,
    Seen,
    Verdict,
)
from tests.needs import some_at_once
from tests.promises.faults.cases import CASES
from tests.promises.faults.running import look_at_send
from tests.promises.faults.ways import NO_ROOM

Mutate = Callable[[pytest.MonkeyPatch], None]


def _decides(seen: Seen, verdict: Verdict, again: Again = Again.NO) -> Mutate:
    """Give a send another verdict."""
    row = Decision(verdict, again, "a mutant says so")
    table = {**DECISIONS, (Kind.SEND, seen): row}
    return lambda patch: patch.setattr(exchange, "DECISIONS", table)


def _means_unsent(*kinds: type[Exception]) -> Mutate:
    """Take these exceptions as proof that nothing left."""
    judge = failures.judge

    def mutant(error: Exception, *, has_left: bool) -> AttemptFailed:
        return judge(error, has_left=has_left and not isinstance(error, kinds))

    return lambda patch: patch.setattr(failures, "judge", mutant)


def _believes_aiohttps_400(patch: pytest.MonkeyPatch) -> None:
    """Take the status that aiohttp invents for the service's own."""
    hold = DirectLine._hold  # noqa: SLF001  # the rule that is mutated

    async def mutant(self: DirectLine, request: Request) -> Reply:
        try:
            return await hold(self, request)
        except HttpProcessingError as error:
            return Reply(status=error.code)

    patch.setattr(DirectLine, "_hold", mutant)
    _decides(Seen.FOREIGN_REFUSAL, Verdict.REFUSED)(patch)


def _uses_spoilt_connections(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(line, "is_spoilt", lambda _: False)


MUTANTS: dict[str, Mutate] = {
    "a closed connection means unsent": _means_unsent(aiohttp.ServerDisconnectedError),
    "a reset connection means unsent": _means_unsent(aiohttp.ClientOSError),
    "a connection error means unsent": _means_unsent(aiohttp.ClientConnectionError),
    "a time-out means unsent": _means_unsent(TimeoutError),
    "a malformed answer means unsent": _means_unsent(HttpProcessingError),
    "a malformed answer means refused": _believes_aiohttps_400,
    "silence is tried again": _decides(Seen.SILENCE, Verdict.UNKNOWN, Again.YES),
    "a 5xx means refused": _decides(Seen.SERVER_ERROR, Verdict.REFUSED),
    "a 5xx is tried again": _decides(Seen.SERVER_ERROR, Verdict.UNKNOWN, Again.YES),
    "any 4xx means refused": _decides(Seen.FOREIGN_REFUSAL, Verdict.REFUSED),
    "a redirect means unsent": _decides(Seen.REDIRECT, Verdict.UNSENT),
    "success: false means refused": _decides(Seen.OK_BUT_FAILED, Verdict.REFUSED),
    "a 2xx means refused": _decides(Seen.OTHER, Verdict.REFUSED),
    "a 429 means accepted": _decides(Seen.RATE_LIMITED, Verdict.ACCEPTED),
    "a refusal is tried again": _decides(Seen.REFUSED, Verdict.REFUSED, Again.YES),
    "a spoilt connection is used": _uses_spoilt_connections,
}


# They are caught by the first cases that they touch; the others want most of the table.
CAUGHT_SOON = {
    "a reset connection means unsent",
    "a time-out means unsent",
    "silence is tried again",
    "a 5xx means refused",
}


@pytest.mark.parametrize("name", some_at_once(MUTANTS, CAUGHT_SOON.__contains__))
def test_the_table_catches_a_wrong_rule(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[name](monkeypatch)

    sights = (look_at_send(case) for case in CASES if case.way is not NO_ROOM)

    assert any(not sight.is_true for sight in sights)
