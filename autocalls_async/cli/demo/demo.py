"""`autocalls demo`: a small campaign against a simulated service on this machine.

It checks what the client claims against what the service saw, message by message.
"""

import asyncio
import webbrowser
from collections.abc import Mapping, Sequence

from attrs import frozen

from autocalls_async.campaign.progress import Progress
from autocalls_async.cli.demo.findings import Findings, find_differences, verdict
from autocalls_async.cli.demo.plan import ASKING, SENDER_ID, Script
from autocalls_async.cli.demo.scenes import (
    LostAnswer,
    Overtaken,
    Survived,
    kill_and_go_on,
    overtake,
)
from autocalls_async.cli.terminal.progress import (
    ProgressDisplay,
    every,
    outcome_table,
    show_progress,
)
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.cli.terminal.tables import fact_table, make_table
from autocalls_async.cli.terminal.words import count, duration
from autocalls_async.client.client import AutocallsClient
from autocalls_async.emulator import AcceptedMessage, Emulator, Endpoint
from autocalls_async.model.messages import Message
from autocalls_async.model.outcomes import Outcome
from autocalls_async.policy.pace import SendLimit


@frozen(kw_only=True)
class _Campaign:
    """What the campaign came to, on the client's side."""

    messages: Sequence[Message]
    outcomes: Sequence[Outcome]
    progress: Progress
    lost_count: int
    overtaken: Overtaken | None


@frozen(kw_only=True)
class _Saw:
    """What the service saw of the campaign."""

    accepted: Sequence[AcceptedMessage]
    requests: Mapping[Endpoint, int]


async def demo(plan: Script, screen: Screen, *, open_page: bool = False) -> int:
    """Run it and show what came out.

    Args:
        plan: What it does.
        screen: Where it is shown.
        open_page: Show it in the browser, too, and stay there until Ctrl-C.

    Returns:
        The exit status: 0 only if client and service agree on every message.
    """
    messages = plan.messages()
    _announce(plan, messages, screen)
    async with Emulator(rate=plan.rate, page=open_page) as emulator:
        plan.prepare(emulator)
        if open_page:
            screen.say(f"The page is at {emulator.page_url}")
            webbrowser.open(emulator.page_url)
        with show_progress(screen, total=len(messages)) as display:
            campaign = await _send(plan, messages, emulator, display)
        saw = _Saw(
            accepted=list(emulator.accepted), requests=emulator.requests_by_endpoint()
        )
        survived = await _survive(plan, emulator, screen)
        findings = _compare(campaign, saw, emulator, survived)
        if screen.as_json:
            screen.emit(findings.as_record())
        _show(findings, plan, screen)
        if open_page:
            await _stay(screen)
    return 0 if findings.is_proven else 1


def _announce(plan: Script, messages: Sequence[Message], screen: Screen) -> None:
    screen.say(
        f"This starts a simulated WhatsApp service on this machine and sends "
        f"{len(messages)} messages to {plan.recipient_count} invented recipients "
        f"through the real client, at {plan.rate} a second at most. Some of them have "
        "not written in the last 24 hours, and the client must not send free text to "
        "those. One answer gets lost, one customer asks something in between, and a "
        "second campaign is killed and goes on. Nothing leaves this machine, and "
        "nothing is charged."
    )
    screen.say()


async def _send(
    plan: Script,
    messages: Sequence[Message],
    emulator: Emulator,
    display: ProgressDisplay,
) -> _Campaign:
    lost = LostAnswer(emulator)
    emulator.choose_fault = lost.choose
    client = AutocallsClient(
        "demo-key",
        base_url=emulator.base_url,
        sender_id=SENDER_ID,
        send_limit=SendLimit(plan.rate),
    )
    async with client, asyncio.TaskGroup() as group:
        total = len(messages)
        reply = group.create_task(overtake(client, emulator, total=total))
        run = client.send_many(messages)
        with every(display.seconds, lambda: display.update(run.progress)):
            outcomes = [outcome async for outcome in run]
        display.update(run.progress)
    emulator.choose_fault = None
    return _Campaign(
        messages=messages,
        outcomes=outcomes,
        progress=run.progress,
        lost_count=lost.count,
        overtaken=reply.result(),
    )


async def _survive(plan: Script, emulator: Emulator, screen: Screen) -> Survived | None:
    if not plan.killed_count:
        return None
    people = count(plan.killed_count, "recipient")
    with screen.waiting(f"killing a campaign to {people}, and going on"):
        return await kill_and_go_on(plan, emulator)


def _compare(
    campaign: _Campaign, saw: _Saw, emulator: Emulator, survived: Survived | None
) -> Findings:
    own = [message for message in saw.accepted if message.recipient_phone != ASKING]
    requests = {str(name): n for name, n in saw.requests.items()}
    return Findings(
        progress=campaign.progress,
        requests=requests,
        most_in_a_second=emulator.most_sends_in_any_second(),
        received_twice_count=len(emulator.duplicates()),
        too_fast_count=emulator.rejected_count,
        goodput=_goodput(saw.accepted),
        lost_count=campaign.lost_count,
        overtaken=campaign.overtaken,
        survived=survived,
        differences=find_differences(
            campaign.messages, outcomes=campaign.outcomes, accepted=own
        ),
    )


def _goodput(accepted: Sequence[AcceptedMessage]) -> float:
    """Return the accepted messages a second, between the first and the last."""
    if len(accepted) < 2:
        return 0.0
    return (len(accepted) - 1) / (accepted[-1].at - accepted[0].at)


def _show(findings: Findings, plan: Script, screen: Screen) -> None:
    requests = make_table(
        "Requests the service saw", ("endpoint", "requests"), numbers=("requests",)
    )
    for endpoint, number in findings.requests.items():
        requests.add_row(endpoint, f"{number:,}")
    screen.show(outcome_table(findings.progress), requests)
    screen.show(fact_table("What the service counted", _counted(findings, plan)))
    screen.show(fact_table("What went on beside", _beside(findings)))
    for difference in findings.differences:
        screen.warn(difference)
    screen.say()
    screen.say(
        verdict(findings), style="bold green" if findings.is_proven else "bold red"
    )


def _counted(findings: Findings, plan: Script) -> list[tuple[str, object]]:
    share = findings.goodput / plan.rate
    return [
        (
            "most sends in any second",
            f"{findings.most_in_a_second} (limit {plan.rate})",
        ),
        ("sends refused as too fast", findings.too_fast_count),
        ("messages received twice", findings.received_twice_count),
        ("goodput", f"{findings.goodput:.1f} a second, {share:.0%} of the limit"),
        ("time", duration(findings.progress.elapsed)),
    ]


def _beside(findings: Findings) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = []
    if findings.lost_count:
        facts.append(("a lost answer", "unknown to the client, and not repeated"))
    if findings.overtaken is not None:
        facts.append(("a reply in between", findings.overtaken.describe()))
    if findings.survived is not None:
        facts.append(("a kill", findings.survived.describe()))
    return facts


async def _stay(screen: Screen) -> None:
    """Keep the page, until somebody ends it."""
    screen.say("The page stays until Ctrl-C.")
    ended = asyncio.Event()
    async with Stopping(ended.set):
        await ended.wait()
