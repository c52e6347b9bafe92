"""What the client claims and what the service saw, held against each other.

It is worth nothing unless it can find a difference.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from autocalls_async.campaign.progress import Progress
from autocalls_async.cli.demo.scenes import Overtaken, Survived
from autocalls_async.cli.terminal.outcomes import OUTCOME_STYLES
from autocalls_async.cli.terminal.words import count
from autocalls_async.emulator import AcceptedMessage
from autocalls_async.model.messages import FreeformMessage, Message
from autocalls_async.model.outcomes import Accepted, Outcome, Unknown

_Identity: TypeAlias = tuple[str, str, int | None]


@frozen(kw_only=True)
class Findings:
    """What client and service say, side by side.

    Attributes:
        lost_count: How many answers were lost on purpose: so many messages must
            be unknown to the client, and no more.
        survived: What became of a campaign that was killed; None if none was.
    """

    progress: Progress
    requests: Mapping[str, int]
    most_in_a_second: int
    received_twice_count: int
    too_fast_count: int
    goodput: float
    lost_count: int = 0
    overtaken: Overtaken | None = None
    survived: Survived | None = None
    differences: Sequence[str]

    @property
    def is_proven(self) -> bool:
        """Whether the two agree on every message, and none arrived twice."""
        return (
            self.progress.accepted > 0
            and self.progress.unknown == self.lost_count
            and not self.differences
            and not self.received_twice_count
            and (self.survived is None or self.survived.is_right)
        )

    def as_record(self) -> dict[str, Any]:
        """Return it for a program."""
        progress = self.progress
        return {
            "agree": self.is_proven,
            "outcomes": {name: getattr(progress, name) for name in OUTCOME_STYLES},
            "requests": self.requests,
            "most_in_a_second": self.most_in_a_second,
            "refused_as_too_fast": self.too_fast_count,
            "received_twice": self.received_twice_count,
            "goodput": round(self.goodput, 2),
            "seconds": round(progress.elapsed, 2),
            "answers_lost": self.lost_count,
            "reply": None if self.overtaken is None else self.overtaken.as_record(),
            "kill": None if self.survived is None else self.survived.as_record(),
            "differences": self.differences,
        }


def find_differences(
    messages: Sequence[Message],
    *,
    outcomes: Sequence[Outcome],
    accepted: Sequence[AcceptedMessage],
) -> list[str]:
    """Name each message on which the client's claim and the service's record differ.

    What was accepted is known by its kind, its recipient and the id that the
    service gave it; what is unknown may have arrived, once.
    """
    told = Counter(outcome.message for outcome in outcomes)
    claimed = Counter(_claim(o) for o in outcomes if isinstance(o, Accepted))
    seen = Counter(_record(message) for message in accepted)
    untold = [m.recipient_phone for m in (Counter(messages) - told).elements()]
    unclaimed = Counter((kind, phone) for kind, phone, _ in (seen - claimed).elements())
    unsure = Counter(_address(o.message) for o in outcomes if isinstance(o, Unknown))
    return [
        *(f"{phone}: a message has no outcome" for phone in untold),
        *(
            f"{phone}: a {kind} message was claimed as accepted and never received"
            for kind, phone, _ in (claimed - seen).elements()
        ),
        *(
            f"{phone}: a {kind} message was received and not claimed as accepted"
            for kind, phone in (unclaimed - unsure).elements()
        ),
    ]


def _address(message: Message) -> tuple[str, str]:
    is_text = isinstance(message, FreeformMessage)
    return "freeform" if is_text else "template", message.recipient_phone


def _claim(outcome: Accepted) -> _Identity:
    return *_address(outcome.message), outcome.sent.whatsapp_message_id


def _record(message: AcceptedMessage) -> _Identity:
    return message.kind, message.recipient_phone, message.whatsapp_message_id


def verdict(findings: Findings) -> str:
    """Return in a line whether client and service agree."""
    messages = count(findings.progress.done, "message")
    if findings.is_proven:
        return f"Client and service agree on each of the {messages}."
    if not findings.progress.accepted:
        return f"None of the {messages} was accepted: can this machine reach itself?"
    if findings.progress.unknown != findings.lost_count:
        return (
            f"{count(findings.lost_count, 'answer')} got lost on purpose, and"
            f" {findings.progress.unknown} of {messages} are unknown to the client."
        )
    if findings.survived is not None and not findings.survived.is_right:
        return f"A kill was not survived: {findings.survived.describe()}."
    return (
        f"Client and service differ on {len(findings.differences)} of {messages}; "
        f"{findings.received_twice_count} arrived twice."
    )
