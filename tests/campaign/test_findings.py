"""What a plan finds: said in full, and how it names the messages concerned."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from attrs import evolve

from autocalls_async.campaign.planning.findings import Answers, conclude
from autocalls_async.campaign.planning.manifest import Manifest, Spots
from autocalls_async.campaign.planning.plan import (
    Finding,
    FindingKind,
    Plan,
    SenderLoad,
    Severity,
    TemplateLoad,
    WindowCounts,
    WindowOutlook,
    name_messages,
)
from autocalls_async.campaign.planning.words import not_asked
from autocalls_async.campaign.rules.exclusions import Exclusions
from autocalls_async.campaign.rules.forecast import PlannedRules
from autocalls_async.model.listings import Account, Sender, Template
from autocalls_async.model.messages import (
    FreeformMessage,
    Pair,
    TemplateFallback,
    TemplateMessage,
)
from autocalls_async.model.values.frozen import FrozenDict
from tests.campaign.planning import ALONE, NOON

ANA, BO, CEM = "+14155550001", "+14155550002", "+14155550003"
OPEN, CLOSING, CLOSED = (
    WindowOutlook.OPEN,
    WindowOutlook.CLOSING,
    WindowOutlook.CLOSED,
)
LINE = Sender(id=12, status="online", quality_rating="GREEN")
REMINDER = Template(id=45, status="approved", variables=("customer_name", "(date)"))
HELLO = Template(id=46, status="approved", body_text="Hi")
COMPLETE = {"customer_name": "Ana", "2": "Monday"}


SAID = Answers(
    senders=(LINE,),
    account=Account(total_balance=Decimal(100)),
    templates={12: (REMINDER, HELLO)},
)


def text(phone: str = ANA, *, key: str | None = None) -> FreeformMessage:
    return FreeformMessage(recipient_phone=phone, message="hi", key=key)


def soft(phone: str = ANA, *, template_id: int = 46) -> FreeformMessage:
    """Write a text that falls back."""
    fallback = TemplateFallback(template_id=template_id)
    return FreeformMessage(recipient_phone=phone, message="hi", fallback=fallback)


def greeting(phone: str = ANA, *, template_id: int = 46) -> TemplateMessage:
    return TemplateMessage(recipient_phone=phone, template_id=template_id)


def reminder(**variables: str) -> TemplateMessage:
    return TemplateMessage(recipient_phone=ANA, template_id=45, variables=variables)


def plan_of(
    *messages: object,
    windows: Mapping[str, WindowOutlook | None] | None = None,
    price: str | None = None,
    rules: PlannedRules = ALONE["rules"],
    said: Answers | None = None,
) -> Plan:
    """Plan for a service that says this.

    A window that is not named is open, and one of `None` was not asked for.
    """
    manifest = Manifest(sender_id=12, window_sample=200, exclusions=rules.exclusions)
    for message in messages:
        manifest.add(message)
    outlooks = {
        pair: outlook
        for pair in manifest.sample.pairs
        if (outlook := (windows or {}).get(pair.recipient_phone, OPEN)) is not None
    }
    return conclude(
        manifest,
        evolve(said or SAID, windows=outlooks),
        price=None if price is None else Decimal(price),
        rules=rules,
        seconds_per_send=ALONE["seconds_per_send"],
        now=NOON,
    )


def error(kind: FindingKind, text: str, **facts: object) -> Finding:
    severity = Severity.ERROR
    return Finding(kind=kind, severity=severity, text=text, facts=FrozenDict(facts))


def warning(kind: FindingKind, text: str, **facts: object) -> Finding:
    severity = Severity.WARNING
    return Finding(kind=kind, severity=severity, text=text, facts=FrozenDict(facts))


AT_45 = {"sender_id": 12, "template_id": 45}
FIRST: dict[str, Any] = {"count": 1, "positions": (1,)}
SECOND: dict[str, Any] = {"count": 1, "positions": (2,)}


def excluding(*phones: str) -> PlannedRules:
    return PlannedRules(exclusions=Exclusions(set(phones)))


def _rows() -> Iterator[Any]:
    """Yield what is planned, with what is given besides, and the one finding."""
    no_message = "a message must be a FreeformMessage or a TemplateMessage; got a value"
    yield pytest.param(
        [],
        {},
        error(FindingKind.NO_MESSAGES, "there is no message to send"),
        id="nothing",
    )
    yield pytest.param(
        [text(), "hi", 5],
        {},
        error(
            FindingKind.BAD_MESSAGE,
            f"2 messages cannot be sent (numbers 2, 3): {no_message} of type str",
            count=2,
            positions=(2, 3),
        ),
        id="what is no message",
    )
    yield pytest.param(
        [text(), text()],
        {},
        warning(
            FindingKind.DUPLICATE,
            "1 message repeats an earlier one (number 2); with a journal such are "
            "skipped, without one they are sent",
            **SECOND,
        ),
        id="one repeated",
    )
    yield pytest.param(
        [text(), text(), text()],
        {},
        warning(
            FindingKind.DUPLICATE,
            "2 messages repeat an earlier one (numbers 2, 3); with a journal such are "
            "skipped, without one they are sent",
            count=2,
            positions=(2, 3),
        ),
        id="two repeated",
    )
    yield pytest.param(
        [text(key="k"), text(BO, key="k")],
        {},
        error(
            FindingKind.KEY_CONFLICT,
            "1 message has the key of another message (number 2), such as 'k'; a "
            "journal refuses them",
            **SECOND,
        ),
        id="one conflict",
    )
    yield pytest.param(
        [text(key="k"), text(BO, key="k"), text(CEM, key="k")],
        {},
        error(
            FindingKind.KEY_CONFLICT,
            "2 messages have the key of another message (numbers 2, 3), such as 'k'; "
            "a journal refuses them",
            count=2,
            positions=(2, 3),
        ),
        id="two conflicts",
    )


def _rule_rows() -> Iterator[Any]:
    yield pytest.param(
        [text(), text(BO)],
        {"rules": excluding(BO)},
        warning(
            FindingKind.EXCLUDED,
            "1 message is left out as excluded (number 2)",
            **SECOND,
        ),
        id="one excluded",
    )
    yield pytest.param(
        [text(), text(BO), text(CEM)],
        {"rules": excluding(ANA, CEM)},
        warning(
            FindingKind.EXCLUDED,
            "2 messages are left out as excluded (numbers 1, 3)",
            count=2,
            positions=(1, 3),
        ),
        id="two excluded",
    )
    yield pytest.param(
        [text(), text(BO)],
        {"rules": PlannedRules(most=1)},
        warning(FindingKind.BOUND_SHORT, "at most 1 of 2 messages may leave", most=1),
        id="a bound",
    )
    limited = {"said": evolve(SAID, senders=(Sender(id=12, messaging_limit=2),))}
    over = (
        "sender 12 may write to 2 people outside an open window in 24 hours, a limit "
        "that all senders of its portfolio share, and shall write to {}; per_day "
        "spreads them over days"
    )
    facts = {"sender_id": 12, "limit": 2, "recipient_count": 3}
    for per_day in (None, 3):
        yield pytest.param(
            [greeting(phone) for phone in (ANA, BO, CEM)],
            {**limited, "rules": PlannedRules(per_day=per_day)},
            error(FindingKind.SENDER_LIMIT, over.format(3), **facts),
            id=f"more people than a limit, {per_day} a day",
        )
    yield pytest.param(
        [greeting(), soft(BO), soft(CEM)],
        {**limited, "windows": {BO: CLOSED, CEM: CLOSED}},
        warning(FindingKind.SENDER_LIMIT, over.format("about 3"), **facts),
        id="about more than a limit",
    )


def _service_rows() -> Iterator[Any]:
    yield pytest.param(
        [text()],
        {"said": evolve(SAID, senders=(Sender(id=13),))},
        error(
            FindingKind.SENDER_MISSING, "this account has no sender 12", sender_id=12
        ),
        id="no such sender",
    )
    for status, shown in (("offline", "offline"), ("+14155550001", "code withheld")):
        yield pytest.param(
            [text()],
            {"said": evolve(SAID, senders=(Sender(id=12, status=status),))},
            error(
                FindingKind.SENDER_OFFLINE,
                f"sender 12 is not online: its status is {shown}",
                sender_id=12,
            ),
            id=f"a sender whose status is {shown}",
        )
    yield pytest.param(
        [text()],
        {"said": evolve(SAID, senders=(Sender(id=12, quality_rating="yellow"),))},
        warning(
            FindingKind.SENDER_QUALITY,
            "the quality rating of sender 12 is yellow",
            sender_id=12,
        ),
        id="a sender of bad quality",
    )
    yield pytest.param(
        [text(), text(BO)],
        {
            "price": "600",
            "said": evolve(SAID, account=Account(total_balance=Decimal(1199))),
        },
        error(
            FindingKind.BALANCE_SHORT,
            "the messages cost 1,200, and the balance is 1,199",
            balance=Decimal(1199),
            cost=Decimal(1200),
        ),
        id="too little money",
    )
    for balance, price, cost in ((0, None, None), (-1, None, None), (0, "0", "0")):
        yield pytest.param(
            [text()],
            {
                "price": price,
                "said": evolve(SAID, account=Account(total_balance=Decimal(balance))),
            },
            error(
                FindingKind.BALANCE_SHORT,
                f"the balance is {balance}",
                balance=Decimal(balance),
                cost=None if cost is None else Decimal(cost),
            ),
            id=f"no money, {balance} at {price}",
        )
    yield pytest.param(
        [text()],
        {"price": "2", "said": evolve(SAID, account=Account())},
        warning(
            FindingKind.NOT_ASKED,
            "the service did not tell the balance",
            cost=Decimal(2),
        ),
        id="nobody knows how much money",
    )
    refused = not_asked("the balance", OSError("it is gone"), count=3)
    yield pytest.param(
        [text()],
        {"price": "2", "said": evolve(SAID, account=None, failures=(refused,))},
        warning(
            FindingKind.NOT_ASKED,
            "the balance could not be asked: it is gone",
            count=3,
        ),
        id="nobody could ask",
    )


def _window_rows() -> Iterator[Any]:
    yield pytest.param(
        [text(), text(BO)],
        {"windows": {ANA: CLOSED}},
        warning(
            FindingKind.WINDOWS_CLOSED,
            "of 2 messaging windows looked at, 1 is closed to a text that no "
            "template may replace",
            count=1,
            asked_count=2,
        ),
        id="one closed",
    )
    yield pytest.param(
        [text(), text(BO), text(CEM)],
        {"windows": {ANA: CLOSED, BO: CLOSED}},
        warning(
            FindingKind.WINDOWS_CLOSED,
            "of 3 messaging windows looked at, 2 are closed to a text that no "
            "template may replace",
            count=2,
            asked_count=3,
        ),
        id="two closed",
    )
    yield pytest.param(
        [text()],
        {"windows": {ANA: CLOSED}},
        error(
            FindingKind.WINDOWS_CLOSED,
            "of 1 messaging window looked at, 1 is closed to a text that no "
            "template may replace",
            count=1,
            asked_count=1,
        ),
        id="all closed",
    )
    yield pytest.param(
        [text(), text(BO), soft(CEM)],
        {"windows": {ANA: CLOSING, CEM: CLOSING}},
        warning(
            FindingKind.WINDOWS_CLOSING,
            "of 3 messaging windows looked at, 1 may close before the last message "
            "has left",
            count=1,
            asked_count=3,
        ),
        id="one closes",
    )


def _template_rows() -> Iterator[Any]:
    for message in (greeting(template_id=45), soft(template_id=45)):
        yield pytest.param(
            [message],
            {"said": evolve(SAID, templates={12: (HELLO,)})},
            error(
                FindingKind.TEMPLATE_MISSING, "sender 12 has no template 45", **AT_45
            ),
            id=f"no such template of {type(message).__name__}",
        )
    yield pytest.param(
        [greeting(template_id=45)],
        {
            "said": evolve(
                SAID,
                templates={12: (Template(id=45, status="pending", body_text="Hi"),)},
            )
        },
        error(
            FindingKind.TEMPLATE_UNAPPROVED,
            "template 45 is not approved: its status is pending",
            **AT_45,
        ),
        id="a template that is not approved",
    )
    yield pytest.param(
        [reminder(customer_name="Ana")],
        {},
        error(
            FindingKind.VARIABLES_MISSING,
            "1 message without a text for variable 2 (code withheld) of template 45 "
            "(number 1)",
            **AT_45,
            **FIRST,
        ),
        id="a variable missing",
    )
    yield pytest.param(
        [reminder(**{"2": "Monday"}), reminder(customer_name="Ana")],
        {},
        error(
            FindingKind.VARIABLES_MISSING,
            "2 messages without a text for variable 1 (customer_name), variable 2 "
            "(code withheld) of template 45 (numbers 1, 2)",
            **AT_45,
            count=2,
            positions=(1, 2),
        ),
        id="each lacks another",
    )
    yield pytest.param(
        [greeting(template_id=45)],
        {
            "said": evolve(
                SAID, templates={12: (Template(id=45, body_text="{{1}}, {{ 2 }}"),)}
            )
        },
        error(
            FindingKind.VARIABLES_MISSING,
            "1 message without a text for variable 1, variable 2 of template 45 "
            "(number 1)",
            **AT_45,
            **FIRST,
        ),
        id="variables that have no name",
    )
    yield pytest.param(
        [reminder(**COMPLETE), reminder(**{**COMPLETE, "customer_name": " "})],
        {},
        warning(
            FindingKind.VARIABLES_BLANK,
            "1 message with a blank text for a variable of template 45 (number 2)",
            **AT_45,
            **SECOND,
        ),
        id="a variable blank",
    )
    yield pytest.param(
        [reminder(**COMPLETE, time="ten")],
        {},
        warning(
            FindingKind.VARIABLES_SUPERFLUOUS,
            "1 message with variables that template 45 does not have (number 1)",
            **AT_45,
            **FIRST,
        ),
        id="a variable too many",
    )


ROWS = [
    *_rows(),
    *_rule_rows(),
    *_service_rows(),
    *_window_rows(),
    *_template_rows(),
]


@pytest.mark.parametrize(("messages", "given", "found"), ROWS)
def test_a_finding_says_what_is_wrong_with_which_messages(
    messages: Sequence[object], given: dict[str, Any], found: Finding
) -> None:
    plan = plan_of(*messages, **given)

    assert plan.findings == (found,)
    assert plan.is_ready is (found.severity is Severity.WARNING)


THREE = [greeting(phone) for phone in (ANA, BO, CEM)]
LIMITED = (Sender(id=12, messaging_limit=2),)


@pytest.mark.parametrize(
    ("messages", "given"),
    [
        pytest.param([text()], {}, id="all that is known"),
        pytest.param([reminder(**COMPLETE)], {}, id="all variables"),
        pytest.param(
            [text()],
            {"said": evolve(SAID, senders=None)},
            id="nobody could ask for senders",
        ),
        pytest.param(
            [text()],
            {"said": evolve(SAID, senders=(Sender(id=12),))},
            id="of no status",
        ),
        pytest.param(
            [text()],
            {"said": evolve(SAID, account=None), "price": "1"},
            id="no account",
        ),
        pytest.param(
            [text()],
            {"said": evolve(SAID, account=Account())},
            id="no balance and no price",
        ),
        pytest.param([text()], {"price": "100"}, id="just enough money"),
        pytest.param([soft()], {"windows": {ANA: CLOSED}}, id="it falls back"),
        pytest.param([soft()], {"windows": {ANA: CLOSING}}, id="it will fall back"),
        pytest.param([text()], {"windows": {ANA: None}}, id="no window was asked for"),
        pytest.param(
            [greeting()], {"said": evolve(SAID, templates={})}, id="no templates were"
        ),
        pytest.param(
            [greeting(template_id=9)],
            {
                "said": evolve(
                    SAID, templates={12: (Template(id=9, has_variables=False),)}
                )
            },
            id="a template of no status",
        ),
        pytest.param(
            THREE[:2],
            {"said": evolve(SAID, senders=LIMITED)},
            id="as many as the limit",
        ),
        pytest.param(
            THREE,
            {"said": evolve(SAID, senders=LIMITED), "rules": PlannedRules(per_day=2)},
            id="as many a day as the limit",
        ),
        pytest.param(
            THREE,
            {
                "said": evolve(SAID, senders=LIMITED),
                "rules": PlannedRules(per_day="auto"),
            },
            id="as many a day as it may",
        ),
        pytest.param(
            THREE,
            {"said": evolve(SAID, senders=None), "rules": PlannedRules(per_day="auto")},
            id="as many as nobody knows",
        ),
        pytest.param(
            THREE, {"rules": PlannedRules(most=3)}, id="a bound that all are within"
        ),
    ],
)
def test_what_can_be_sent_is_not_found_fault_with(
    messages: Sequence[object], given: dict[str, Any]
) -> None:
    plan = plan_of(*messages, **given)

    assert plan.findings == ()
    assert plan.is_ready


def test_a_plan_counts_what_there_is_to_send() -> None:
    strange = FreeformMessage(recipient_phone=ANA, message="hi", sender_id=13)
    messages = (text(), soft(BO), soft(CEM), greeting(), greeting(), strange, "hi")

    plan = plan_of(*messages, windows={ANA: CLOSED, BO: CLOSED, CEM: None}, price="0.5")

    counts = (plan.message_count, plan.freeform_count, plan.template_count)
    assert counts == (6, 4, 2)
    assert (plan.bad_count, plan.duplicate_count, plan.excluded_count) == (1, 1, 0)
    assert (plan.balance, plan.cost) == (Decimal(100), Decimal(3))
    assert plan.senders == (
        SenderLoad(
            sender_id=12,
            message_count=5,
            recipient_count=3,
            outside_count=3,
            is_outside_sampled=True,
            sender=LINE,
        ),
        SenderLoad(sender_id=13, message_count=1, recipient_count=1),
    )
    assert plan.templates == (
        TemplateLoad(sender_id=12, template_id=46, message_count=4, template=HELLO),
    )
    assert plan.windows == WindowCounts(closed=3, unknown=1, pair_count=4)
    assert plan.windows.sample_count == 4
    assert plan.duration == pytest.approx(6 * 0.2)
    assert plan.begins_at == NOON


def test_a_plan_of_nothing_lasts_no_time() -> None:
    plan = plan_of()

    assert (plan.duration, plan.begins_at, plan.ends_at) == (0.0, NOON, NOON)


def test_who_is_left_out_is_nobody_s_load() -> None:
    plan = plan_of(text(), greeting(BO), rules=excluding(BO))

    assert (plan.message_count, plan.excluded_count) == (1, 1)
    assert [load.recipient_count for load in plan.senders] == [1]
    assert plan.templates == ()


@pytest.mark.parametrize(
    ("closed", "asked", "falling"), [(0, 3, 0), (1, 2, 2), (1, 3, 1), (3, 3, 3)]
)
def test_texts_that_fall_back_are_estimated_upwards(
    closed: int, asked: int, falling: int
) -> None:
    phones = (ANA, BO, CEM)
    looked_at = dict.fromkeys(phones[:closed], CLOSED)
    others = dict.fromkeys(phones[asked:])

    plan = plan_of(*map(soft, phones), windows={**looked_at, **others})

    (load,) = plan.senders
    assert (load.outside_count, load.is_outside_sampled) == (falling, falling > 0)
    assert type(load.outside_count) is int


def test_the_first_ten_of_many_are_named() -> None:
    manifest = Manifest(sender_id=12, window_sample=0)
    for _ in range(13):
        manifest.add(text())

    assert manifest.duplicates == Spots(12, list(range(2, 12)))


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
    finding = error(
        FindingKind.SENDER_OFFLINE,
        "sender 12 is not online (number 1)",
        sender_id=12,
    )

    assert finding.text_naming(lambda _: 0, noun="line") == finding.text


def test_no_finding_names_a_whole_number() -> None:
    pair = Pair(12, ANA)

    plan = plan_of(text(key=ANA), text(BO, key=ANA), windows={ANA: CLOSED, BO: CLOSED})

    assert ANA not in repr(pair)
    assert all(ANA not in finding.text for finding in plan.findings)


# How programs read a plan


def test_a_plan_tells_programs_what_it_tells_people() -> None:
    told = plan_of(text(), soft(BO), windows={ANA: CLOSED}).to_dict()

    assert told["is_ready"] is True
    assert told["excluded_count"] == 0
    assert told["windows"] == {
        "open": 1,
        "closing": 0,
        "closed": 1,
        "unknown": 0,
        "pair_count": 2,
        "sample_count": 2,
    }
    (found,) = told["findings"]
    assert (found["kind"], found["severity"]) == ("windows closed", "warning")
    assert found["facts"] == {"count": 1, "asked_count": 2}


@pytest.mark.parametrize("word", [*FindingKind, *Severity, *WindowOutlook], ids=str)
def test_a_word_that_programs_read_is_its_name(word: Enum) -> None:
    name = word.name.lower().replace("_", " ")

    assert word.value == {"not asked": "could not be asked"}.get(name, name)


# How a plan is read


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0 s"),
        (119.4, "119 s"),
        (120.0, "2 min"),
        (7199.0, "120 min"),
        (7200.0, "2.0 h"),
        (47.9 * 3600, "47.9 h"),
        (48 * 3600.0, "2.0 days"),
    ],
)
def test_how_long_it_takes_is_said_in_units_that_people_use(
    seconds: float, expected: str
) -> None:
    plan = evolve(plan_of(), duration=seconds)

    assert str(plan).splitlines()[0] == (
        f"0 messages (0 free text, 0 template), {expected} at the pace of now"
    )


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("", "ready"),
        ("w", "ready, 1 warning"),
        ("ww", "ready, 2 warnings"),
        ("e", "not ready, 1 error"),
        ("eew", "not ready, 2 errors, 1 warning"),
    ],
)
def test_a_plan_ends_with_its_verdict(kinds: str, expected: str) -> None:
    made = {"e": error, "w": warning}
    findings = tuple(made[kind](FindingKind.NOT_ASKED, "so it is") for kind in kinds)
    plan = evolve(plan_of(), findings=findings)

    assert repr(plan) == f"<Plan of 0 messages: {expected}>"
    assert str(plan).splitlines()[-1] == expected
    said = [f"{found.severity.value}: so it is" for found in findings]
    assert str(plan).splitlines()[1:-1] == ["balance 100", *said]


def test_a_plan_is_read_line_by_line() -> None:
    plan = plan_of(text(), soft(BO), greeting(), windows={BO: CLOSING}, price="0.05")
    lines = str(plan).splitlines()

    assert repr(plan) == "<Plan of 3 messages: ready>"
    assert lines == [
        "3 messages (2 free text, 1 template), 1 s at the pace of now",
        "sender 12: 3 messages to 2 recipients, online",
        "template 46 of sender 12: 2 messages, approved",
        "windows: 1 open, 1 closing, 0 closed, 0 unknown (2 of 2)",
        "balance 100, cost 0.15",
        "ready",
    ]


def test_what_nobody_could_ask_is_not_said() -> None:
    plan = plan_of(greeting(), said=Answers())

    assert str(plan).splitlines() == [
        "1 message (0 free text, 1 template), 0 s at the pace of now",
        "sender 12: 1 message to 1 recipient",
        "template 46 of sender 12: 1 message",
        "ready",
    ]


@pytest.mark.parametrize(
    ("most", "cost"), [(None, "1.5"), (5, "1.5"), (2, "1.0"), (0, "0")]
)
def test_no_more_is_paid_than_may_leave(most: int | None, cost: str) -> None:
    plan = plan_of(
        text(), text(BO), text(CEM), price="0.5", rules=PlannedRules(most=most)
    )

    assert plan.cost == Decimal(cost)
