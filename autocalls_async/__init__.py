"""An asyncio client for the Autocalls WhatsApp API.

It tells the truth about what became of each message: `Accepted`, `Rejected`,
`Unsent` or `Unknown`. Start with `AutocallsClient`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from autocalls_async._version import __version__
from autocalls_async.bulk import Progress, Run
from autocalls_async.client import AutocallsClient
from autocalls_async.client_settings import ClientSettings
from autocalls_async.errors import (
    AuthenticationError,
    AutocallsError,
    InsufficientBalanceError,
    InvalidPhoneError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QueueFullError,
    RateLimitedError,
    RejectedError,
    RunStoppedError,
    SenderNotFoundError,
    SenderOfflineError,
    TemplateNotFoundError,
    TemplateRequiredError,
    TemplateUnusableError,
    UnavailableError,
    UnknownOutcomeError,
    UnreachableError,
    UnsentError,
)
from autocalls_async.lanes import Lane
from autocalls_async.models import (
    Account,
    ConversationStatus,
    FreeformMessage,
    Message,
    Sender,
    SentMessage,
    SessionStatus,
    Template,
    TemplateFallback,
    TemplateMessage,
)
from autocalls_async.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from autocalls_async.pacing import SendLimit
from autocalls_async.retry import RetryPolicy
from autocalls_async.telemetry import (
    Answered,
    Checked,
    Event,
    HandedOver,
    Observer,
    Paused,
    Queued,
    QueueStatus,
    Settled,
)
from autocalls_async.verdict import Seen
from autocalls_async.window import WindowCheck, WindowState
from autocalls_async.windows import Windows

if TYPE_CHECKING:
    from autocalls_async.plan import (
        Finding,
        FindingKind,
        Plan,
        SenderLoad,
        Severity,
        TemplateLoad,
        WindowCounts,
    )

__all__ = [
    "Accepted",
    "Account",
    "Answered",
    "AuthenticationError",
    "AutocallsClient",
    "AutocallsError",
    "Checked",
    "ClientSettings",
    "ConversationStatus",
    "Event",
    "Finding",
    "FindingKind",
    "FreeformMessage",
    "HandedOver",
    "InsufficientBalanceError",
    "InvalidPhoneError",
    "InvalidRequestError",
    "Lane",
    "Message",
    "NotFoundError",
    "Observer",
    "Outcome",
    "Paused",
    "PermissionDeniedError",
    "Plan",
    "Progress",
    "QueueFullError",
    "QueueStatus",
    "Queued",
    "RateLimitedError",
    "Rejected",
    "RejectedError",
    "RetryPolicy",
    "Run",
    "RunStoppedError",
    "Seen",
    "SendLimit",
    "Sender",
    "SenderLoad",
    "SenderNotFoundError",
    "SenderOfflineError",
    "SentMessage",
    "SessionStatus",
    "Settled",
    "Severity",
    "Template",
    "TemplateFallback",
    "TemplateLoad",
    "TemplateMessage",
    "TemplateNotFoundError",
    "TemplateRequiredError",
    "TemplateUnusableError",
    "UnavailableError",
    "Unknown",
    "UnknownOutcomeError",
    "UnreachableError",
    "Unsent",
    "UnsentError",
    "WindowCheck",
    "WindowCounts",
    "WindowState",
    "Windows",
    "__version__",
]

_OF_A_PLAN = {
    *("Finding", "FindingKind", "Plan", "SenderLoad", "Severity"),
    *("TemplateLoad", "WindowCounts"),
}


if not TYPE_CHECKING:  # a checker that saw it would believe in any name

    def __getattr__(name: str) -> object:
        """Import only where it is used what few programs need."""
        if name in _OF_A_PLAN:
            return getattr(import_module("autocalls_async.plan"), name)
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
