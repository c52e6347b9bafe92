"""How many people a sender may begin to write to in 24 hours."""

import sys
from itertools import pairwise
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.campaign.rules.daily import (
    DAY_SECONDS,
    MARGIN_SECONDS,
    DailyPeople,
)

SENDER, OTHER = 12, 13
DAY = DAY_SECONDS + MARGIN_SECONDS


def send(people: DailyPeople, person: str, *, at: float, most: int = 2) -> bool:
    """Take a place and leave at once; tell whether there was one."""
    if not people.take(SENDER, person, most=most, now=at):
        return False
    people.leave(SENDER, person, at=at)
    return True


def test_so_many_people_get_a_message_in_a_day_and_the_next_when_one_is_a_day_old() -> (
    None
):
    people = DailyPeople()

    assert send(people, "ana", at=0.0)
    assert send(people, "ben", at=10.0)
    assert not send(people, "cem", at=20.0)
    assert people.frees_at(SENDER, most=2, now=20.0) == DAY
    assert not send(people, "cem", at=DAY - 0.001)
    assert send(people, "cem", at=DAY)
    assert not send(people, "dora", at=DAY)


def test_one_person_has_one_place_kept_for_a_day_from_their_last_message() -> None:
    people = DailyPeople()
    send(people, "ana", at=0.0)
    send(people, "ben", at=10.0)

    assert send(people, "ana", at=100.0)

    assert people.count(SENDER, now=100.0) == 2
    assert people.frees_at(SENDER, most=2, now=200.0) == 10.0 + DAY
    assert people.count(SENDER, now=DAY + 50.0) == 1


def test_each_sender_has_its_own_people() -> None:
    people = DailyPeople()
    send(people, "ana", at=0.0, most=1)

    assert not people.take(SENDER, "ben", most=1, now=1.0)
    assert people.take(OTHER, "ben", most=1, now=1.0)


def test_a_place_is_given_back_where_nothing_was_sent() -> None:
    people = DailyPeople()
    assert people.take(SENDER, "ana", most=1, now=0.0)
    assert not people.take(SENDER, "ben", most=1, now=1.0)
    assert people.frees_at(SENDER, most=1, now=1.0) is None  # it is under way

    people.give_back(SENDER, "ana")

    assert people.frees_at(SENDER, most=1, now=1.0) == 1.0
    assert people.take(SENDER, "ben", most=1, now=1.0)


def test_two_messages_under_way_to_one_person_share_a_place() -> None:
    people = DailyPeople()
    assert people.take(SENDER, "ana", most=1, now=0.0)
    assert people.take(SENDER, "ana", most=1, now=0.0)

    people.give_back(SENDER, "ana")

    assert not people.take(SENDER, "ben", most=1, now=1.0)
    people.leave(SENDER, "ana", at=2.0)
    assert people.count(SENDER, now=3.0) == 1
    assert people.frees_at(SENDER, most=1, now=3.0) == 2.0 + DAY


def test_what_a_journal_tells_counts_whatever_its_order() -> None:
    people = DailyPeople()
    told = (("ben", 50.0), ("zoe", 10.0), ("cem", 90.0), ("zoe", 5.0), ("ana", 70.0))
    for person, at in told:
        people.note(SENDER, person, at=at)

    assert people.count(SENDER, now=100.0) == 4
    frees_at = [people.frees_at(SENDER, most=m, now=100.0) for m in (4, 3, 2, 1)]
    assert frees_at == [at + DAY for at in (10.0, 50.0, 70.0, 90.0)]
    assert people.count(SENDER, now=DAY + 60.0) == 2


def _cost_of_telling(count: int) -> int:
    """Count the calls of what a journal tells of so many people, in its order."""
    people, calls = DailyPeople(), 0

    def count_call(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count_call)
    for number in range(count):
        people.note(SENDER, str(number), at=float(number))
    sys.setprofile(None)
    return calls


def test_what_a_journal_tells_in_order_costs_no_more_for_many() -> None:
    assert _cost_of_telling(100) <= 10 * _cost_of_telling(10)


def test_a_limit_of_none_lets_nobody_pass() -> None:
    people = DailyPeople()

    assert not people.take(SENDER, "ana", most=0, now=0.0)
    assert people.frees_at(SENDER, most=0, now=0.0) is None


@given(
    most=st.integers(1, 5),
    steps=st.lists(
        st.tuples(st.integers(0, 8), st.floats(0, 12 * 3600), st.booleans()),
        max_size=60,
    ),
)
def test_in_no_24_hours_do_more_people_get_a_message(
    most: int, steps: list[tuple[int, float, bool]]
) -> None:
    people, now, sent = DailyPeople(), 0.0, list[tuple[float, str]]()
    for number, pause, is_sent in steps:
        now += pause
        person = str(number)
        if not people.take(SENDER, person, most=most, now=now):
            frees_at = people.frees_at(SENDER, most=most, now=now)
            assert frees_at is not None
            assert frees_at >= now
            continue
        if is_sent:
            people.leave(SENDER, person, at=now)
            sent.append((now, person))
        else:
            people.give_back(SENDER, person)

    assert all(a <= b for (a, _), (b, _) in pairwise(sent))
    for began, _ in sent:
        within = {who for at, who in sent if began <= at <= began + DAY_SECONDS}
        assert len(within) <= most


@pytest.mark.parametrize("most", [1, 3])
def test_the_next_may_go_when_it_is_said(most: int) -> None:
    people = DailyPeople()
    for number in range(most):
        send(people, str(number), at=float(number), most=most)

    at = people.frees_at(SENDER, most=most, now=10.0)

    assert at is not None
    assert not people.take(SENDER, "new", most=most, now=at - 0.001)
    assert people.take(SENDER, "new", most=most, now=at)
