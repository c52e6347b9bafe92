"""What a campaign would meet, as values.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import ClassVar

from attrs import field, frozen

from autocalls_async.model.listings import Sender, Template
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain


class Severity(Enum):
    """Whether a campaign can go as it is."""

    ERROR = "error"  # messages would be refused, or the run would stop
    WARNING = "warning"  # worth a look


class FindingKind(Enum):
    """What a finding is about."""

    NO_MESSAGES = "no messages"
    BAD_MESSAGE = "bad message"
    DUPLICATE = "duplicate"
    EXCLUDED = "excluded"
    BOUND_SHORT = "bound short"
    KEY_CONFLICT = "key conflict"
    SENDER_MISSING = "sender missing"
    SENDER_OFFLINE = "sender offline"
    SENDER_QUALITY = "sender quality"
    SENDER_LIMIT = "sender limit"
    BALANCE_SHORT = "balance short"
    WINDOWS_CLOSED = "windows closed"
    WINDOWS_CLOSING = "windows closing"
    TEMPLATE_MISSING = "template missing"
    TEMPLATE_UNAPPROVED = "template unapproved"
    VARIABLES_MISSING = "variables missing"
    VARIABLES_BLANK = "variables blank"
    VARIABLES_SUPERFLUOUS = "variables superfluous"
    NOT_ASKED = "could not be asked"


@frozen(kw_only=True)
class Finding(Plain):
    """One thing that a plan found.

    Attributes:
        text: For people. It holds no message and no whole phone number.
        facts: The same for programs, such as `sender_id` and `count`; `positions`
            are those of the first messages concerned, from 1.
    """

    kind: FindingKind
    severity: Severity
    text: str
    facts: Mapping[str, object] = field(factory=FrozenDict)

    def text_naming(self, name: Callable[[int], int], *, noun: str) -> str:
        """Return the text with its messages named in the caller's own way.

        Args:
            name: Makes, for example, a file's line of a message's position.
            noun: What that is, such as `line`.
        """
        match self.facts:
            case {"count": int(count), "positions": tuple(positions)}:
                own = name_messages(positions, count=count)
                others = name_messages(map(name, positions), count=count, noun=noun)
                return self.text.replace(own, others)
        return self.text


def name_messages(places: Iterable[int], *, count: int, noun: str = "number") -> str:
    """Name the first of some messages, such as `numbers 2, 5, …`."""
    shown = [f"{place:,}" for place in places]
    more = ", …" if count > len(shown) else ""
    return f"{noun}{'' if count == 1 else 's'} {', '.join(shown)}{more}"


class WindowOutlook(Enum):
    """What becomes of a messaging window while the campaign runs."""

    OPEN = "open"  # until the campaign's end
    CLOSING = "closing"  # within the campaign's duration, or nobody can know when
    CLOSED = "closed"
    UNKNOWN = "unknown"  # it could not be asked


@frozen(kw_only=True)
class WindowCounts(Plain):
    """How many messaging windows are open, among those looked at.

    Attributes:
        closing: Open now, but not surely until the campaign's end.
        unknown: They could not be asked.
        pair_count: All pairs of sender and recipient that free text goes to.
    """

    open: int = 0
    closing: int = 0
    closed: int = 0
    unknown: int = 0
    pair_count: int = 0

    _also: ClassVar[tuple[str, ...]] = ("sample_count",)

    @property
    def sample_count(self) -> int:
        """Pairs that were looked at: all of them, or an even sample."""
        return self.open + self.closing + self.closed + self.unknown


@frozen(kw_only=True)
class SenderLoad(Plain):
    """What a campaign asks of one sender.

    Attributes:
        recipient_count: Distinct ones.
        outside_count: Those of them who count for the sender's limit: whom a template
            goes to, and about so many whose free text will fall back.
        is_outside_sampled: That follows from the windows that were looked at.
        sender: What the service says of it; `None` where it does not say.
    """

    sender_id: int
    message_count: int
    recipient_count: int
    outside_count: int = 0
    is_outside_sampled: bool = False
    sender: Sender | None = None


@frozen(kw_only=True)
class TemplateLoad(Plain):
    """How much a campaign uses one template of one sender.

    Attributes:
        message_count: Messages that it is, or that may fall back to it.
        template: What the service says of it; `None` where it does not say.
    """

    sender_id: int
    template_id: int
    message_count: int
    template: Template | None = None


@frozen(kw_only=True)
class Plan(Plain):
    """What a campaign would meet if it were sent now.

    Attributes:
        message_count: What can be sent; duplicates are among them.
        bad_count: What is no message, or has no sender.
        duplicate_count: Messages with an earlier one's key and content. A run
            with a journal skips them, any other sends them.
        windows: Of the free texts.
        balance: Of the account, where it could be asked.
        cost: Of all messages, where a price was given.
        duration: Seconds from now to the end, at the pace of now and by the rules.
        excluded_count: Messages to those who are left out; they are no others.
        begins_at: When the first may leave; `None` in a plan that was made by hand.
        ends_at: About when the last will have left.
    """

    message_count: int
    freeform_count: int
    template_count: int
    bad_count: int
    duplicate_count: int
    senders: tuple[SenderLoad, ...]
    templates: tuple[TemplateLoad, ...]
    windows: WindowCounts
    balance: Decimal | None
    cost: Decimal | None
    duration: float
    findings: tuple[Finding, ...]
    excluded_count: int = 0
    begins_at: datetime | None = None
    ends_at: datetime | None = None

    _also: ClassVar[tuple[str, ...]] = ("is_ready",)

    def __repr__(self) -> str:
        messages = _count(self.message_count, "message")
        return f"<Plan of {messages}: {_verdict(self)}>"

    def __str__(self) -> str:
        return "\n".join(_describe(self))

    @property
    def is_ready(self) -> bool:
        """Whether no finding is an error."""
        return all(found.severity is not Severity.ERROR for found in self.findings)


def _describe(plan: Plan) -> Iterator[str]:
    """Return it for people, in lines. No line holds a text or a number of theirs."""
    kinds = f"{plan.freeform_count:,} free text, {plan.template_count:,} template"
    messages = _count(plan.message_count, "message")
    yield f"{messages} ({kinds}), {_duration(plan.duration)} at the pace of now"
    for sender in plan.senders:
        status = f", {sender.sender.status}" if sender.sender else ""
        count = _count(sender.message_count, "message")
        recipients = _count(sender.recipient_count, "recipient")
        yield f"sender {sender.sender_id}: {count} to {recipients}{status}"
    for load in plan.templates:
        status = f", {load.template.status}" if load.template else ""
        count = _count(load.message_count, "message")
        yield f"template {load.template_id} of sender {load.sender_id}: {count}{status}"
    if seen := plan.windows.sample_count:
        w = plan.windows
        states = f"{w.open:,} open, {w.closing:,} closing, {w.closed:,} closed"
        yield f"windows: {states}, {w.unknown:,} unknown ({seen:,} of {w.pair_count:,})"
    money = {"balance": plan.balance, "cost": plan.cost}
    if told := [f"{name} {sum_}" for name, sum_ in money.items() if sum_ is not None]:
        yield ", ".join(told)
    for found in plan.findings:
        yield f"{found.severity.value}: {found.text}"
    yield _verdict(plan)


def _verdict(plan: Plan) -> str:
    errors = sum(found.severity is Severity.ERROR for found in plan.findings)
    warnings = len(plan.findings) - errors
    found = [_count(errors, "error")] if errors else []
    found += [_count(warnings, "warning")] if warnings else []
    return ", ".join([f"{'not ' if errors else ''}ready", *found])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 120:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


show_in(
    "autocalls_async",
    *("Finding", "FindingKind", "Plan", "SenderLoad", "Severity"),
    *("TemplateLoad", "WindowCounts"),
    of=globals(),
)
