"""What is believed of a messaging window, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from autocalls_async.model.answers import SessionStatus
from autocalls_async.policy.windows import (
    MARGIN_SECONDS,
    RECHECK_SECONDS,
    WINDOW_SECONDS,
    WindowMemory,
    WindowState,
    seconds_remaining,
)
from tests.support import PHONE

NOON = datetime(2026, 2, 24, 12, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
DAY_MINUTES = 24 * 60


def status(
    *,
    can_send_freeform: bool = True,
    minutes: int | None = None,
    expires_at: datetime | None = None,
) -> SessionStatus:
    return SessionStatus(
        is_open=can_send_freeform,
        can_send_freeform=can_send_freeform,
        requires_template=not can_send_freeform,
        minutes_remaining=minutes,
        expires_at=expires_at,
    )


CLOSED = status(can_send_freeform=False)


def learnt(said: SessionStatus, *, told_at: datetime | None = None) -> WindowMemory:
    memory = WindowMemory()
    memory.learn(12, PHONE, said, now=1000.0, told_at=told_at)
    return memory


def state_after(memory: WindowMemory, seconds: float) -> WindowState:
    return memory.judge(12, PHONE, now=1000.0 + seconds)


@pytest.mark.parametrize(
    ("said", "told_at", "seconds"),
    [
        pytest.param(status(minutes=5), None, 300.0, id="minutes"),
        pytest.param(status(minutes=0), None, 0.0, id="no minute left"),
        pytest.param(status(minutes=-5), None, 0.0, id="negative minutes"),
        pytest.param(status(minutes=1441), None, WINDOW_SECONDS, id="over a day"),
        pytest.param(status(minutes=10**400), None, WINDOW_SECONDS, id="huge"),
        pytest.param(
            status(minutes=5, expires_at=NOON + timedelta(hours=9)),
            NOON,
            300.0,
            id="minutes before an instant",
        ),
        pytest.param(
            status(expires_at=NOON + timedelta(hours=9)), NOON, 32_400.0, id="instant"
        ),
        pytest.param(
            status(expires_at=NOON - timedelta(hours=9)), NOON, 0.0, id="past instant"
        ),
        pytest.param(
            status(expires_at=NEVER), NOON, WINDOW_SECONDS, id="remote instant"
        ),
        pytest.param(
            status(expires_at=NOON), None, None, id="instant with no time to compare"
        ),
        pytest.param(status(), NOON, None, id="open without an end"),
        pytest.param(CLOSED, NOON, 0.0, id="closed"),
        pytest.param(
            status(can_send_freeform=False, minutes=5),
            NOON,
            0.0,
            id="closed with minutes left",
        ),
    ],
)
def test_the_time_that_remains_comes_from_the_service_alone(
    said: SessionStatus, told_at: datetime | None, seconds: float | None
) -> None:
    assert seconds_remaining(said, told_at=told_at) == seconds


def test_only_can_send_freeform_decides() -> None:
    said = SessionStatus(
        is_open=False,
        can_send_freeform=True,
        requires_template=True,
        minutes_remaining=60,
    )

    assert state_after(learnt(said), 0) is WindowState.OPEN


def test_nothing_is_known_of_a_window_that_nobody_spoke_of() -> None:
    memory = learnt(status(minutes=60))

    assert memory.judge(13, PHONE, now=1000.0) is WindowState.UNKNOWN
    assert memory.judge(12, "+14155550124", now=1000.0) is WindowState.UNKNOWN
    assert memory.last_status(13, PHONE) is None


def test_an_open_window_is_trusted_until_a_margin_before_its_end() -> None:
    memory = learnt(status(minutes=60))

    assert state_after(memory, 0) is WindowState.OPEN
    assert state_after(memory, 3600 - MARGIN_SECONDS - 0.001) is WindowState.OPEN
    assert state_after(memory, 3600 - MARGIN_SECONDS) is WindowState.UNKNOWN


def test_an_open_window_without_a_known_end_is_asked_for_each_time() -> None:
    said = status(expires_at=NOON + timedelta(hours=1))

    memory = learnt(said, told_at=None)

    assert state_after(memory, 0) is WindowState.UNKNOWN


@pytest.mark.parametrize("minutes", [0, 1])
def test_an_open_window_within_its_margin_is_not_trusted(minutes: int) -> None:
    assert state_after(learnt(status(minutes=minutes)), 0) is WindowState.UNKNOWN


def test_a_closed_window_is_asked_for_again_after_a_short_time() -> None:
    memory = learnt(CLOSED)

    assert state_after(memory, 0) is WindowState.CLOSED
    assert state_after(memory, RECHECK_SECONDS - 0.001) is WindowState.CLOSED
    assert state_after(memory, RECHECK_SECONDS) is WindowState.UNKNOWN


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(None, id="without a word"),
        pytest.param(CLOSED, id="with a closed window"),
        pytest.param(status(minutes=60), id="with a window that contradicts it"),
    ],
)
def test_a_refusal_closes_the_window_for_a_short_time(
    said: SessionStatus | None,
) -> None:
    memory = learnt(status(minutes=60))

    memory.note_closed(12, PHONE, said, now=1000.0)

    assert state_after(memory, 0) is WindowState.CLOSED
    assert state_after(memory, RECHECK_SECONDS) is WindowState.UNKNOWN
    assert memory.last_status(12, PHONE) is said


def test_it_counts_how_often_a_window_was_learnt_to_be_closed() -> None:
    memory = learnt(status(minutes=60))
    counts = [memory.closing_count]

    for seconds in (0.0, 5.0):
        memory.note_closed(12, PHONE, None, now=1000.0 + seconds)
        counts.append(memory.closing_count)
    memory.note_closed(12, PHONE, None, now=1006.0, asked_at=1001.0)  # out of date
    memory.learn(12, PHONE, CLOSED, now=1007.0, told_at=None)

    assert [*counts, memory.closing_count] == [0, 1, 2, 3]


def test_a_message_from_the_recipient_opens_the_window_for_a_day() -> None:
    memory = learnt(CLOSED)

    memory.note_inbound(12, PHONE, now=1000.0)

    last_moment = WINDOW_SECONDS - MARGIN_SECONDS
    assert state_after(memory, last_moment - 0.001) is WindowState.OPEN
    assert state_after(memory, last_moment) is WindowState.UNKNOWN
    assert memory.last_status(12, PHONE) is None


@pytest.mark.parametrize("hours", [0, 3, 23])
def test_a_message_that_was_told_late_opens_the_window_for_what_is_left(
    hours: int,
) -> None:
    memory = WindowMemory()

    memory.note_inbound(12, PHONE, now=1000.0, age_seconds=hours * 3600.0)

    last_moment = WINDOW_SECONDS - hours * 3600 - MARGIN_SECONDS
    assert state_after(memory, last_moment - 0.001) is WindowState.OPEN
    assert state_after(memory, last_moment) is WindowState.UNKNOWN


def test_a_message_that_was_told_a_day_late_says_nothing() -> None:
    memory = learnt(status(minutes=60))

    memory.note_inbound(12, PHONE, now=1000.0, age_seconds=WINDOW_SECONDS)

    assert state_after(memory, 0) is WindowState.OPEN
    assert state_after(memory, 3600) is WindowState.UNKNOWN


@pytest.mark.parametrize(
    ("left_seconds", "count"),
    [pytest.param(0.5, 1, id="not yet"), pytest.param(0.0, 0, id="just now")],
)
def test_a_message_whose_window_is_over_is_not_kept_in_mind(
    left_seconds: float, count: int
) -> None:
    memory = WindowMemory()
    age_seconds = WINDOW_SECONDS - MARGIN_SECONDS - left_seconds

    memory.note_inbound(12, PHONE, now=1000.0, age_seconds=age_seconds)

    assert len(memory) == count


def test_a_message_that_an_answer_had_not_counted_yet_opens_the_window_for_a_day() -> (
    None
):
    memory = learnt(status(minutes=5))

    memory.note_inbound(12, PHONE, now=1001.0, age_seconds=2.0)

    last_moment = WINDOW_SECONDS - MARGIN_SECONDS - 1.0
    assert state_after(memory, last_moment - 0.001) is WindowState.OPEN
    assert state_after(memory, last_moment) is WindowState.UNKNOWN


def test_a_message_that_says_what_an_answer_said_makes_it_no_older() -> None:
    memory = learnt(status(minutes=23 * 60))
    memory.note_inbound(12, PHONE, now=1000.0, age_seconds=3600.0)

    memory.learn(12, PHONE, CLOSED, now=1001.0, told_at=None, asked_at=999.0)

    assert state_after(memory, 1) is WindowState.OPEN


def test_a_late_message_takes_nothing_from_a_newer_one() -> None:
    memory = WindowMemory()
    memory.note_inbound(12, PHONE, now=1000.0)

    memory.note_inbound(12, PHONE, now=1000.0, age_seconds=3600.0 * 20)

    last_moment = WINDOW_SECONDS - MARGIN_SECONDS
    assert state_after(memory, last_moment - 0.001) is WindowState.OPEN


def test_a_window_that_was_found_closed_after_a_message_came_stays_closed() -> None:
    memory = WindowMemory()
    memory.note_closed(12, PHONE, CLOSED, now=999.0)

    memory.note_inbound(12, PHONE, now=1000.0, age_seconds=2.0)
    before = state_after(memory, 0)
    memory.note_inbound(12, PHONE, now=1000.0, age_seconds=0.5)

    assert before is WindowState.CLOSED
    assert state_after(memory, 0) is WindowState.OPEN


def test_a_window_that_was_forgotten_is_unknown() -> None:
    memory = learnt(status(minutes=60))

    memory.forget(12, PHONE)
    memory.forget(12, PHONE)

    assert state_after(memory, 0) is WindowState.UNKNOWN
    assert memory.last_status(12, PHONE) is None
    assert len(memory) == 0


@given(st.integers(-(10**6), 10**6))
def test_the_time_of_an_answer_needs_no_clock_of_ours(skew: int) -> None:
    told_at = NOON + timedelta(seconds=skew)
    said = status(expires_at=told_at + timedelta(hours=1))

    memory = learnt(said, told_at=told_at)

    assert state_after(memory, 0) is WindowState.OPEN
    assert state_after(memory, 3600) is WindowState.UNKNOWN


@given(
    st.builds(
        status,
        can_send_freeform=st.booleans(),
        minutes=st.none() | st.integers(),
        expires_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_no_answer_opens_a_window_for_more_than_a_day(
    said: SessionStatus, told_at: datetime | None
) -> None:
    seconds = seconds_remaining(said, told_at=told_at)
    memory = learnt(said, told_at=told_at)

    assert seconds is None or 0.0 <= seconds <= WINDOW_SECONDS
    assert state_after(memory, WINDOW_SECONDS) is WindowState.UNKNOWN


def test_the_memory_is_bounded_and_drops_what_was_used_longest_ago() -> None:
    memory = WindowMemory(most=2)
    memory.note_inbound(1, PHONE, now=0.0)
    memory.note_inbound(2, PHONE, now=0.0)

    memory.judge(1, PHONE, now=1.0)
    memory.note_inbound(3, PHONE, now=1.0)

    states = [memory.judge(sender_id, PHONE, now=1.0) for sender_id in (1, 2, 3)]
    assert states == [WindowState.OPEN, WindowState.UNKNOWN, WindowState.OPEN]
    assert len(memory) == 2


def test_a_window_learnt_anew_counts_as_used() -> None:
    memory = WindowMemory(most=2)
    memory.note_inbound(1, PHONE, now=0.0)
    memory.note_inbound(2, PHONE, now=0.0)

    memory.learn(1, PHONE, CLOSED, now=1.0, told_at=None)
    memory.note_inbound(3, PHONE, now=1.0)

    assert memory.judge(1, PHONE, now=1.0) is WindowState.CLOSED
    assert memory.judge(2, PHONE, now=1.0) is WindowState.UNKNOWN


def test_a_million_recipients_need_no_more_than_the_bound() -> None:
    memory = WindowMemory(most=10)

    for number in range(1000):
        memory.note_inbound(1, f"+1415555{number:04}", now=0.0)

    assert len(memory) == 10


sender_ids = st.integers(1, 2)
recipients = st.sampled_from((PHONE, "+14155550124", "+14155550125"))
KEY_COUNT = 6


class _MemoryMachine(RuleBasedStateMachine):
    """A window memory beside a dictionary that keeps everything for ever."""

    @initialize(most=st.sampled_from((1, 2, 3, KEY_COUNT, 100)))
    def begin(self, most: int) -> None:
        self.now = 0
        self.most = most
        self.memory = WindowMemory(most=most)
        self.model: dict[tuple[int, str], tuple[WindowState, int]] = {}

    @rule(sender=sender_ids, recipient=recipients, minutes=st.integers(0, DAY_MINUTES))
    def learn_open(self, sender: int, recipient: str, minutes: int) -> None:
        said = status(minutes=minutes)
        self.memory.learn(sender, recipient, said, now=self.now, told_at=None)
        until = self.now + minutes * 60 - int(MARGIN_SECONDS)
        self.model[sender, recipient] = (WindowState.OPEN, until)

    @rule(sender=sender_ids, recipient=recipients, is_told=st.booleans())
    def learn_closed(self, sender: int, recipient: str, *, is_told: bool) -> None:
        if is_told:
            self.memory.learn(sender, recipient, CLOSED, now=self.now, told_at=NOON)
        else:
            self.memory.note_closed(sender, recipient, None, now=self.now)
        until = self.now + int(RECHECK_SECONDS)
        self.model[sender, recipient] = (WindowState.CLOSED, until)

    @rule(sender=sender_ids, recipient=recipients)
    def note_inbound(self, sender: int, recipient: str) -> None:
        self.memory.note_inbound(sender, recipient, now=self.now)
        until = self.now + DAY_MINUTES * 60 - int(MARGIN_SECONDS)
        self.model[sender, recipient] = (WindowState.OPEN, until)

    @rule(sender=sender_ids, recipient=recipients)
    def forget(self, sender: int, recipient: str) -> None:
        self.memory.forget(sender, recipient)
        self.model.pop((sender, recipient), None)

    @rule(seconds=st.sampled_from((1, 4, 5, 59, 60, 61, 3600, 86_339, 86_340, 86_400)))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @rule(sender=sender_ids, recipient=recipients)
    def judge(self, sender: int, recipient: str) -> None:
        judged = self.memory.judge(sender, recipient, now=self.now)

        # What was dropped for lack of room is unknown, and never anything else.
        assert judged in {self._expected(sender, recipient), WindowState.UNKNOWN}

    @precondition(lambda self: self.most >= KEY_COUNT)
    @rule(sender=sender_ids, recipient=recipients)
    def judge_with_room_for_all(self, sender: int, recipient: str) -> None:
        judged = self.memory.judge(sender, recipient, now=self.now)

        assert judged is self._expected(sender, recipient)

    @invariant()
    def the_memory_is_bounded(self) -> None:
        assert len(self.memory) <= min(self.most, len(self.model))

    def _expected(self, sender: int, recipient: str) -> WindowState:
        state, until = self.model.get((sender, recipient), (WindowState.UNKNOWN, 0))
        return state if self.now < until else WindowState.UNKNOWN


TestAgainstAnUnboundedMemory = _MemoryMachine.TestCase


def test_fallbacks_are_remembered_for_a_bounded_number() -> None:
    memory = WindowMemory(most=2)

    taken = [
        memory.take_fallback(12, phone, at=NOON, closed_at=None)
        for phone in ("a", "b", "b", "c", "a")
    ]

    assert taken == [True, True, False, True, True]  # "a" was forgotten


@pytest.mark.parametrize(
    ("closed_at", "may_go"),
    [
        pytest.param(None, False, id="it never was open"),
        pytest.param(NOON - timedelta(hours=1), False, id="it closed before the last"),
        pytest.param(NOON, False, id="just then"),
        pytest.param(NOON + timedelta(hours=25), True, id="it was open since the last"),
    ],
)
def test_another_fallback_may_go_once_the_window_was_open(
    closed_at: datetime | None, *, may_go: bool
) -> None:
    memory = WindowMemory()
    memory.note_fallback(12, PHONE, at=NOON)

    later = NOON + timedelta(hours=30)

    assert memory.take_fallback(12, PHONE, at=later, closed_at=closed_at) is may_go


def test_another_fallback_may_go_once_the_window_is_learnt_to_be_open() -> None:
    memory = WindowMemory()
    memory.note_fallback(12, PHONE, at=NOON)

    memory.note_closed(12, PHONE, None, now=1.0)
    assert not memory.take_fallback(12, PHONE, at=NOON, closed_at=None)

    memory.note_inbound(12, PHONE, now=2.0)
    assert memory.take_fallback(12, PHONE, at=NOON, closed_at=None)


def test_a_fallback_that_surely_was_not_sent_may_go_again() -> None:
    memory = WindowMemory()
    memory.return_fallback(12, PHONE)  # of nobody's
    assert memory.take_fallback(12, PHONE, at=NOON, closed_at=None)
    assert not memory.take_fallback(12, PHONE, at=NOON, closed_at=None)

    memory.return_fallback(12, PHONE)

    assert memory.take_fallback(12, PHONE, at=NOON, closed_at=None)


def test_as_many_fallbacks_are_remembered_as_may_be_and_the_oldest_goes_first() -> None:
    memory = WindowMemory(most=2)
    for phone in ("+14155550101", "+14155550102"):
        memory.note_fallback(12, phone, at=NOON)
    assert not memory.take_fallback(12, "+14155550101", at=NOON, closed_at=None)

    memory.note_fallback(12, "+14155550103", at=NOON)

    assert not memory.take_fallback(12, "+14155550102", at=NOON, closed_at=None)
    assert memory.take_fallback(12, "+14155550101", at=NOON, closed_at=None)


@pytest.mark.parametrize(
    ("asked_at", "state"),
    [
        pytest.param(None, WindowState.CLOSED, id="asked nobody knows when"),
        pytest.param(99.0, WindowState.OPEN, id="asked before"),
        pytest.param(100.0, WindowState.CLOSED, id="asked at that moment"),
        pytest.param(101.0, WindowState.CLOSED, id="asked after"),
    ],
)
@pytest.mark.parametrize("by", ["a message", "an answer"])
def test_an_answer_to_an_older_question_closes_no_window(
    by: str, asked_at: float | None, state: WindowState
) -> None:
    memory = WindowMemory()
    if by == "a message":
        memory.note_inbound(12, PHONE, now=103.0, age_seconds=3.0)
    else:
        memory.learn(12, PHONE, status(minutes=60), now=100.0, told_at=None)
    closed = status(can_send_freeform=False)

    memory.learn(12, PHONE, closed, now=104.0, told_at=None, asked_at=asked_at)

    assert memory.judge(12, PHONE, now=104.0) is state
    told = closed if state is WindowState.CLOSED else None
    assert memory.last_status(12, PHONE) is told


def test_a_first_answer_to_a_question_is_believed_whenever_it_was_asked() -> None:
    memory = WindowMemory()

    memory.note_closed(12, PHONE, None, now=104.0, asked_at=103.0)

    assert memory.judge(12, PHONE, now=104.0) is WindowState.CLOSED
    assert memory.last_status(12, PHONE) is None


def test_a_closed_window_is_out_of_date_where_its_answer_was_long_on_its_way() -> None:
    memory = WindowMemory()

    memory.note_closed(12, "+14155550123", None, now=100.0, asked_at=94.0)
    memory.note_closed(12, "+14155550124", None, now=100.0, asked_at=96.0)

    states = [memory.judge(12, f"+1415555012{last}", now=100.0) for last in (3, 4)]
    assert states == [WindowState.UNKNOWN, WindowState.CLOSED]
