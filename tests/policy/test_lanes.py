"""Who is next, against a model that sorts and searches."""

from collections.abc import Iterable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from autocalls_async.policy.lanes import BULK_SHARE, Lane, Lanes, Place, Share
from tests.needs import examples

BULK, INTERACTIVE = Lane.BULK, Lane.INTERACTIVE


def pop_all(lanes: Lanes[str], lane: Lane) -> list[str]:
    """Take out everything, each ending before the next is taken."""
    taken = []
    while place := lanes.pop(lane):
        taken.append(place.item)
        lanes.done(place)
    return taken


def fill(lanes: Lanes[str], items: Iterable[tuple[str, Lane, str, str]]) -> None:
    """Put items in: name, lane, recipient, flow."""
    for name, lane, recipient, flow in items:
        lanes.push(name, lane=lane, recipient=recipient, flow=flow)


def test_a_lane_is_first_come_first_served() -> None:
    lanes: Lanes[str] = Lanes()
    fill(lanes, [(f"m{n}", BULK, f"r{n}", "run") for n in range(100)])

    assert pop_all(lanes, BULK) == [f"m{n}" for n in range(100)]
    assert lanes.pop(BULK) is None
    assert len(lanes) == 0


def test_a_recipients_next_waits_for_the_one_under_way_and_others_pass() -> None:
    lanes: Lanes[str] = Lanes()
    fill(lanes, [("a1", BULK, "a", ""), ("a2", BULK, "a", ""), ("b1", BULK, "b", "")])

    first = lanes.pop(BULK)
    second = lanes.pop(BULK)
    third = lanes.pop(BULK)
    assert first is not None
    lanes.done(first)
    fourth = lanes.pop(BULK)

    assert first.item == "a1"
    assert second is not None
    assert second.item == "b1"
    assert third is None
    assert fourth is not None
    assert fourth.item == "a2"


def test_a_reply_takes_earlier_bulk_to_the_same_recipient_along() -> None:
    lanes: Lanes[str] = Lanes()
    fill(lanes, [(f"m{n}", BULK, f"r{n}", "run") for n in range(50)])
    fill(lanes, [("reply", INTERACTIVE, "r40", "")])

    assert pop_all(lanes, INTERACTIVE) == ["m40", "reply"]
    assert pop_all(lanes, BULK) == [f"m{n}" for n in range(50) if n != 40]


def test_a_withdrawn_reply_lets_its_bulk_predecessor_back_in_line() -> None:
    lanes: Lanes[str] = Lanes()
    fill(lanes, [("b1", BULK, "b", ""), ("a1", BULK, "a", "")])
    reply = lanes.push("reply", lane=INTERACTIVE, recipient="a")

    assert lanes.remove(reply)
    taken = pop_all(lanes, INTERACTIVE) + pop_all(lanes, BULK)

    assert sorted(taken) == ["a1", "b1"]


def test_flows_are_served_in_turn_whatever_their_length() -> None:
    lanes: Lanes[str] = Lanes()
    fill(lanes, [(f"long{n}", BULK, f"l{n}", "long") for n in range(100)])
    fill(lanes, [(f"short{n}", BULK, f"s{n}", "short") for n in range(3)])

    first_six = pop_all(lanes, BULK)[:6]

    assert sorted(first_six) == [
        "long0",
        "long1",
        "long2",
        "short0",
        "short1",
        "short2",
    ]


def test_bulk_has_its_share_of_a_steady_stream() -> None:
    share = Share()

    chosen = []
    for _ in range(100):
        lane = share.choose(interactive=True, bulk=True)
        assert lane is not None
        share.note_left(lane, bulk_waits=True)
        chosen.append(lane)

    assert chosen.count(BULK) == 100 // BULK_SHARE
    assert chosen[0] is INTERACTIVE
    assert share.choose(interactive=False, bulk=False) is None
    assert share.choose(interactive=False, bulk=True) is BULK
    assert share.choose(interactive=True, bulk=False) is INTERACTIVE


def test_one_reply_waits_behind_no_bulk_after_a_quiet_time() -> None:
    share = Share()
    for _ in range(50):
        share.note_left(INTERACTIVE, bulk_waits=False)

    assert share.choose(interactive=True, bulk=True) is INTERACTIVE


def test_a_bulk_message_that_is_due_but_not_ready_keeps_its_right() -> None:
    share = Share()
    for _ in range(BULK_SHARE):
        share.note_left(INTERACTIVE, bulk_waits=True)

    meanwhile = share.choose(interactive=True, bulk=False)

    assert meanwhile is INTERACTIVE
    assert share.choose(interactive=True, bulk=True) is BULK


def test_what_was_removed_is_gone_and_cannot_be_removed_twice() -> None:
    lanes: Lanes[str] = Lanes()
    places = [lanes.push(f"m{n}", lane=BULK, recipient=n % 3) for n in range(30)]

    assert all(lanes.remove(place) for place in places[::2])
    assert not any(lanes.remove(place) for place in places[::2])

    taken = pop_all(lanes, BULK)
    assert sorted(taken) == sorted(f"m{n}" for n in range(1, 30, 2))


@pytest.mark.parametrize("count", [100, 10_000])
def test_what_was_cancelled_does_not_pile_up(count: int) -> None:
    lanes: Lanes[str] = Lanes()
    for number in range(count):
        place = lanes.push("m", lane=BULK, recipient=number)
        lanes.remove(place)

    flow = lanes._waiting[BULK]._flows[None]  # noqa: SLF001  # there is no other way to see it

    assert len(flow._heap) <= 64  # noqa: SLF001  # there is no other way to see it


def test_who_waits_already_is_not_lined_up_again() -> None:
    lanes: Lanes[int] = Lanes()
    for number in range(40):
        lanes.push(number, lane=BULK, recipient="a")

    flow = lanes._waiting[BULK]._flows[None]  # noqa: SLF001  # there is no other way to see it

    assert len(flow._heap) == 1  # noqa: SLF001  # there is no other way to see it


def test_those_who_wait_are_not_sorted_anew_with_each_that_comes() -> None:
    lanes: Lanes[int] = Lanes()
    for number in range(100):
        lanes.push(number, lane=BULK, recipient=number)

    flow = lanes._waiting[BULK]._flows[None]  # noqa: SLF001  # there is no other way to see it

    assert flow._clean_at == 2 * 64  # noqa: SLF001  # there is no other way to see it


class LanesAgainstAModel(RuleBasedStateMachine):
    """Any order of coming, taking, ending and leaving."""

    waiting: Bundle[Place[int]] = Bundle("waiting")
    under_way: Bundle[Place[int]] = Bundle("under_way")

    @initialize()
    def start(self) -> None:
        """Begin with nothing."""
        self.lanes: Lanes[int] = Lanes()
        self.queued: list[Place[int]] = []
        self.busy: set[object] = set()
        self.count = 0

    @rule(
        target=waiting,
        lane=st.sampled_from(Lane),
        recipient=st.integers(0, 3),
        flow=st.integers(0, 1),
    )
    def push(self, lane: Lane, recipient: int, flow: int) -> Place[int]:
        """Put one in."""
        self.count += 1
        place = self.lanes.push(self.count, lane=lane, recipient=recipient, flow=flow)
        self.queued.append(place)
        return place

    def _free_heads(self) -> dict[object, tuple[Place[int], Lane]]:
        """Return each free recipient's first, and the lane that it waits in."""
        heads: dict[object, tuple[Place[int], Lane]] = {}
        for place in self.queued:
            if place.recipient in self.busy:
                continue
            head, lane = heads.get(place.recipient, (place, BULK))
            lane = INTERACTIVE if place.lane is INTERACTIVE else lane
            heads[place.recipient] = head, lane
        return heads

    @rule(target=under_way, lane=st.sampled_from(Lane))
    def pop(self, lane: Lane) -> Place[int] | MultipleResults[Place[int]]:
        """Take the next one, who must be the first of a free recipient."""
        possible = [head for head, at in self._free_heads().values() if at is lane]

        place = self.lanes.pop(lane)

        if place is None:
            assert possible == []
            return multiple()
        assert place in possible
        same_flow = [head.order for head in possible if head.flow == place.flow]
        assert place.order == min(same_flow)
        self.queued.remove(place)
        self.busy.add(place.recipient)
        return place

    @rule(
        target=under_way,
        lane=st.sampled_from(Lane),
        recipient=st.integers(0, 3),
        flow=st.integers(0, 1),
    )
    def take_at_once(
        self, lane: Lane, recipient: int, flow: int
    ) -> Place[int] | MultipleResults[Place[int]]:
        """Take one that waits for nobody; else it has no place yet."""
        self.count += 1

        place = self.lanes.take_at_once(
            self.count, lane=lane, recipient=recipient, flow=flow
        )

        assert (place is None) is (bool(self.queued) or recipient in self.busy)
        if place is None:
            return multiple()
        self.busy.add(recipient)
        return place

    @rule(place=consumes(under_way))
    def done(self, place: Place[int]) -> None:
        """End one that was taken."""
        self.lanes.done(place)
        self.busy.discard(place.recipient)

    @rule(place=waiting)
    def remove(self, place: Place[int]) -> None:
        """Withdraw one, wherever it is by now."""
        was_queued = place in self.queued

        assert self.lanes.remove(place) is was_queued

        if was_queued:
            self.queued.remove(place)

    @invariant()
    def counts_agree(self) -> None:
        """Compare what can be asked."""
        if not hasattr(self, "queued"):
            return
        assert len(self.lanes) == len(self.queued)
        for recipient in range(4):
            is_busy = self.lanes.under_way(recipient) is not None
            assert is_busy is (recipient in self.busy)
        for lane in Lane:
            expected = sum(place.lane is lane for place in self.queued)
            assert self.lanes.depth(lane) == expected
        oldest = min((t.order for t in self.queued), default=None)
        item = self.lanes.oldest()
        assert (item is None) is (oldest is None)


LanesAgainstAModel.TestCase.settings = settings(
    max_examples=examples(50), deadline=None
)
TestLanes = LanesAgainstAModel.TestCase


def test_a_bulk_message_knows_how_many_leave_at_most_before_it() -> None:
    share = Share()
    counted = []
    for _ in range(BULK_SHARE + 2):
        counted.append(share.count_until_bulk(0))
        share.note_left(INTERACTIVE, bulk_waits=True)

    assert counted == [4, 3, 2, 1, 0, 0, 0]
    assert Share().count_until_bulk(3) == 4 + 3 * BULK_SHARE
    assert Share().choose(interactive=True, bulk=True) is INTERACTIVE


def test_a_place_taken_at_once_is_as_one_that_was_queued() -> None:
    lanes: Lanes[str] = Lanes()
    queued = lanes.push("a", lane=Lane.BULK, recipient=1, flow="f")
    assert lanes.pop(Lane.BULK) is queued
    lanes.done(queued)

    at_once = lanes.take_at_once("b", lane=Lane.BULK, recipient=2, flow="f")

    assert at_once is not None
    assert (at_once.item, at_once.lane, at_once.flow) == ("b", Lane.BULK, "f")
    assert at_once.recipient == 2
    assert at_once.order > queued.order
