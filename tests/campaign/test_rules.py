"""The rules of a campaign at work: whom, when, how many, how much."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import evolve

from autocalls_async import (
    Accepted,
    AutocallsClient,
    ExcludedError,
    FreeformMessage,
    Message,
    Outcome,
    PermissionDeniedError,
    RunStoppedError,
    SendingHours,
    TemplateFallback,
    TemplateMessage,
    Unsent,
    UnsentError,
)
from autocalls_async.campaign.run import Run
from autocalls_async.clock import utc_now
from autocalls_async.emulator import (
    Emulator,
    Endpoint,
    HangUpAfter,
    refuse_with_code,
)
from autocalls_async.emulator import Sender as Line
from autocalls_async.journal import SqliteJournal, State
from autocalls_async.testing import VirtualTimeLoop
from tests.people import ANA, SENDER, STRANGER, hello, hellos, open_windows, people

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday
OFFICE = SendingHours("09:00-20:00", days="mon-fri", tz="UTC")
TEMPLATE = 46
_BAD_PHONE = refuse_with_code(422, "INVALID_PHONE")


def set_clock(at: datetime) -> None:
    """Let the wall clock of this test's loop tell this time now."""
    loop = cast("VirtualTimeLoop", asyncio.get_running_loop())
    loop.begins_at = at - timedelta(seconds=loop.time())


def templates(recipients: Iterable[str]) -> list[TemplateMessage]:
    """Write a template to each."""
    return [
        TemplateMessage(recipient_phone=phone, template_id=TEMPLATE)
        for phone in recipients
    ]


def client_of(emulator: Emulator) -> AutocallsClient:
    """Make a client."""
    return AutocallsClient("key", base_url=emulator.base_url, sender_id=SENDER)


async def collect(run: Run) -> list[Outcome]:
    """Take every outcome."""
    return [outcome async for outcome in run]


async def take(run: Run, into: list[Outcome]) -> None:
    """Take every outcome, also where the run ends by raising."""
    async for outcome in run:
        into.append(outcome)  # noqa: PERF401  # a comprehension would lose them


def times(emulator: Emulator) -> list[datetime]:
    """Return when the service accepted messages, by the loop's wall clock."""
    loop = cast("VirtualTimeLoop", asyncio.get_running_loop())
    return [loop.begins_at + timedelta(seconds=one.at) for one in emulator.accepted]


def recipients(emulator: Emulator) -> list[str]:
    """Return whom the service accepted messages for."""
    return [one.recipient_phone for one in emulator.accepted]


# Exclusions


async def test_who_is_excluded_gets_nothing_and_an_error_that_says_so(
    client: AutocallsClient, emulator: Emulator
) -> None:
    found = people(4)
    open_windows(emulator, found)

    run = client.send_many(hellos(found), exclude={found[1], found[3]})
    outcomes = await collect(run)

    errors = {o.index: o.error for o in outcomes if isinstance(o, Unsent)}
    assert {index: type(error) for index, error in errors.items()} == {
        1: ExcludedError,
        3: ExcludedError,
    }
    assert recipients(emulator) == [found[0], found[2]]
    assert (run.progress.accepted, run.progress.excluded) == (2, 2)


async def test_who_is_excluded_while_a_message_waits_for_its_turn_gets_nothing(
    client: AutocallsClient, emulator: Emulator
) -> None:
    found = people(10)
    open_windows(emulator, found)
    excluded: set[str] = set()
    outcomes = list[Outcome]()

    async for outcome in client.send_many(hellos(found), exclude=excluded):
        outcomes.append(outcome)
        excluded.add(found[-1])  # taken in long ago

    assert [type(o) for o in outcomes].count(Unsent) == 1
    assert found[-1] not in recipients(emulator)
    assert len(recipients(emulator)) == 9


async def test_a_function_that_raises_leaves_its_message_unsent_and_the_rest_go(
    client: AutocallsClient, emulator: Emulator
) -> None:
    found = people(3)
    open_windows(emulator, found)

    def exclude(phone: str) -> bool:
        if phone == found[1]:
            raise ConnectionError
        return False

    outcomes = await collect(client.send_many(hellos(found), exclude=exclude))

    assert [type(o) for o in sorted(outcomes, key=lambda o: o.index or 0)] == [
        Accepted,
        Unsent,
        Accepted,
    ]


async def test_a_list_in_doubt_lets_nothing_leave_until_it_is_sure(
    client: AutocallsClient, emulator: Emulator
) -> None:
    class Doubtful(set[str]):
        doubt: str | None = None

    found = people(20)
    open_windows(emulator, found)
    listed = Doubtful()
    loop = asyncio.get_running_loop()

    def doubt() -> None:
        listed.doubt = "stop.csv is gone"

    def trust() -> None:
        listed.add(found[-1])
        listed.doubt = None

    loop.call_later(1.0, doubt)
    loop.call_later(100.0, trust)
    run = client.send_many(hellos(found), exclude=listed)
    seen = list[str | None]()
    loop.call_later(50.0, lambda: seen.append(run.progress.doubt))
    outcomes = await collect(run)

    gone = [one.at for one in emulator.accepted]
    assert not [at for at in gone if 1.2 < at < 100]
    assert len(gone) == 19
    assert len(outcomes) == 20
    assert seen == ["stop.csv is gone"]


async def test_a_single_send_can_be_barred_as_well(
    client: AutocallsClient, emulator: Emulator
) -> None:
    excluded = {STRANGER}
    with pytest.raises(ExcludedError):
        await client.send_freeform(STRANGER, "hello", exclude=excluded)
    with pytest.raises(ExcludedError):
        await client.send_template(STRANGER, template_id=TEMPLATE, exclude=excluded)
    await client.send(hello(ANA), exclude=excluded)

    waiting = [asyncio.create_task(client.send(hello(ANA))) for _ in range(6)]
    last = asyncio.create_task(client.send(hello(ANA), exclude=excluded))
    await asyncio.sleep(0.1)
    excluded.add(ANA)
    await asyncio.gather(*waiting)
    with pytest.raises(ExcludedError):
        await last

    assert len(emulator.accepted) == 7


async def test_a_single_send_does_not_go_while_the_list_is_in_doubt(
    client: AutocallsClient, emulator: Emulator
) -> None:
    class Doubtful(set[str]):
        doubt = "it cannot be read"

    with pytest.raises(UnsentError, match=r"nobody can tell .*: it cannot be read"):
        await client.send(hello(ANA), exclude=Doubtful())

    assert not emulator.accepted


# Hours


async def test_a_run_waits_until_its_hours_begin_and_goes_on_by_itself(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(datetime(2026, 11, 27, 19, 59, 58, tzinfo=UTC))  # Friday evening
    found = people(30)
    run = client.send_many(templates(found), hours=OFFICE)
    waits = list[tuple[int, datetime | None]]()
    asyncio.get_running_loop().call_later(
        3600.0, lambda: waits.append((run.progress.aside, run.progress.waits_until))
    )

    outcomes = await collect(run)

    assert {type(o) for o in outcomes} == {Accepted}
    assert sorted(o.index or 0 for o in outcomes) == list(range(30))
    left = times(emulator)
    on_friday = [at for at in left if at < NOON + timedelta(days=2)]
    monday = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert 5 <= len(on_friday) <= 11
    assert all(OFFICE.is_open(at) for at in left)
    assert min(at for at in left if at not in on_friday) >= monday
    assert max(left) < monday + timedelta(seconds=20)
    assert waits == [(30 - len(on_friday), monday)]


async def test_rows_of_closed_zones_hold_up_nobody_else(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    zones = ("Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles")
    found = people(60)
    messages = [
        TemplateMessage(
            recipient_phone=phone,
            template_id=TEMPLATE,
            variables={"1": "you"},
            time_zone=zones[index % 3],
        )
        for index, phone in enumerate(found)
    ]

    outcomes = await collect(client.send_many(iter(messages), hours=OFFICE))

    assert len(outcomes) == 60
    by_phone = dict(zip(recipients(emulator), times(emulator), strict=True))
    for message in messages:
        there = OFFICE.at_home(message.time_zone)
        assert there.is_open(by_phone[message.recipient_phone])
    in_berlin = [by_phone[m.recipient_phone] for m in messages[1::3]]
    assert max(in_berlin) < NOON + timedelta(seconds=6)
    # Each comes back as it was given.
    assert {o.message for o in outcomes} == set(messages)
    assert all(messages[o.index or 0] == o.message for o in outcomes)


async def test_nothing_is_read_before_a_run_begins(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    read = list[datetime]()

    def source() -> Iterator[Message]:
        for message in templates(people(3)):
            read.append(utc_now())
            yield message

    start_at = NOON + timedelta(hours=2)
    run = client.send_many(source(), start_at=start_at)
    waits = list[datetime | None]()
    asyncio.get_running_loop().call_later(
        60.0, lambda: waits.append(run.progress.waits_until)
    )
    await collect(run)

    assert min(read) >= start_at
    assert min(times(emulator)) >= start_at
    assert waits == [start_at]


async def test_a_stop_gives_each_message_that_waits_its_outcome(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON - timedelta(hours=10))
    run = client.send_many(templates(people(200)), hours=OFFICE)
    asyncio.get_running_loop().call_later(60.0, run.stop)
    outcomes = list[Outcome]()

    with pytest.raises(RunStoppedError, match="it was asked to stop"):
        await take(run, outcomes)

    assert not emulator.accepted
    assert sorted(o.index or 0 for o in outcomes) == list(range(200))
    assert {type(o) for o in outcomes} == {Unsent}
    assert (run.progress.aside, run.progress.taken) == (0, 200)


async def test_a_closed_client_ends_those_that_wait(emulator: Emulator) -> None:
    set_clock(NOON - timedelta(hours=10))
    outcomes = list[Outcome]()
    async with client_of(emulator) as client:
        run = client.send_many(templates(people(5)), hours=OFFICE)
        asyncio.get_running_loop().call_later(
            60.0, lambda: asyncio.ensure_future(client.aclose())
        )
        with pytest.raises(RunStoppedError, match="the client was closed"):
            await take(run, outcomes)

    assert [type(o) for o in outcomes] == [Unsent] * 5


async def test_a_run_that_waits_can_be_left(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON - timedelta(hours=10))
    run = client.send_many(templates(people(5)), hours=OFFICE)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await collect(run)

    assert not emulator.accepted


# People a day


async def test_no_more_new_people_get_a_message_in_any_24_hours(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    found = people(25)

    outcomes = await collect(client.send_many(templates(found), per_day=10))

    assert {type(o) for o in outcomes} == {Accepted}
    left = times(emulator)
    assert len(left) == 25
    for began in left:
        day = [at for at in left if began <= at <= began + timedelta(days=1)]
        assert len(day) <= 10
    assert max(left) < NOON + timedelta(days=2, minutes=5)


async def test_open_windows_and_people_of_today_count_for_nothing(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    found = people(12)
    open_windows(emulator, found)
    for phone in found[:6]:
        client.windows.note_inbound(phone)
    messages: list[Message] = [
        *hellos(found),
        *templates(found[:6]),
        *templates([STRANGER] * 3),
    ]

    outcomes = await collect(client.send_many(messages, per_day=1))

    assert {type(o) for o in outcomes} == {Accepted}
    assert max(times(emulator)) < NOON + timedelta(minutes=1)


async def test_a_fallback_counts_and_waits_for_its_place(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    fallback = TemplateFallback(template_id=TEMPLATE, variables={"1": "you"})
    messages = [
        FreeformMessage(recipient_phone=phone, message="hello", fallback=fallback)
        for phone in people(4)
    ]

    outcomes = await collect(client.send_many(messages, per_day=2))

    assert all(isinstance(o, Accepted) and o.sent.fell_back for o in outcomes)
    left = sorted(times(emulator))
    assert left[1] < NOON + timedelta(minutes=1)
    assert left[2] > NOON + timedelta(days=1)


async def test_a_place_is_given_back_by_what_was_refused(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    emulator.fail_next(2, _BAD_PHONE, endpoint=Endpoint.SEND_TEMPLATE)

    outcomes = await collect(client.send_many(templates(people(5)), per_day=3))

    assert [type(o).__name__ for o in outcomes].count("Accepted") == 3
    assert max(times(emulator)) < NOON + timedelta(minutes=1)


async def test_the_services_own_limit_is_asked_for(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    emulator.add_sender(
        Line(id=SENDER, phone_number="+1", display_name="A", messaging_limit=3)
    )

    outcomes = await collect(client.send_many(templates(people(5)), per_day="auto"))

    assert {type(o) for o in outcomes} == {Accepted}
    left = sorted(times(emulator))
    assert left[2] < NOON + timedelta(minutes=1)
    assert left[3] > NOON + timedelta(days=1)


async def test_a_limit_that_grows_meanwhile_is_learnt(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    line = Line(id=SENDER, phone_number="+1", display_name="A", messaging_limit=3)
    emulator.add_sender(line)
    asyncio.get_running_loop().call_later(
        7200.0, lambda: emulator.add_sender(evolve(line, messaging_limit=100))
    )

    await collect(client.send_many(templates(people(5)), per_day="auto"))

    left = sorted(times(emulator))
    assert NOON + timedelta(hours=2) < left[3] < NOON + timedelta(hours=4)


async def test_a_sender_without_a_limit_has_none(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    emulator.add_sender(Line(id=SENDER, phone_number="+1", display_name="A"))

    await collect(client.send_many(templates(people(5)), per_day="auto"))

    assert max(times(emulator)) < NOON + timedelta(minutes=1)


async def test_a_limit_that_cannot_be_asked_for_ends_the_run_before_it_sends(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, refuse_with_code(403, "FORBIDDEN"), endpoint=Endpoint.SENDERS)

    with pytest.raises(PermissionDeniedError):
        await collect(client.send_many(templates(people(5)), per_day="auto"))

    assert not emulator.accepted


async def test_a_journal_remembers_whom_the_sender_wrote_to(
    emulator: Emulator, tmp_path: Path
) -> None:
    set_clock(NOON)
    path, found = tmp_path / "run.db", people(7)
    async with client_of(emulator) as client:
        run = client.send_many(templates(found), journal=path, per_day=3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await collect(run)
    assert len(emulator.accepted) == 3

    async with client_of(emulator) as client:
        run = client.send_many(templates(found), journal=path, per_day=3)
        await collect(run)

    left = sorted(times(emulator))
    assert len(left) == 7
    assert left[3] > left[0] + timedelta(days=1)
    assert left[6] > left[3] + timedelta(days=1)


# Spending


async def test_a_run_stops_when_so_many_have_left(
    client: AutocallsClient, emulator: Emulator
) -> None:
    run = client.send_many(templates(people(100)), at_most=30)
    outcomes = list[Outcome]()

    with pytest.raises(RunStoppedError, match="at most 30 may leave, and 30 have"):
        await take(run, outcomes)

    assert len(emulator.accepted) == 30
    kinds = [type(o) for o in outcomes]
    assert kinds.count(Accepted) == 30
    assert kinds.count(Unsent) == run.progress.taken - 30


async def test_what_is_exactly_affordable_ends_as_any_other_run(
    client: AutocallsClient, emulator: Emulator
) -> None:
    run = client.send_many(
        templates(people(25)), budget=Decimal(1), price=Decimal("0.04")
    )

    assert {type(o) for o in await collect(run)} == {Accepted}
    assert len(emulator.accepted) == 25


async def test_what_was_refused_costs_nothing_and_what_is_unknown_does(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(3, _BAD_PHONE, endpoint=Endpoint.SEND_TEMPLATE)
    emulator.fail_next(2, HangUpAfter(), endpoint=Endpoint.SEND_TEMPLATE)
    run = client.send_many(templates(people(40)), at_most=10)

    with pytest.raises(RunStoppedError, match="at most 10 may leave, and 10 have"):
        await collect(run)

    progress = run.progress
    assert (progress.accepted, progress.unknown, progress.rejected) == (8, 2, 3)


async def test_a_budget_is_one_for_all_runs_of_a_journal(
    emulator: Emulator, tmp_path: Path
) -> None:
    path, found = tmp_path / "run.db", people(20)
    for at_most in (8, 8, 12):
        async with client_of(emulator) as client:
            run = client.send_many(templates(found), journal=path, at_most=at_most)
            with pytest.raises(RunStoppedError, match="may leave"):
                await collect(run)
    assert len(emulator.accepted) == 12

    async with client_of(emulator) as client:
        run = client.send_many(templates(found), journal=path, at_most=20)
        await collect(run)

    assert len(set(recipients(emulator))) == len(emulator.accepted) == 20
    async with SqliteJournal(path) as journal:
        assert (await journal.counts())[State.ACCEPTED] == 20


# All of them


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"exclude": ANA}, "exclude must be a container of numbers"),
        ({"hours": "09:00-20:00"}, "hours must be SendingHours.*got '09:00-20:00'"),
        ({"start_at": datetime(2026, 1, 1)}, "start_at must be an aware datetime"),  # noqa: DTZ001
        ({"per_day": 0}, "per_day must be a whole number above 0, or 'auto'; got 0"),
        ({"per_day": "all"}, "per_day must be .*; got 'all'"),
        ({"at_most": 0}, "at_most must be a whole number above 0; got 0"),
        ({"budget": Decimal(5)}, "budget needs price"),
    ],
    ids=str,
)
async def test_what_is_no_rule_is_refused_at_the_call(
    client: AutocallsClient, rules: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        client.send_many([], **rules)


async def test_rules_leave_a_run_without_trouble_as_it_was(
    client: AutocallsClient, emulator: Emulator
) -> None:
    set_clock(NOON)
    found = people(40)
    open_windows(emulator, found)
    whole_day: Callable[[str], bool] = lambda _: False  # noqa: E731

    run = client.send_many(
        hellos(found),
        exclude=whole_day,
        hours=OFFICE,
        per_day=100,
        at_most=100,
    )
    outcomes = await collect(run)

    assert [o.index for o in outcomes] == list(range(40))
    assert max(times(emulator)) < NOON + timedelta(seconds=9)
    assert (run.progress.aside, run.progress.waits_until) == (0, None)
