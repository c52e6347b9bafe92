"""An asyncio client for the Autocalls WhatsApp API.

It tells the truth about what became of each message: `Accepted`, `Rejected`,
`Unsent` or `Unknown`. Start with `AutocallsClient`.

The house, a room for each thing that the library does; imports go down:

    cli/       the command `autocalls`          testing/   the pytest plugin
    cluster/   many hosts, on PostgreSQL and Procrastinate, an extra
               protocol/ what they agree on    holder/ what a worker does
    blocking/  the client for programs that block
    client/    AutocallsClient: the one door    otel       traces and metrics, an extra
    phones/    numbers as people keep them, an extra
    campaign/  many messages: run, ledger, breaker, usher
               planning/ what they would meet    rules/ when, to whom, how many
    webhooks/  what became of a message after it was accepted
               receiving/ bytes into events    handlers/ who wants to see them
               evidence/ what was unknown      stores/ what was heard, kept
    engine/    one message on its way: the one room that waits
               gate/ who leaves when    asking/ windows, and other questions
               telemetry/ who is told
    http/      one attempt: JSON and aiohttp    journal/   what survives
               transport/ its connections               storage/ in a file
    policy/    what follows from what: verdict, retry, lanes, pace, windows
    model/     what people hold: messages, answers, outcomes, errors, their rules
               values/ how all of these look
    emulator/  the service, as it is documented; it shares no line with the rest
    system     what differs between Linux, macOS and Windows
    clock      what time it is, and who is called when

One send goes through them so: the client makes a message, which its rules check
(`model.messages`, `model.checks`). The engine gives it a place in its lane
(`policy.lanes`) and, when the pace allows (`policy.pace`), hands its request
(`http.requests`) to a connection (`http.transport`). The answer is read
(`http.replies`), and one table says what became of the message and whether another
attempt could do harm (`policy.verdict`). `engine.attempts` holds that against time and
policy, and the gate tells the pace how each send ended (`Gate.landed`). So a 429 is
followed by `Exchange.decide`, `Pace.rate_limited` and, in a campaign, its `Breaker`.
What becomes of a message that is wanted back: `Stage` in `engine.shipment`.
`.github/CONTRIBUTING.md` says where a change goes.

Words that are ours:

    shipment    a message on its way, with its stage
    gate, turn  what lets one leave at a time, at the pace; one attempt's way through
    slot        one of the pace's five
    place       a message's, in its lane
    route       where the requests of one kind go: connector, address, headers
    line        a connection, with what is asked on it; a spare was made ahead
    intent      what a journal notes before the first byte leaves
    last look   after the gate, before that byte: nothing is awaited between
    ledger      a run's messages in a journal; a page is one message's
    usher       who of a run may go now, by its rules; the others wait aside

A name is imported where it is first used: the command's `--version` and a test
run that only has the plugin installed need neither client nor aiohttp.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from autocalls_async._version import __version__

if TYPE_CHECKING:
    from autocalls_async.campaign.planning.plan import (
        Finding,
        FindingKind,
        Plan,
        SenderLoad,
        Severity,
        TemplateLoad,
        WindowCounts,
    )
    from autocalls_async.campaign.progress import Progress
    from autocalls_async.campaign.rules.hours import SendingHours
    from autocalls_async.campaign.run import Run
    from autocalls_async.client.client import AutocallsClient
    from autocalls_async.client.settings import ClientSettings
    from autocalls_async.engine.asking.conversations import Conversations
    from autocalls_async.engine.asking.windows import Windows
    from autocalls_async.engine.telemetry.records import (
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
    from autocalls_async.journal.exclusions import Exclusion, ExclusionList
    from autocalls_async.model.answers import (
        ConversationStatus,
        SentMessage,
        SessionStatus,
    )
    from autocalls_async.model.errors import (
        AuthenticationError,
        AutocallsError,
        ExcludedError,
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
    from autocalls_async.model.listings import (
        Account,
        Conversation,
        HistoryEntry,
        Party,
        Sender,
        Template,
    )
    from autocalls_async.model.messages import (
        FreeformMessage,
        Message,
        TemplateFallback,
        TemplateMessage,
    )
    from autocalls_async.model.outcomes import (
        Accepted,
        Outcome,
        Rejected,
        Unknown,
        Unsent,
    )
    from autocalls_async.model.splitting import split_text
    from autocalls_async.policy.lanes import Lane
    from autocalls_async.policy.pace import SendLimit
    from autocalls_async.policy.retry import RetryPolicy
    from autocalls_async.policy.verdict import Seen
    from autocalls_async.policy.windows import WindowCheck, WindowState
    from autocalls_async.webhooks.deliveries import Deliveries, Delivery

__all__ = [
    "Accepted",
    "Account",
    "Answered",
    "AuthenticationError",
    "AutocallsClient",
    "AutocallsError",
    "Checked",
    "ClientSettings",
    "Conversation",
    "ConversationStatus",
    "Conversations",
    "Deliveries",
    "Delivery",
    "Event",
    "ExcludedError",
    "Exclusion",
    "ExclusionList",
    "Finding",
    "FindingKind",
    "FreeformMessage",
    "HandedOver",
    "HistoryEntry",
    "InsufficientBalanceError",
    "InvalidPhoneError",
    "InvalidRequestError",
    "Lane",
    "Message",
    "NotFoundError",
    "Observer",
    "Outcome",
    "Party",
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
    "SendingHours",
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
    "split_text",
]

# Where each name is at home.
_HOMES: dict[str, str] = {
    "campaign.rules.hours": "SendingHours",
    "campaign.progress": "Progress",
    "campaign.run": "Run",
    "client.client": "AutocallsClient",
    "client.settings": "ClientSettings",
    "model.errors": """
        AuthenticationError AutocallsError ExcludedError
        InsufficientBalanceError InvalidPhoneError InvalidRequestError NotFoundError
        PermissionDeniedError QueueFullError RateLimitedError RejectedError
        RunStoppedError SenderNotFoundError SenderOfflineError
        TemplateNotFoundError TemplateRequiredError TemplateUnusableError
        UnavailableError UnknownOutcomeError UnreachableError UnsentError
    """,
    "policy.lanes": "Lane",
    "model.answers": "ConversationStatus SentMessage SessionStatus",
    "model.listings": "Account Conversation HistoryEntry Party Sender Template",
    "model.messages": "FreeformMessage Message TemplateFallback TemplateMessage",
    "model.outcomes": "Accepted Outcome Rejected Unknown Unsent",
    "policy.pace": "SendLimit",
    "campaign.planning.plan": """
        Finding FindingKind Plan SenderLoad Severity TemplateLoad WindowCounts
    """,
    "policy.retry": "RetryPolicy",
    "engine.telemetry.records": """
        Answered Checked Event HandedOver Observer Paused Queued QueueStatus
        Settled
    """,
    "policy.verdict": "Seen",
    "policy.windows": "WindowCheck WindowState",
    "engine.asking.windows": "Windows",
    "webhooks.deliveries": "Deliveries Delivery",
    "engine.asking.conversations": "Conversations",
    "journal.exclusions": "Exclusion ExclusionList",
    "model.splitting": "split_text",
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
