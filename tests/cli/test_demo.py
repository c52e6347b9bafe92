"""The demo: it can find a difference, and finds none."""

import asyncio
import json
import os
import signal
from functools import partial

import pytest

from autocalls_async.campaign.progress import Progress
from autocalls_async.cli.demo.demo import demo
from autocalls_async.cli.demo.findings import Findings, find_differences, verdict
from autocalls_async.cli.demo.plan import Script
from autocalls_async.cli.demo.scenes import Survived
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.emulator import AcceptedMessage
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    TemplateRequiredError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.messages import FreeformMessage
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from tests.cli.conftest import Autocalls

PHONE = "+14155550123"
MESSAGE = FreeformMessage(recipient_phone=PHONE, message="hi")
RECEIVED = AcceptedMessage(
    kind="freeform",
    sender_id=12,
    recipient_phone=PHONE,
    message="hi",
    whatsapp_message_id=7,
    at=0.0,
)
ACCEPTED = Accepted(message=MESSAGE, sent=SentMessage(whatsapp_message_id=7))
REJECTED = Rejected(message=MESSAGE, error=TemplateRequiredError())
UNSENT = Unsent(message=MESSAGE, error=UnsentError(detail="x"))
UNKNOWN = Unknown(message=MESSAGE, error=UnknownOutcomeError(detail="x"))


@pytest.mark.parametrize(
    ("outcomes", "received"),
    [
        pytest.param([ACCEPTED], [RECEIVED], id="accepted"),
        pytest.param([REJECTED], [], id="rejected"),
        pytest.param([UNSENT], [], id="unsent"),
        pytest.param([UNKNOWN], [RECEIVED], id="unknown, and it arrived"),
        pytest.param([UNKNOWN], [], id="unknown, and it did not"),
    ],
)
def test_true_claims_show_no_difference(
    outcomes: list[Outcome], received: list[AcceptedMessage]
) -> None:
    found = find_differences([MESSAGE], outcomes=outcomes, accepted=received)

    assert found == []


@pytest.mark.parametrize(
    ("outcomes", "received", "difference"),
    [
        pytest.param([], [], "no outcome", id="forgotten"),
        pytest.param([ACCEPTED], [], "never received", id="lost"),
        pytest.param([REJECTED], [RECEIVED], "not claimed", id="denied"),
        pytest.param([UNSENT], [RECEIVED], "not claimed", id="denied leaving"),
        pytest.param([ACCEPTED], [RECEIVED] * 2, "not claimed", id="doubled"),
        pytest.param([UNKNOWN], [RECEIVED] * 2, "not claimed", id="unknown, twice"),
        pytest.param(
            [Accepted(message=MESSAGE, sent=SentMessage(whatsapp_message_id=8))],
            [RECEIVED],
            "never received",
            id="another id",
        ),
    ],
)
def test_each_false_claim_is_a_difference(
    outcomes: list[Outcome], received: list[AcceptedMessage], difference: str
) -> None:
    found = find_differences([MESSAGE], outcomes=outcomes, accepted=received)

    assert any(difference in text for text in found)


def survived(first: int, once: int, twice: int) -> Survived:
    return Survived(
        total=10,
        first_count=first,
        once_count=once,
        twice_count=twice,
        statuses=(-9, 0),
    )


SURVIVED = survived(4, 10, 0)


def findings(
    *,
    accepted: int = 2,
    twice: int = 0,
    unknown: int = 0,
    survived: Survived | None = SURVIVED,
    differences: tuple[str, ...] = (),
) -> Findings:
    return Findings(
        progress=Progress(accepted=accepted, unknown=unknown),
        survived=survived,
        requests={},
        most_in_a_second=5,
        received_twice_count=twice,
        too_fast_count=0,
        goodput=5.0,
        differences=differences,
    )


@pytest.mark.parametrize(
    ("found", "is_proven", "words"),
    [
        pytest.param(findings(), True, "agree on each of the 2 messages", id="agree"),
        pytest.param(findings(differences=("x",)), False, "differ on 1", id="differ"),
        pytest.param(findings(twice=1), False, "1 arrived twice", id="doubled"),
        pytest.param(findings(accepted=0), False, "None of", id="nothing accepted"),
        pytest.param(
            findings(unknown=1), False, "1 of 3 messages are unknown", id="unknown"
        ),
        pytest.param(findings(survived=None), True, "agree on each", id="no kill"),
        *(
            pytest.param(
                findings(survived=survived(*counts)), False, "not survived", id=name
            )
            for name, counts in (
                ("killed too soon", (0, 10, 0)),
                ("killed too late", (10, 10, 0)),
                ("killed, and doubled", (4, 9, 1)),
                ("killed, and lost", (4, 8, 0)),
            )
        ),
    ],
)
def test_the_verdict_needs_agreement_no_doubles_and_something_accepted(
    found: Findings, is_proven: bool, words: str
) -> None:
    assert found.is_proven is is_proven
    assert words in verdict(found)


def test_the_plan_has_open_closed_and_unknown_recipients_of_both_kinds() -> None:
    messages = Script().messages()

    assert len({m.recipient_phone for m in messages}) == 28
    assert len(messages) == 35
    assert len(set(messages)) == 35


@pytest.mark.needs("the real clock")
@pytest.mark.needs("the real clock")
def test_the_demo_at_the_real_pace_agrees_and_adds_up(autocalls: Autocalls) -> None:
    ended = autocalls("demo", "--json")

    assert ended.status == 0
    found = json.loads(ended.out)
    assert found["agree"]
    assert found["outcomes"] == {
        "accepted": 30,
        "rejected": 4,
        "unsent": 0,
        "unknown": 1,
    }
    assert found["requests"] == {"session-status": 28, "send-freeform": 25, "send": 7}
    assert found["most_in_a_second"] <= 5
    assert found["received_twice"] == found["refused_as_too_fast"] == 0
    assert 3.5 < found["goodput"] <= 5.0 * 32 / 31
    assert found["answers_lost"] == 1
    assert found["reply"]["passed"] <= 2
    assert found["kill"] | {"twice": 0, "recipients": 10} == found["kill"]
    assert "Nothing leaves this machine" in ended.err


async def test_the_demo_says_first_what_it_does_and_last_what_it_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = Script(recipient_count=28, killed_count=0)

    status = await demo(plan, Screen(as_json=False))

    assert status == 0
    out, err = capsys.readouterr()
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0].startswith("This starts a simulated WhatsApp service")
    assert lines[-1] == "Client and service agree on each of the 35 messages."
    assert any("a lost answer" in line for line in lines)
    assert any("a reply in between   overtook 2" in line for line in lines)
    assert "sending 35 messages" in err


async def test_a_reply_that_comes_too_late_is_no_difference(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = await demo(
        Script(recipient_count=1, killed_count=0), Screen(as_json=False)
    )

    assert (status, "a reply in between" in capsys.readouterr().out) == (0, True)


async def test_its_page_is_opened_and_stays_until_ctrl_c(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    plan = Script(recipient_count=5, killed_count=0)
    interrupt = partial(os.kill, os.getpid(), signal.SIGINT)
    asyncio.get_running_loop().call_later(600, interrupt)

    status = await demo(plan, Screen(as_json=False), open_page=True)

    out = capsys.readouterr().out
    assert status == 0
    assert opened[0] in out
    assert out.splitlines()[-1] == "The page stays until Ctrl-C."
    assert asyncio.get_running_loop().time() > 600
