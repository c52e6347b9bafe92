"""An asyncio client for the Autocalls WhatsApp API.

It tells the truth about what became of each message: `Accepted`, `Rejected`,
`Unsent` or `Unknown`. Start with `AutocallsClient`.
"""

from autocalls_async._version import __version__
from autocalls_async.bulk import Progress, Run
from autocalls_async.client import AutocallsClient
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

__all__ = [
    "Accepted",
    "Account",
    "Answered",
    "AuthenticationError",
    "AutocallsClient",
    "AutocallsError",
    "Checked",
    "ConversationStatus",
    "Event",
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
    "SenderNotFoundError",
    "SenderOfflineError",
    "SentMessage",
    "SessionStatus",
    "Settled",
    "Template",
    "TemplateFallback",
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
    "WindowState",
    "Windows",
    "__version__",
]
