"""What a campaign would meet, found out without sending anything."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async import (
    Account,
    AuthenticationError,
    AutocallsClient,
    FreeformMessage,
    Message,
    SendingHours,
    Template,
    TemplateFallback,
    TemplateMessage,
)
from autocalls_async.campaign.planning.findings import Answers, conclude
from autocalls_async.campaign.planning.manifest import EvenSample, Manifest
from autocalls_async.campaign.planning.plan import FindingKind, Plan, Severity
from autocalls_async.campaign.planning.planner import _read
from autocalls_async.campaign.planning.templates import slots_of
from autocalls_async.campaign.source import Source
from autocalls_async.emulator import (
    Emulator,
    Endpoint,
    Refuse,
    Stall,
    refuse_with_code,
)
from autocalls_async.emulator import Sender as Line
from autocalls_async.journal.keys import derive_key, to_content
from autocalls_async.model.messages import Pair
from tests.campaign.planning import ALONE
from tests.people import (
    ANA,
    SENDER,
    STRANGER,
    hello,
    hellos,
    open_windows,
    people,
)

CHECK = Endpoint.SESSION_STATUS
COMPLETE = {"customer_name": "Ana", "2": "Monday", "time": "noon"}


async def plan_of(
    client: AutocallsClient,
    messages: Source,
    *,
    price: Decimal | None = None,
    window_sample: int = 200,
) -> Plan:
    """Plan with what the client has."""
    return await client.plan(messages, price=price, window_sample=window_sample)


THREE = {"1": "you", "2": "today", "3": "noon"}


def reminder(variables: dict[str, str], template_id: int = 45) -> TemplateMessage:
    """Write a template with three variables."""
    return TemplateMessage(
        recipient_phone=ANA, template_id=template_id, variables=variables
    )


def kinds(plan: Plan, severity: Severity | None = None) -> list[FindingKind]:
    """Say what a plan found, of one severity or of any."""
    return [f.kind for f in plan.findings if severity in {None, f.severity}]


# A campaign that can go


async def test_a_campaign_that_can_go_is_ready_and_nothing_is_sent(
    client: AutocallsClient, emulator: Emulator
) -> None:
    messages: list[Message] = [hello(), reminder(COMPLETE), hello(message="again")]

    plan = await plan_of(client, messages, price=Decimal("0.05"))

    assert plan.is_ready
    assert plan.findings == ()
    assert (plan.message_count, plan.freeform_count, plan.template_count) == (3, 2, 1)
    assert (plan.senders[0].message_count, plan.senders[0].recipient_count) == (3, 1)
    assert (plan.windows.open, plan.windows.pair_count) == (1, 1)
    assert (plan.cost, plan.balance) == (Decimal("0.15"), Decimal(100))
    assert plan.duration == pytest.approx(0.6)
    assert emulator.accepted == []
    assert Endpoint.SEND_FREEFORM not in emulator.requests_by_endpoint()


@pytest.mark.parametrize("kind", ["list", "generator", "async generator"])
async def test_a_source_of_any_kind_is_read_once(
    client: AutocallsClient, kind: str
) -> None:
    async def drip() -> AsyncIterator[Message]:
        for message in hellos([ANA] * 300):
            yield message

    sources: dict[str, Source] = {
        "list": hellos([ANA] * 300),
        "generator": (message for message in hellos([ANA] * 300)),
        "async generator": drip(),
    }

    plan = await plan_of(client, sources[kind])

    assert (plan.message_count, plan.duplicate_count) == (300, 299)


async def test_the_event_loop_goes_on_while_a_long_list_is_read() -> None:
    breaths = 0

    async def breathe() -> None:
        nonlocal breaths
        while True:
            await asyncio.sleep(0)
            breaths += 1

    breathing = asyncio.create_task(breathe())
    messages = (message for message in hellos([ANA] * 1024))
    await _read(messages, Manifest(sender_id=SENDER, window_sample=0))
    breathing.cancel()

    assert breaths >= 3


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        pytest.param({"price": 0.05}, "price must be a Decimal", id="float"),
        pytest.param({"price": Decimal(-1)}, "price must be", id="negative"),
        pytest.param({"price": Decimal("nan")}, "price must be", id="nan"),
        pytest.param({"window_sample": -1}, "window_sample must", id="below 0"),
        pytest.param({"window_sample": True}, "window_sample must", id="bool"),
        pytest.param({"window_sample": "all"}, "window_sample must", id="text"),
    ],
)
async def test_an_argument_that_breaks_its_rule_is_told_before_anything_is_read(
    client: AutocallsClient, options: dict[str, Any], rule: str
) -> None:
    messages = iter([hello()])

    with pytest.raises(ValueError, match=rule):
        await plan_of(client, messages, **options)

    assert len(list(messages)) == 1


# Messages


async def test_an_empty_campaign_is_not_ready_and_needs_no_question(
    client: AutocallsClient, emulator: Emulator
) -> None:
    plan = await plan_of(client, [])

    assert not plan.is_ready
    assert kinds(plan) == [FindingKind.NO_MESSAGES]
    assert emulator.requests == []


async def test_what_is_no_message_is_counted_and_its_place_told(
    client: AutocallsClient,
) -> None:
    source: Any = [hello(), "Hi Ana, here is your code", hello(message="b")]

    plan = await plan_of(client, source)

    (found,) = plan.findings
    assert (plan.message_count, plan.bad_count) == (2, 1)
    assert (found.kind, found.severity) == (FindingKind.BAD_MESSAGE, Severity.ERROR)
    assert found.facts["positions"] == (2,)
    assert found.text == (
        "1 message cannot be sent (number 2): a message must be a FreeformMessage or "
        "a TemplateMessage; got a value of type str"
    )


async def test_a_message_without_a_sender_cannot_be_sent(emulator: Emulator) -> None:
    async with AutocallsClient("1|key", base_url=emulator.base_url) as client:
        plan = await plan_of(client, [hello()])

    found = plan.findings[-1]
    assert found.kind is FindingKind.BAD_MESSAGE
    assert "sender_id is missing" in found.text


async def test_a_repeated_message_is_a_warning_unless_each_has_its_key(
    client: AutocallsClient,
) -> None:
    keyed = [
        FreeformMessage(recipient_phone=ANA, message="x", key=key) for key in "abca"
    ]
    messages = [hello(), hello(), hello(), *keyed]

    plan = await plan_of(client, messages)

    (found,) = plan.findings
    assert plan.is_ready
    assert plan.duplicate_count == 3
    assert found.kind is FindingKind.DUPLICATE
    assert found.facts == {"count": 3, "positions": (2, 3, 7)}


async def test_one_key_for_two_contents_is_an_error_that_names_it_masked(
    client: AutocallsClient,
) -> None:
    messages = [
        FreeformMessage(recipient_phone=ANA, message=text, key=f"row {ANA}")
        for text in ("one", "two")
    ]

    plan = await plan_of(client, messages)

    (found,) = plan.findings
    assert not plan.is_ready
    assert found.kind is FindingKind.KEY_CONFLICT
    assert "'row +1415•••0123'" in found.text


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([None, "k", "l"]))))
def test_a_manifest_counts_as_the_plain_definition_does(
    rows: list[tuple[str, str | None]],
) -> None:
    manifest = Manifest(sender_id=SENDER, window_sample=0)
    first: dict[str, str] = {}
    duplicate_count = conflict_count = 0

    for text, key in rows:
        manifest.add(FreeformMessage(recipient_phone=ANA, message=text, key=key))
        known = first.setdefault(key or f"derived from {text}", text)
        conflict_count += known != text
    duplicate_count = len(rows) - len(first) - conflict_count

    assert manifest.duplicates.count == duplicate_count
    assert manifest.conflicts.count == conflict_count


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        pytest.param("hello", (1, 0), id="of the same text"),
        pytest.param("other", (0, 1), id="of another text"),
    ],
)
def test_a_given_key_may_be_the_one_that_an_earlier_message_got(
    text: str, counts: tuple[int, int]
) -> None:
    manifest = Manifest(sender_id=SENDER, window_sample=0)
    derived = derive_key(to_content(hello(), SENDER))

    manifest.add(hello())
    manifest.add(FreeformMessage(recipient_phone=ANA, message=text, key=derived))

    assert (manifest.duplicates.count, manifest.conflicts.count) == counts


def test_a_recipient_of_both_kinds_of_message_is_one_recipient() -> None:
    manifest = Manifest(sender_id=SENDER, window_sample=0)
    other = TemplateMessage(recipient_phone=STRANGER, template_id=46)

    for message in (hello(), reminder({}), other):
        manifest.add(message)

    assert manifest.loads[SENDER].recipient_count == 2


# Senders and balance


@pytest.mark.parametrize(
    ("line", "kind", "severity"),
    [
        pytest.param(
            {"status": "offline"},
            FindingKind.SENDER_OFFLINE,
            Severity.ERROR,
            id="offline",
        ),
        pytest.param(
            {"quality_rating": "YELLOW"},
            FindingKind.SENDER_QUALITY,
            Severity.WARNING,
            id="yellow",
        ),
        pytest.param(
            {"quality_rating": "RED"},
            FindingKind.SENDER_QUALITY,
            Severity.WARNING,
            id="red",
        ),
    ],
)
async def test_a_sender_that_is_not_fit_is_found(
    client: AutocallsClient,
    emulator: Emulator,
    line: dict[str, Any],
    kind: FindingKind,
    severity: Severity,
) -> None:
    emulator.add_sender(
        Line(id=SENDER, phone_number="+14155551234", display_name="Acme", **line)
    )
    recipients = people(3)
    open_windows(emulator, recipients)

    plan = await plan_of(client, hellos(recipients))

    (found,) = plan.findings
    assert (found.kind, found.severity) == (kind, severity)
    assert found.facts["sender_id"] == SENDER


def limit_to(emulator: Emulator, limit: int | None) -> None:
    """Let the sender write to so many people."""
    emulator.add_sender(
        Line(id=SENDER, phone_number="+1", display_name="A", messaging_limit=limit)
    )


async def test_people_with_open_windows_count_for_no_limit(
    client: AutocallsClient, emulator: Emulator
) -> None:
    limit_to(emulator, 2)
    recipients = people(5)
    open_windows(emulator, recipients)

    plan = await plan_of(client, hellos([*recipients, *recipients]))

    assert kinds(plan) == [FindingKind.DUPLICATE]
    assert plan.senders[0].outside_count == 0


async def test_people_whom_a_template_goes_to_count(
    client: AutocallsClient, emulator: Emulator
) -> None:
    limit_to(emulator, 2)
    messages = [
        TemplateMessage(recipient_phone=p, template_id=45, variables=THREE)
        for p in people(3)
    ]

    enough = await plan_of(client, messages[:2])
    plan = await plan_of(client, messages)
    spread = await client.plan(messages, per_day=2)
    own = await client.plan(messages, per_day="auto")
    over = await client.plan(messages, per_day=3)

    assert kinds(enough) == kinds(spread) == kinds(own) == []
    (found,) = plan.findings
    assert (found.kind, found.severity) == (FindingKind.SENDER_LIMIT, Severity.ERROR)
    assert (
        "2 people outside an open window in 24 hours, a limit that all senders of"
        in (found.text)
    )
    assert found.facts["recipient_count"] == 3
    assert kinds(over) == [FindingKind.SENDER_LIMIT]
    assert spread.ends_at is not None
    assert 24 * 3600 < spread.duration < 25 * 3600
    assert own.duration == pytest.approx(spread.duration, abs=60)


async def test_people_whose_text_will_fall_back_are_estimated_by_their_windows(
    client: AutocallsClient, emulator: Emulator
) -> None:
    limit_to(emulator, 2)
    recipients = people(10)
    open_windows(emulator, recipients[:5])
    fallback = TemplateFallback(template_id=45, variables=THREE)
    messages = [
        FreeformMessage(recipient_phone=p, message="hi", fallback=fallback)
        for p in recipients
    ]

    plan = await plan_of(client, messages)

    (load,) = plan.senders
    assert (load.outside_count, load.is_outside_sampled) == (5, True)
    (found,) = plan.findings
    assert (found.kind, found.severity) == (FindingKind.SENDER_LIMIT, Severity.WARNING)
    assert "shall write to about 5" in found.text


async def test_a_plan_tells_what_the_rules_will_do(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(8)
    open_windows(emulator, recipients)
    whole_day = SendingHours("00:00-24:00", tz="UTC")

    plan = await client.plan(
        hellos(recipients),
        exclude={recipients[1], recipients[7]},
        hours=whole_day,
        budget=Decimal("0.2"),
        price=Decimal("0.05"),
    )

    assert (plan.message_count, plan.excluded_count) == (6, 2)
    assert plan.cost == Decimal("0.2")
    assert kinds(plan) == [FindingKind.EXCLUDED, FindingKind.BOUND_SHORT]
    texts = [found.text for found in plan.findings]
    assert texts[0] == "2 messages are left out as excluded (numbers 2, 8)"
    assert texts[1] == "at most 4 of 6 messages may leave"
    assert plan.duration < 2
    assert plan.is_ready


async def test_who_cannot_be_asked_about_is_a_bad_message(
    client: AutocallsClient, emulator: Emulator
) -> None:
    open_windows(emulator, people(2))

    def exclude(phone: str) -> bool:
        if phone == people(2)[1]:
            raise ConnectionError
        return False

    plan = await client.plan(hellos(people(2)), exclude=exclude)

    assert kinds(plan) == [FindingKind.BAD_MESSAGE]
    assert "exclude failed (ConnectionError)" in plan.findings[0].text


async def test_nothing_more_is_asked_about_a_sender_that_the_account_lacks(
    client: AutocallsClient, emulator: Emulator
) -> None:
    messages: list[Message] = [
        FreeformMessage(recipient_phone=ANA, message="hi", sender_id=99),
        TemplateMessage(recipient_phone=ANA, template_id=46, sender_id=99),
    ]

    plan = await plan_of(client, messages)

    assert kinds(plan, Severity.ERROR) == [FindingKind.SENDER_MISSING]
    assert plan.windows.unknown == 1
    assert emulator.requests_by_endpoint() == {Endpoint.SENDERS: 1, Endpoint.ME: 1}


@pytest.mark.parametrize(
    ("balance", "price", "is_short"),
    [
        pytest.param("0.10", "0.05", False, id="just enough"),
        pytest.param("0.09", "0.05", True, id="a cent short"),
        pytest.param("0.09", None, False, id="no price"),
        pytest.param("0", None, True, id="empty"),
    ],
)
async def test_the_balance_must_cover_the_messages_where_a_price_is_given(
    client: AutocallsClient,
    emulator: Emulator,
    balance: str,
    price: str | None,
    is_short: bool,
) -> None:
    emulator.balance = Decimal(balance)
    messages = [hello(), hello(message="b")]

    plan = await plan_of(client, messages, price=Decimal(price) if price else None)

    assert (FindingKind.BALANCE_SHORT in kinds(plan)) is is_short
    assert plan.is_ready is not is_short


def test_an_account_without_a_balance_is_a_warning_where_a_price_is_given() -> None:
    manifest = Manifest(sender_id=SENDER, window_sample=0)
    manifest.add(hello())
    answers = Answers(account=Account())

    plan = conclude(manifest, answers, price=Decimal(1), **ALONE)

    assert kinds(plan, Severity.WARNING) == [FindingKind.NOT_ASKED]


# Windows


async def test_windows_are_open_closing_or_closed(
    client: AutocallsClient, emulator: Emulator
) -> None:
    opened, closing, closed = people(3)
    emulator.customer_writes(opened)
    emulator.set_window(closing, 150)
    emulator.expire_window(closed)
    crowd = [hello(opened, f"number {n}") for n in range(600)]  # two minutes

    plan = await plan_of(client, [*crowd, hello(closing), hello(closed)])

    windows = plan.windows
    assert (windows.open, windows.closing, windows.closed) == (1, 1, 1)
    assert windows.sample_count == windows.pair_count == 3
    assert kinds(plan) == [FindingKind.WINDOWS_CLOSED, FindingKind.WINDOWS_CLOSING]
    assert plan.is_ready


async def test_a_campaign_into_closed_windows_only_is_not_ready(
    client: AutocallsClient,
) -> None:
    plan = await plan_of(client, hellos(people(3)))

    assert kinds(plan, Severity.ERROR) == [FindingKind.WINDOWS_CLOSED]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        pytest.param(["a"], [], id="one text, which falls back"),
        pytest.param(["a", "b"], [FindingKind.WINDOWS_CLOSED], id="a second cannot"),
    ],
)
async def test_a_closed_window_does_no_harm_to_a_text_that_falls_back(
    client: AutocallsClient, texts: list[str], found: list[FindingKind]
) -> None:
    fallback = TemplateFallback(template_id=46)
    messages = [
        FreeformMessage(recipient_phone=STRANGER, message=text, fallback=fallback)
        for text in texts
    ]

    plan = await plan_of(client, messages)

    assert kinds(plan) == found
    assert plan.windows.closed == 1
    assert plan.templates[0].message_count == len(texts)


async def test_windows_that_are_known_need_no_question(
    client: AutocallsClient, emulator: Emulator
) -> None:
    client.windows.note_inbound(ANA)
    await client.session_status(STRANGER)
    asked_count = len(emulator.requests)

    plan = await plan_of(client, hellos([ANA, STRANGER]))

    assert (plan.windows.open, plan.windows.closed) == (1, 1)
    assert emulator.requests_by_endpoint()[CHECK] == asked_count == 1


async def test_no_more_windows_than_the_sample_are_asked_for_at_the_reads_pace(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(500)
    open_windows(emulator, recipients)
    began = asyncio.get_running_loop().time()

    plan = await plan_of(client, hellos(recipients), window_sample=40)

    assert (plan.windows.open, plan.windows.pair_count) == (40, 500)
    assert emulator.requests_by_endpoint()[CHECK] == 40
    assert 4 <= asyncio.get_running_loop().time() - began < 6


@given(
    st.lists(st.integers(10**7, 10**8), max_size=30, unique=True),
    st.integers(0, 12),
    st.randoms(),
)
def test_a_sample_is_the_same_whatever_the_order_and_repetitions(
    numbers: list[int], most: int, random: Random
) -> None:
    shuffled = numbers * 2
    random.shuffle(shuffled)
    samples = EvenSample(most), EvenSample(most)

    for sample, order in zip(samples, (numbers, shuffled), strict=True):
        for number in order:
            sample.add(Pair(SENDER, f"+{number}"), has_fallback=False)

    assert samples[0].pairs.keys() == samples[1].pairs.keys()
    assert len(samples[0].pairs) == min(most, len(numbers))


def test_a_sample_is_drawn_evenly_from_the_beginning_and_the_end() -> None:
    sample = EvenSample(400)

    for recipient in people(4_000):
        sample.add(Pair(SENDER, recipient), has_fallback=False)

    early = sum(int(p.recipient_phone) % 10_000 < 2_000 for p in sample.pairs)
    assert 150 < early < 250


# Templates


@pytest.mark.parametrize(
    ("template_id", "variables", "kind", "is_ready"),
    [
        pytest.param(45, COMPLETE, None, True, id="complete"),
        pytest.param(46, {}, None, True, id="without variables"),
        pytest.param(
            45, {"1": "a", "2": "b"}, FindingKind.VARIABLES_MISSING, False, id="missing"
        ),
        pytest.param(
            45, {**COMPLETE, "time": " "}, FindingKind.VARIABLES_BLANK, True, id="blank"
        ),
        pytest.param(
            46, {"1": "a"}, FindingKind.VARIABLES_SUPERFLUOUS, True, id="superfluous"
        ),
        pytest.param(
            47, {"1": "a"}, FindingKind.TEMPLATE_UNAPPROVED, False, id="pending"
        ),
        pytest.param(99, {}, FindingKind.TEMPLATE_MISSING, False, id="not there"),
    ],
)
async def test_templates_must_be_approved_and_their_variables_complete(
    client: AutocallsClient,
    template_id: int,
    variables: dict[str, str],
    kind: FindingKind | None,
    is_ready: bool,
) -> None:
    plan = await plan_of(client, [reminder(variables, template_id)])

    assert kinds(plan) == ([] if kind is None else [kind])
    assert plan.is_ready is is_ready


async def test_incomplete_messages_are_counted_for_each_template(
    client: AutocallsClient,
) -> None:
    messages = [
        reminder({"1": f"number {n}"} | ({"2": "b"} if n % 2 else {}))
        for n in range(12)
    ]

    plan = await plan_of(client, [*messages, reminder(COMPLETE)])

    (found,) = plan.findings
    assert found.facts["count"] == 12
    assert found.facts["positions"] == tuple(range(1, 11))
    assert found.text.endswith("(numbers 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …)")


@pytest.mark.parametrize(
    ("template", "slots"),
    [
        pytest.param({"variables": ("a", "b")}, [{"1", "a"}, {"2", "b"}], id="names"),
        pytest.param({"body_text": "{{2}}, {{ 1 }}, {{2}}"}, [{"2"}, {"1"}], id="1..n"),
        pytest.param({"body_text": "Hi {{name}}"}, [{"name", "1"}], id="named"),
        pytest.param({"body_text": "Hi"}, [], id="none"),
        pytest.param({"has_variables": False}, [], id="none, as it says"),
        pytest.param({"body_text": "Hi", "has_variables": True}, None, id="it hides"),
        pytest.param({}, None, id="it says nothing"),
    ],
)
def test_a_variable_goes_by_its_number_or_its_name(
    template: dict[str, Any], slots: Iterable[set[str]] | None
) -> None:
    found = slots_of(Template(id=1, **template))

    assert (None if found is None else [set(slot) for slot in found]) == slots


def test_variables_that_nobody_knows_are_not_judged() -> None:
    manifest = Manifest(sender_id=SENDER, window_sample=0)
    manifest.add(reminder({"1": "Ana"}))
    answers = Answers(templates={SENDER: (Template(id=45, status="approved"),)})

    plan = conclude(manifest, answers, price=None, **ALONE)

    assert plan.findings == ()


# Trouble


@pytest.mark.parametrize(
    ("endpoint", "subject"),
    [
        pytest.param(Endpoint.SENDERS, "the senders could not", id="senders"),
        pytest.param(Endpoint.ME, "the balance could not", id="account"),
        pytest.param(Endpoint.TEMPLATES, "the templates of sender 12", id="templates"),
        pytest.param(CHECK, "1 of the messaging windows could", id="window"),
    ],
)
async def test_what_cannot_be_asked_is_a_warning(
    client: AutocallsClient, emulator: Emulator, endpoint: Endpoint, subject: str
) -> None:
    emulator.fail_next(99, refuse_with_code(403, "FORBIDDEN"), endpoint=endpoint)

    plan = await plan_of(client, [hello(), reminder({}, 46)], price=Decimal(1))

    (found,) = plan.findings
    assert found.kind is FindingKind.NOT_ASKED
    assert found.text.startswith(subject)
    assert plan.is_ready


async def test_windows_are_given_up_after_a_few_failures(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(999, refuse_with_code(403, "FORBIDDEN"), endpoint=CHECK)

    plan = await plan_of(client, hellos(people(100)))

    assert plan.windows.unknown == 100
    assert plan.findings[0].facts["count"] == 100
    assert 5 <= emulator.requests_by_endpoint()[CHECK] < 10


@pytest.mark.parametrize("endpoint", [Endpoint.SENDERS, Endpoint.ME, CHECK])
async def test_a_key_that_is_not_accepted_is_raised(
    client: AutocallsClient, emulator: Emulator, endpoint: Endpoint
) -> None:
    emulator.fail_next(99, Refuse(401), endpoint=endpoint)

    with pytest.raises(AuthenticationError):
        await plan_of(client, hellos(people(20)))


@pytest.mark.parametrize("endpoint", [Endpoint.SENDERS, Endpoint.TEMPLATES, CHECK])
async def test_a_plan_can_be_cancelled_wherever_it_waits(
    client: AutocallsClient, emulator: Emulator, endpoint: Endpoint
) -> None:
    emulator.fail_next(99, Stall(), endpoint=endpoint)
    messages: list[Message] = [*hellos(people(20)), reminder(COMPLETE)]
    planning = asyncio.create_task(plan_of(client, messages))
    await asyncio.sleep(5)

    planning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await planning

    assert not any("_look_at" in repr(task) for task in asyncio.all_tasks())
    assert (await client.account()).total_balance == Decimal(100)


async def test_a_plan_shows_no_number_and_no_text(client: AutocallsClient) -> None:
    secret = FreeformMessage(recipient_phone=STRANGER, message="the code is 7431")
    lacking = reminder({"1": "Ana Secret"})

    plan = await plan_of(client, [secret, secret, lacking], price=Decimal(100))

    shown = repr(plan) + "".join(found.text for found in plan.findings)
    assert len(plan.findings) == 4
    assert not any(w in shown for w in ("0999", "7431", "Secret", "4155550"))
