"""What a plan's findings say, and how they name the messages concerned."""

import pytest

from autocalls_async.campaign.planning.findings import Answers, conclude
from autocalls_async.campaign.planning.manifest import Manifest
from autocalls_async.campaign.planning.plan import (
    Finding,
    FindingKind,
    Plan,
    Severity,
    WindowOutlook,
    name_messages,
)
from autocalls_async.model.listings import Template
from autocalls_async.model.messages import (
    FreeformMessage,
    Message,
    Pair,
    TemplateMessage,
)
from autocalls_async.model.values.frozen import FrozenDict
from tests.campaign.planning import ALONE

ANA, BO = "+14155550001", "+14155550002"
REMINDER = Template(id=45, status="approved", variables=("customer_name", "date"))


def text(phone: str = ANA, *, key: str | None = None) -> FreeformMessage:
    return FreeformMessage(recipient_phone=phone, message="hi", key=key)


def reminder(**variables: str) -> TemplateMessage:
    return TemplateMessage(recipient_phone=ANA, template_id=45, variables=variables)


def plan_of(*messages: Message, closed: tuple[str, ...] = ()) -> Plan:
    manifest = Manifest(sender_id=12, window_sample=200)
    for message in messages:
        manifest.add(message)
    windows = {
        pair: WindowOutlook.CLOSED if pair.recipient_phone in closed else outlook
        for pair, outlook in dict.fromkeys(
            manifest.sample.pairs, WindowOutlook.OPEN
        ).items()
    }
    answers = Answers(templates={12: (REMINDER,)}, windows=windows)
    return conclude(manifest, answers, price=None, **ALONE)


@pytest.mark.parametrize(
    ("places", "count", "expected"),
    [
        pytest.param([3], 1, "line 3", id="one"),
        pytest.param([3, 1200], 2, "lines 3, 1,200", id="two"),
        pytest.param([3, 4], 9, "lines 3, 4, …", id="more than are named"),
    ],
)
def test_messages_are_named_by_the_first_of_them(
    places: list[int], count: int, expected: str
) -> None:
    assert name_messages(places, count=count, noun="line") == expected


def test_a_finding_names_messages_in_the_callers_own_way() -> None:
    plan = plan_of(text(), text(BO), text(), text(BO))

    (finding,) = plan.findings

    assert "2 messages repeat an earlier one (numbers 3, 4)" in finding.text
    in_lines = finding.text_naming(lambda position: position * 10, noun="line")
    assert "2 messages repeat an earlier one (lines 30, 40)" in in_lines


def test_a_finding_about_no_message_has_one_text() -> None:
    finding = Finding(
        kind=FindingKind.SENDER_OFFLINE,
        severity=Severity.ERROR,
        text="sender 12 is not online (number 1)",
        facts=FrozenDict({"sender_id": 12}),
    )

    assert finding.text_naming(lambda _: 0, noun="line") == finding.text


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        pytest.param(
            plan_of(text(key="k"), text(BO, key="k")),
            "1 message has the key of another message (number 2)",
            id="one conflict",
        ),
        pytest.param(
            plan_of(text(key="k"), *[text(BO, key="k")] * 2),
            "2 messages have the key of another message (numbers 2, 3)",
            id="conflicts",
        ),
        pytest.param(
            plan_of(text(), text()),
            "1 message repeats an earlier one (number 2)",
            id="one repeated",
        ),
        pytest.param(
            plan_of(text(), text(BO), closed=(ANA,)),
            "of 2 messaging windows looked at, 1 is closed to a text",
            id="one closed",
        ),
        pytest.param(
            plan_of(text(), text(BO), closed=(ANA, BO)),
            "of 2 messaging windows looked at, 2 are closed to a text",
            id="all closed",
        ),
        pytest.param(
            plan_of(reminder(customer_name="Ana")),
            "1 message without a text for variable 2 (date) of template 45 (number 1)",
            id="a variable missing",
        ),
        pytest.param(
            plan_of(reminder(date="Monday"), reminder(customer_name="Ana")),
            "2 messages without a text for variable 1 (customer_name), "
            "variable 2 (date) of template 45 (numbers 1, 2)",
            id="each lacks another",
        ),
        pytest.param(
            plan_of(reminder(customer_name=" ", date="Monday")),
            "1 message with a blank text for a variable of template 45 (number 1)",
            id="a variable blank",
        ),
        pytest.param(
            plan_of(reminder(customer_name="Ana", date="Monday", time="ten")),
            "1 message with variables that template 45 does not have (number 1)",
            id="a variable too many",
        ),
    ],
)
def test_a_finding_says_what_is_wrong_with_which_messages(
    plan: Plan, expected: str
) -> None:
    assert any(expected in finding.text for finding in plan.findings)


def test_no_finding_names_a_whole_number() -> None:
    pair = Pair(12, ANA)

    plan = plan_of(text(key=ANA), text(BO, key=ANA), closed=(ANA, BO))

    assert ANA not in repr(pair)
    assert all(ANA not in finding.text for finding in plan.findings)
