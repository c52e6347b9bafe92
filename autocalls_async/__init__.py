"""An asyncio client for the Autocalls WhatsApp API.

It tells the truth about what became of each message: `Accepted`, `Rejected`,
`Unsent` or `Unknown`. Start with `AutocallsClient`.

A name is imported where it is first used: the command's `--version` and a test
run that only has the plugin installed need neither client nor aiohttp.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from autocalls_async._version import __version__

if TYPE_CHECKING:
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
    from autocalls_async.plan import (
        Finding,
        FindingKind,
        Plan,
        SenderLoad,
        Severity,
        TemplateLoad,
        WindowCounts,
    )
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

# Where each name is at home.
_HOMES: dict[str, str] = {
    "bulk": "Progress Run",
    "client": "AutocallsClient",
    "client_settings": "ClientSettings",
    "errors": """
        AuthenticationError AutocallsError InsufficientBalanceError
        InvalidPhoneError InvalidRequestError NotFoundError
        PermissionDeniedError QueueFullError RateLimitedError RejectedError
        RunStoppedError SenderNotFoundError SenderOfflineError
        TemplateNotFoundError TemplateRequiredError TemplateUnusableError
        UnavailableError UnknownOutcomeError UnreachableError UnsentError
    """,
    "lanes": "Lane",
    "models": """
        Account ConversationStatus FreeformMessage Message Sender SentMessage
        SessionStatus Template TemplateFallback TemplateMessage
    """,
    "outcomes": "Accepted Outcome Rejected Unknown Unsent",
    "pacing": "SendLimit",
    "plan": "Finding FindingKind Plan SenderLoad Severity TemplateLoad WindowCounts",
    "retry": "RetryPolicy",
    "telemetry": """
        Answered Checked Event HandedOver Observer Paused Queued QueueStatus
        Settled
    """,
    "verdict": "Seen",
    "window": "WindowCheck WindowState",
    "windows": "Windows",
}
_HOME_OF: dict[str, str] = {
    name: home for home, names in _HOMES.items() for name in names.split()
}

if not TYPE_CHECKING:  # a checker shall find a name that is misspelt

    def __getattr__(name: str) -> object:
        """Import a name's module, and keep the name here."""
        if name not in _HOME_OF:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        home = import_module(f"{__name__}.{_HOME_OF[name]}")
        value = globals()[name] = getattr(home, name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
