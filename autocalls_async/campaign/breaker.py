"""When a run stops: where its next messages would fare no better.

Pure: no I/O, no clock, no asyncio.

It judges ends alone. What is open for long is the pace's to judge: its brake counts
such sends as it counts those without an answer, so a stall of all answers lets 10
leave before nothing does, and once they have ended the run stops here.
"""

from collections import deque
from typing import NamedTuple

from autocalls_async.model.errors import (
    AuthenticationError,
    AutocallsError,
    InsufficientBalanceError,
    InvalidPhoneError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
    SenderOfflineError,
    TemplateRequiredError,
    TemplateUnusableError,
    UnreachableError,
)
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent

WINDOW = 20
MOST_UNKNOWN = 10
"""A run stops when so many of its last messages to leave ended as unknown."""

MOST_REFUSED = 10
"""A run stops when so many of its last messages were refused for one such reason."""

_OF_ALL = (
    NotFoundError,
    PermissionDeniedError,
    SenderOfflineError,
    TemplateUnusableError,
)
"""Refusals of a template, a sender or a permission: of no number, and no row's text."""

_OF_ONE = frozenset({403, 404, 409, 413, 414, 422, 429})
"""Statuses that may be about a number or a text, where no class of `_OF_ALL` says
otherwise; any other is about each request."""

_MEETS_ALL = (AuthenticationError, InsufficientBalanceError, RateLimitedError)
"""Refusals that would meet every further message. A `RateLimitedError` comes here
only once a message has met 429s for the whole of `RetryPolicy.max_outage_seconds`."""


class Reason(NamedTuple):
    """Why a run reads no further.

    Attributes:
        detail: What stopped it.
        cause: The failure of a message that did, where it was one.
        of_all: The same where it says nothing of those that met it: they can be
            sent again once it is mended.
    """

    detail: str
    cause: AutocallsError | None = None
    of_all: RejectedError | None = None

    @property
    def remedy(self) -> str | None:
        """What has to be mended before another run."""
        return None if self.cause is None else self.cause.remedy


class Breaker:
    """Says from how messages end when their run stops."""

    def __init__(self) -> None:
        self._sender_ids: set[int] = set()
        # Whether each of the last messages to leave ended as unknown.
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        # Why each of the last messages that the service answered was refused.
        self._refusals: deque[tuple[str, str | None] | None] = deque(maxlen=WINDOW)

    def note_sender(self, sender_id: int) -> None:
        """Note whom a message of the run is from."""
        self._sender_ids.add(sender_id)

    def judge(self, outcome: Outcome) -> Reason | None:
        """Return why the run stops with this outcome, if it does.

        Args:
            outcome: Each of the run's, once, in the order in which they end.
        """
        match outcome:
            case Accepted():
                self._refusals.append(None)
                self._recent.append(False)
            case Unknown():
                self._refusals.append(None)
                self._recent.append(True)
                return self._judge_unknowns()
            case Rejected(error=error):
                return self._judge_refusal(error)
            case Unsent(error=UnreachableError() as error):
                return Reason(error.summary, error)
        return None

    def _judge_refusal(self, error: RejectedError) -> Reason | None:
        # Of several senders, another may be online.
        is_only_one = len(self._sender_ids) == 1
        meets_all = isinstance(error, _MEETS_ALL) or (
            isinstance(error, SenderOfflineError) and is_only_one
        )
        if meets_all:
            return Reason(error.summary, error)
        # Our own check of a window says nothing of the others.
        return None if error.status is None else self._judge_refusals(error)

    def _judge_refusals(self, error: RejectedError) -> Reason | None:
        reason = (type(error).__name__, error.error_code) if _is_of_all(error) else None
        self._refusals.append(reason)
        looked_at = list(self._refusals)
        if isinstance(error, SenderOfflineError):
            # Of several senders: while another gets through, the run goes on.
            looked_at = looked_at[-MOST_REFUSED:]
        if reason is None or looked_at.count(reason) < MOST_REFUSED:
            return None
        return Reason(
            f"{MOST_REFUSED} of the last {len(looked_at)} messages were refused: "
            f"{error.summary}",
            error,
            of_all=error,
        )

    def _judge_unknowns(self) -> Reason | None:
        unknown_count = self._recent.count(True)
        if unknown_count < MOST_UNKNOWN:
            return None
        return Reason(
            f"{unknown_count} of the last {len(self._recent)} messages that left "
            "ended as unknown"
        )


def _is_of_all(error: RejectedError) -> bool:
    """Whether it is of no number and no row's text, as far as its code says.

    The service adds codes: one of a template, such as TEMPLATE_PAUSED, is its like.
    """
    if isinstance(error, InvalidPhoneError | TemplateRequiredError):
        return False
    is_of_template = (error.error_code or "").startswith("TEMPLATE_")
    return isinstance(error, _OF_ALL) or is_of_template or error.status not in _OF_ONE
