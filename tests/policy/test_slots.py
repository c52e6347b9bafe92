"""The slots of one limit, by the ends and ages of the sends that hold them."""

import math

import pytest

from autocalls_async.policy.slots import SendState, Slots

ALL_AGES = {"early_age": math.inf, "silent_age": 10.0}


def _hangs(slots: Slots, now: float) -> None:
    slots.grow_older(now, early_age=math.inf, late_age=5.0, silent_age=10.0)


def test_nothing_is_unheard_while_nothing_is_out() -> None:
    slots = Slots(2)

    assert slots.unheard_seconds(100.0) == 0.0
    slots.take(100.0)
    assert slots.unheard_seconds(100.5) == 0.5
    assert slots.unheard_seconds(99.0) == 0.0


def test_a_send_that_ends_when_its_slot_does_holds_it_no_longer() -> None:
    slots = Slots(1)

    slots.settle(slots.take(0.0), SendState.ANSWERED, now=1.0, free_at=1.0)

    assert slots.has_room
    assert slots.free_at(**ALL_AGES) == math.inf


def test_sends_of_others_hold_no_more_slots_than_there_are() -> None:
    slots = Slots(1)

    slots.take_until(1.0)
    slots.take_until(5.0)

    assert slots.free_at(**ALL_AGES) == 5.0


@pytest.mark.parametrize(("now", "is_free"), [(1.9, False), (2.0, True), (2.1, True)])
def test_a_slot_is_free_from_its_instant_on(*, now: float, is_free: bool) -> None:
    slots = Slots(1)
    slots.settle(slots.take(0.0), SendState.ANSWERED, now=1.0, free_at=2.0)

    slots.let_go(now)

    assert slots.has_room is is_free


@pytest.mark.parametrize(("now", "is_young"), [(0.0, True), (0.9, True), (1.0, False)])
def test_a_send_is_young_until_its_age(*, now: float, is_young: bool) -> None:
    slots = Slots(2)
    assert slots.are_young(0.0, age=1.0)

    slots.take(0.0)

    assert slots.are_young(now, age=1.0) is is_young


def test_a_late_send_is_not_young() -> None:
    slots = Slots(2)
    slots.take(0.0)

    _hangs(slots, 5.0)

    assert slots.late_count == 1
    assert not slots.are_young(5.0, age=100.0)


@pytest.mark.parametrize(
    ("started", "state"),
    [
        pytest.param(0.5, SendState.HUNG, id="a later send was answered"),
        pytest.param(1.0, SendState.SILENT, id="only one of the same instant was"),
    ],
)
def test_a_silent_send_gives_its_slot_back_to_later_ones_alone(
    started: float, state: SendState
) -> None:
    slots = Slots(2)
    silent = slots.take(started)
    slots.settle(slots.take(1.0), SendState.ANSWERED, now=2.0, free_at=2.0)

    _hangs(slots, 30.0)
    _hangs(slots, 30.0)

    assert silent.state is state
    assert slots.held_count == (state is SendState.SILENT)
