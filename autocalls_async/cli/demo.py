"""`autocalls demo`: a small campaign against a simulated service on this machine.

It checks what the client claims against what the service saw, message by
message, and is worth nothing unless it can find a difference.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from autocalls_async.campaign.progress import Progress
from autocalls_async.cli.terminal.screen import (
    STYLES,
    Screen,
    Watch,
    every,
    fact_table,
    make_table,
    outcome_table,
)
from autocalls_async.cli.terminal.words import count, duration
from autocalls_async.client.client import AutocallsClient
from autocalls_async.emulator import AcceptedMessage, Emulator
from autocalls_async.model.messages import FreeformMessage, Message, TemplateMessage
from autocalls_async.model.outcomes import Accepted, Outcome, Unknown
from autocalls_async.policy.pace import SendLimit

SENDER_ID = 12
_TEMPLATE_ID = 46
# Of twenty recipients, two have a window that has closed and one never wrote.
_CLOSED = {4, 11}
_STRANGER = {17}


_Identity: TypeAlias = tuple[str, str, int | None]


@frozen(kw_only=True)
class Plan:
    """What the demo does.

    Args:
        recipient_count: How many people are written to.
        rate: Sends a second, for both sides.
    """

    recipient_count: int = 40
    rate: int = 5

    @property
    def recipients(self) -> list[str]:
        """Numbers that belong to nobody."""
        return [f"+1415555{i:04d}" for i in range(100, 100 + self.recipient_count)]

    def prepare(self, emulator: Emulator) -> None:
        """Let most recipients have written, some too long ago, and some never."""
        for index, phone in enumerate(self.recipients):
            if index % 20 in _CLOSED:
                emulator.expire_window(phone)
            elif index % 20 not in _STRANGER:
                emulator.customer_writes(phone)

    def messages(self) -> list[Message]:
        """Free text to all, and a template, which may go at any time, to a quarter."""
        texts: list[Message] = [
            FreeformMessage(
                recipient_phone=phone, message=f"Table {number} is ready for you."
            )
            for number, phone in enumerate(self.recipients, start=1)
        ]
        templates: list[Message] = [
            TemplateMessage(recipient_phone=phone, template_id=_TEMPLATE_ID)
            for phone in self.recipients[1::4]
        ]
        return texts + templates


@frozen(kw_only=True)
class Findings:
    """What client and service say, side by side."""

    progress: Progress
    requests: Mapping[str, int]
    most_in_a_second: int
    received_twice_count: int
    too_fast_count: int
    goodput: float
    differences: Sequence[str]

    @property
    def is_proven(self) -> bool:
        """Whether the two agree on every message, and none arrived twice."""
        anything = self.progress.accepted > 0
        return anything and not self.differences and not self.received_twice_count

    def as_record(self) -> dict[str, Any]:
        """Return it for a program."""
        progress = self.progress
        return {
            "agree": self.is_proven,
            "outcomes": {name: getattr(progress, name) for name in STYLES},
            "requests": self.requests,
            "most_in_a_second": self.most_in_a_second,
            "refused_as_too_fast": self.too_fast_count,
            "received_twice": self.received_twice_count,
            "goodput": round(self.goodput, 2),
            "seconds": round(progress.elapsed, 2),
            "differences": self.differences,
        }


async def demo(plan: Plan, screen: Screen) -> int:
    """Run it and show what came out.

    Returns:
        The exit status: 0 only if client and service agree on every message.
    """
    messages = plan.messages()
    _announce(plan, messages, screen)
    async with Emulator(rate=plan.rate) as emulator:
        plan.prepare(emulator)
        with screen.watch(total=len(messages)) as watch:
            outcomes, progress = await _send(plan, messages, emulator, watch)
    findings = _compare(messages, outcomes, progress, emulator)
    if screen.as_json:
        screen.emit(findings.as_record())
    _show(findings, plan, screen)
    return 0 if findings.is_proven else 1


def _announce(plan: Plan, messages: Sequence[Message], screen: Screen) -> None:
    screen.say(
        f"This starts a simulated WhatsApp service on this machine and sends "
        f"{len(messages)} messages to {plan.recipient_count} invented recipients "
        f"through the real client, at {plan.rate} a second at most. Some of them have "
        "not written in the last 24 hours, and the client must not send free text to "
        "those. Nothing leaves this machine, and nothing is charged."
    )
    screen.say()


async def _send(
    plan: Plan, messages: Sequence[Message], emulator: Emulator, watch: Watch
) -> tuple[list[Outcome], Progress]:
    client = AutocallsClient(
        "demo-key",
        base_url=emulator.base_url,
        sender_id=SENDER_ID,
        send_limit=SendLimit(plan.rate),
    )
    async with client:
        run = client.send_many(messages)
        with every(watch.seconds, lambda: watch.update(run.progress)):
            outcomes = [outcome async for outcome in run]
        watch.update(run.progress)
    return outcomes, run.progress


def _compare(
    messages: Sequence[Message],
    outcomes: Sequence[Outcome],
    progress: Progress,
    emulator: Emulator,
) -> Findings:
    requests = {str(name): n for name, n in emulator.requests_by_endpoint().items()}
    return Findings(
        progress=progress,
        requests=requests,
        most_in_a_second=emulator.most_sends_in_any_second(),
        received_twice_count=len(emulator.duplicates()),
        too_fast_count=emulator.rejected_count,
        goodput=_goodput(emulator.accepted),
        differences=find_differences(
            messages, outcomes=outcomes, accepted=emulator.accepted
        ),
    )


def _goodput(accepted: Sequence[AcceptedMessage]) -> float:
    """Return the accepted messages a second, between the first and the last."""
    if len(accepted) < 2:
        return 0.0
    return (len(accepted) - 1) / (accepted[-1].at - accepted[0].at)


def find_differences(
    messages: Sequence[Message],
    *,
    outcomes: Sequence[Outcome],
    accepted: Sequence[AcceptedMessage],
) -> list[str]:
    """Name each message on which the client's claim and the service's record differ.

    What was accepted is known by its kind, its recipient and the id that the
    service gave it.
    """
    told = Counter(outcome.message for outcome in outcomes)
    claimed = Counter(_claim(o) for o in outcomes if isinstance(o, Accepted))
    seen = Counter(_record(message) for message in accepted)
    untold = [m.recipient_phone for m in (Counter(messages) - told).elements()]
    unsure = [o.message.recipient_phone for o in outcomes if isinstance(o, Unknown)]
    return [
        *(f"{phone}: a message has no outcome" for phone in untold),
        *(f"{phone}: the client cannot tell" for phone in unsure),
        *(
            f"{phone}: a {kind} message was claimed as accepted and never received"
            for kind, phone, _ in (claimed - seen).elements()
        ),
        *(
            f"{phone}: a {kind} message was received and not claimed as accepted"
            for kind, phone, _ in (seen - claimed).elements()
        ),
    ]


def _claim(outcome: Accepted) -> _Identity:
    is_text = isinstance(outcome.message, FreeformMessage)
    kind = "freeform" if is_text else "template"
    phone = outcome.message.recipient_phone
    return kind, phone, outcome.sent.whatsapp_message_id


def _record(message: AcceptedMessage) -> _Identity:
    return message.kind, message.recipient_phone, message.whatsapp_message_id


def _show(findings: Findings, plan: Plan, screen: Screen) -> None:
    requests = make_table(
        "Requests the service saw", ("endpoint", "requests"), numbers=("requests",)
    )
    for endpoint, number in findings.requests.items():
        requests.add_row(endpoint, f"{number:,}")
    share = findings.goodput / plan.rate
    facts = (
        (
            "most sends in any second",
            f"{findings.most_in_a_second} (limit {plan.rate})",
        ),
        ("sends refused as too fast", findings.too_fast_count),
        ("messages received twice", findings.received_twice_count),
        ("goodput", f"{findings.goodput:.1f} a second, {share:.0%} of the limit"),
        ("time", duration(findings.progress.elapsed)),
    )
    screen.show(outcome_table(findings.progress), requests)
    screen.show(fact_table("What the service counted", facts))
    for difference in findings.differences:
        screen.warn(difference)
    screen.say()
    screen.say(
        verdict(findings), style="bold green" if findings.is_proven else "bold red"
    )


def verdict(findings: Findings) -> str:
    """Say in a line whether client and service agree."""
    messages = count(findings.progress.done, "message")
    if findings.is_proven:
        return f"Client and service agree on each of the {messages}."
    if not findings.progress.accepted:
        return f"None of the {messages} was accepted: can this machine reach itself?"
    return (
        f"Client and service differ on {len(findings.differences)} of {messages}; "
        f"{findings.received_twice_count} arrived twice."
    )
