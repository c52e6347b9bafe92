"""Whether a message may leave at an instant, and what it waits for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async import ExcludedError, SendingHours, TemplateMessage, UnsentError
from autocalls_async.campaign.rules.daily import DailyPeople
from autocalls_async.campaign.rules.exclusions import Bar, Exclusions
from autocalls_async.campaign.rules.held import HeldError, NextPerson, Opening, Wait
from autocalls_async.campaign.rules.rulebook import (
    Rulebook,
    check_per_day,
    check_start,
)
from autocalls_async.campaign.rules.spending import Allowance
from tests.people import ANA, SENDER, STRANGER

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
NIGHT = NOON + timedelta(hours=10)
OFFICE = SendingHours("09:00-20:00", tz="UTC")
OTHER = 13


def template(phone: str = ANA, time_zone: str | None = None) -> TemplateMessage:
    return TemplateMessage(recipient_phone=phone, template_id=45, time_zone=time_zone)


def ask(
    rules: Rulebook,
    number: int = 0,
    message: TemplateMessage | None = None,
    *,
    sender_id: int = SENDER,
    is_outside: bool = True,
    now: datetime = NOON,
) -> UnsentError | None:
    return rules.admit(
        number, message or template(), sender_id, is_outside=is_outside, now=now
    )


def why(error: UnsentError | None, phone: str = ANA) -> object:
    assert isinstance(error, HeldError)
    assert error.recipient_phone == phone
    return error.why


def limited(most: int) -> Rulebook:
    rules = Rulebook(per_day=most)
    assert not rules.knows(SENDER)
    rules.set_limit(SENDER, most)
    assert rules.knows(SENDER)
    return rules


def test_without_a_rule_all_may_leave() -> None:
    rules = Rulebook()

    assert rules.knows(SENDER)
    assert ask(rules) is None
    assert rules.look(0, template(), is_outside=True, now=NOON) is None
    rules.ended(0, left_at=NOON)
    assert not rules.is_used_up
    assert rules.doubt is None
    assert rules.due_at(Wait.PLACE, NOON) == NOON
    assert rules.due_at(NextPerson(SENDER), NOON) == NOON


def test_a_message_waits_for_its_hours() -> None:
    rules = Rulebook(hours=OFFICE)
    morning = NOON.replace(day=27, hour=9)

    opening = why(ask(rules, now=NIGHT))
    again = why(ask(rules, now=NIGHT + timedelta(hours=1)))
    assert opening == again == Opening(morning)
    assert isinstance(opening, Opening)
    assert isinstance(again, Opening)
    assert again.at is opening.at  # it is looked for once, not for each row
    assert rules.due_at(Opening(morning), NIGHT) == morning
    assert ask(rules, now=morning) is None


def test_a_clock_that_is_set_back_within_the_hours_holds_nobody() -> None:
    rules = Rulebook(hours=OFFICE)

    assert ask(rules) is None
    assert ask(rules, 1, now=NOON - timedelta(hours=1)) is None


def test_each_zone_has_its_own_opening() -> None:
    rules = Rulebook(hours=OFFICE)
    in_tokyo = template(time_zone="Asia/Tokyo")

    assert ask(rules) is None
    opens_at = datetime(2026, 11, 27, tzinfo=UTC)
    assert why(ask(rules, 1, in_tokyo)) == Opening(opens_at)
    assert ask(rules, 1, in_tokyo, now=opens_at) is None
    assert why(ask(rules, 2, now=NIGHT)) == Opening(NOON.replace(day=27, hour=9))
    assert why(ask(rules, 3, in_tokyo, now=NIGHT)) == Opening(opens_at)


def test_a_begin_moves_the_opening() -> None:
    start_at = NOON.replace(day=28, hour=23)
    rules = Rulebook(hours=OFFICE, start_at=start_at)

    assert why(ask(rules)) == Opening(NOON.replace(day=29, hour=9))
    assert why(ask(Rulebook(start_at=start_at))) == Opening(start_at)


def test_hours_that_close_before_it_leaves_hold_a_message_back() -> None:
    rules = Rulebook(hours=OFFICE)
    assert ask(rules, now=NOON.replace(hour=19, minute=59)) is None

    error = rules.look(0, template(), is_outside=True, now=NOON.replace(hour=20))

    assert why(error) == Opening(NOON.replace(day=27, hour=9))


def test_an_exclusion_is_seen_at_both_looks() -> None:
    listed = {STRANGER}
    rules = Rulebook(exclude=Exclusions(listed))

    assert type(ask(rules, 0, template(STRANGER))) is ExcludedError
    assert ask(rules, 1) is None
    listed.add(ANA)
    error = rules.look(1, template(), is_outside=False, now=NOON)
    assert type(error) is ExcludedError


class Doubtful(set[str]):
    """A list that may be in doubt."""

    doubt: str | None = "it is gone"


def test_a_list_in_doubt_holds_everybody() -> None:
    listed = Doubtful({ANA})
    rules = Rulebook(exclude=Exclusions(listed))

    assert why(ask(rules)) is Wait.DOUBT
    assert rules.doubt == "it is gone"
    assert rules.due_at(Wait.DOUBT, NOON) is None
    listed.doubt = None
    assert rules.due_at(Wait.DOUBT, NOON) == NOON
    assert type(ask(rules)) is ExcludedError


def test_a_bar_is_for_one_message() -> None:
    listed = Doubtful({ANA})
    bar = Bar(listed, ANA)

    error = bar.look(is_outside=False)
    assert type(error) is UnsentError
    assert error.recipient_phone == ANA
    assert "nobody can tell whether they are excluded: it is gone" in str(error)
    listed.doubt = None
    assert type(bar.look(is_outside=False)) is ExcludedError
    assert Bar(listed, STRANGER).look(is_outside=False) is None


def test_new_people_wait_for_a_place_of_their_sender() -> None:
    rules = limited(1)
    rules.set_limit(OTHER, None)

    assert ask(rules, 0) is None
    assert why(ask(rules, 1, template(STRANGER)), STRANGER) == NextPerson(SENDER)
    assert rules.due_at(NextPerson(SENDER), NOON) is None
    assert ask(rules, 2, template(STRANGER), is_outside=False) is None
    assert ask(rules, 3, template(STRANGER), sender_id=OTHER) is None
    rules.ended(0, left_at=NOON)
    due_at = rules.due_at(NextPerson(SENDER), NOON)
    assert due_at is not None
    assert timedelta() < due_at - NOON - timedelta(days=1) <= timedelta(minutes=2)
    assert rules.due_at(NextPerson(SENDER), due_at) == due_at
    assert ask(rules, 4, template(STRANGER), now=due_at) is None


@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_who_asks_when_it_is_said_has_a_place(left: int, asked: int) -> None:
    rules = limited(1)
    assert ask(rules) is None
    rules.ended(0, left_at=NOON.replace(microsecond=left))

    due_at = rules.due_at(NextPerson(SENDER), NIGHT.replace(microsecond=asked))

    assert due_at is not None
    assert ask(rules, 1, template(STRANGER), now=due_at) is None


@pytest.mark.parametrize("part", [0.0, 2.4e-7, 4.8e-7, 7.2e-7])
def test_who_asks_two_microseconds_sooner_than_it_is_said_has_no_place(
    part: float,
) -> None:
    rules = limited(1)
    rules.people.note(SENDER, "somebody", at=NOON.timestamp() + part)

    due_at = rules.due_at(NextPerson(SENDER), NIGHT)

    assert due_at is not None
    too_soon = due_at - timedelta(microseconds=2)
    assert why(ask(rules, now=too_soon)) == NextPerson(SENDER)
    assert ask(rules, 1, now=due_at) is None


def test_a_place_is_free_again_after_a_day_though_nobody_asked_when() -> None:
    rules = limited(1)
    assert ask(rules) is None
    rules.ended(0, left_at=NOON)

    assert ask(rules, 1, template(STRANGER), now=NOON + timedelta(days=2)) is None


def test_who_turns_out_to_be_new_takes_a_place_at_the_last_look() -> None:
    rules = limited(1)
    assert ask(rules, 0, is_outside=False) is None
    assert ask(rules, 1, template(STRANGER), is_outside=False) is None

    assert rules.look(0, template(), is_outside=True, now=NOON) is None
    error = rules.look(1, template(STRANGER), is_outside=True, now=NOON)
    assert why(error, STRANGER) == NextPerson(SENDER)
    rules.ended(0, left_at=None)
    assert rules.look(1, template(STRANGER), is_outside=True, now=NOON) is None


def test_a_place_is_given_back_where_the_person_has_none() -> None:
    rules = Rulebook(per_day=1, allowance=Allowance(2), people=DailyPeople())
    rules.set_limit(SENDER, 1)

    assert ask(rules, 0) is None
    assert why(ask(rules, 1, template(STRANGER)), STRANGER) == NextPerson(SENDER)
    assert rules.allowance is not None
    assert rules.allowance.spent == 1


def test_what_has_left_uses_the_allowance_up() -> None:
    rules = Rulebook(allowance=Allowance(2))

    assert ask(rules, 0) is None
    assert ask(rules, 1) is None
    assert why(ask(rules, 2)) is Wait.PLACE
    assert not rules.is_used_up
    rules.ended(0, left_at=NOON)
    assert rules.due_at(Wait.PLACE, NOON) is None
    rules.ended(1, left_at=None)
    assert rules.due_at(Wait.PLACE, NOON) == NOON
    assert ask(rules, 2) is None
    rules.ended(2, left_at=NOON)
    assert rules.is_used_up


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (0, "0"),
        (-1, "-1"),
        (True, "True"),
        ("all", "'all'"),
        (1.5, "a value of type float"),
        (None, "a value of type NoneType"),
    ],
)
def test_what_is_no_number_of_people_is_refused(wrong: object, shown: str) -> None:
    rule = f"^per_day must be a whole number above 0, or 'auto'; got {shown}$"
    with pytest.raises(ValueError, match=rule):
        check_per_day(wrong)


def test_what_is_no_begin_is_refused() -> None:
    check_start(NOON)
    with pytest.raises(ValueError, match=r"got 2026-11-26T12:00:00$") as refused:
        check_start(NOON.replace(tzinfo=None))
    rule = "start_at must be an aware datetime, such as datetime.now(UTC); "
    assert str(refused.value).startswith(rule)
    with pytest.raises(ValueError, match="got a value of type str"):
        check_start("09:00")
