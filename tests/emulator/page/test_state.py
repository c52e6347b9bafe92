"""What the page knows, and how events change it."""

from typing import Any

import pytest

from tests.emulator.page.browsing import Pure

pytestmark = [pytest.mark.needs("a browser"), pytest.mark.xdist_group("browser")]

ANA = {"sender_id": 12, "phone": "+14155550123"}
BEN = {"sender_id": 12, "phone": "+14155550124"}

# What every function below begins with: helpers, and a state of two chats.
_GIVEN = """
  const { state: s } = modules;
  const chat = (who, more = {}) => ({ ...who, name: null, closes_at: null, last: null, ...more });
  const begun = (more = {}) => s.begin({
    run: "a", seq: 10, clock: 1000, keep: 100, requests: [], callouts: [], senders: [], templates: [],
    chats: [chat(ana, { name: "Ana", closes_at: 1060 }), chat(ben, { name: "Ben" })], ...more,
  }, 5000);
  const message = (number, who = ana, more = {}) => ({
    number, id: 800 + number, side: "business", text: `text ${number}`, status: "queued", error: null,
    clock: 1000 + number, ...who, ...more,
  });
  const event = (seq, kind, data) => ({ seq, kind, data });
  const numbers = (state, who = ana) => (state.threads.get(s.keyOf(who)) ?? []).map((one) => one.number);
"""


def look(pure: Pure, body: str) -> Any:  # noqa: ANN401  # whatever the body returns
    """Run a body of JavaScript over the state module, and return what it returns."""
    return pure(f"(modules, {{ ana, ben }}) => {{ {_GIVEN} {body} }}", _PEOPLE)


_PEOPLE = {"ana": ANA, "ben": BEN}


def test_messages_stand_in_their_order_however_they_come(pure: Pure) -> None:
    seen = look(
        pure,
        """
        let state = s.apply(begun(), [event(11, "message", message(8)), event(12, "message", message(9))]);
        state = s.remember(state, [message(2), message(3), message(8)]);
        return { numbers: numbers(state), newest: state.newest, kept: state.kept };
        """,
    )

    assert seen == {"numbers": [2, 3, 8, 9], "newest": 9, "kept": 4}


def test_an_event_is_taken_once(pure: Pure) -> None:
    seen = look(
        pure,
        """
        const twice = [event(9, "message", message(1)), event(11, "message", message(2)), event(11, "message", message(3))];
        const state = s.apply(begun(), twice);
        return { numbers: numbers(state), seq: state.seq };
        """,
    )

    assert seen == {"numbers": [2], "seq": 11}


def test_a_status_reaches_its_message_alone(pure: Pure) -> None:
    seen = look(
        pure,
        """
        const before = s.apply(begun(), [event(11, "message", message(1)), event(12, "message", message(2))]);
        const error = { code: 131026, message: "Message undeliverable" };
        const after = s.apply(before, [event(13, "status", { number: 1, status: "failed", error }), event(14, "status", { number: 7, status: "read" })]);
        const statuses = (state) => state.threads.get(s.keyOf(ana)).map((one) => one.status);
        return { before: statuses(before), after: statuses(after), code: s.findMessage(after, 1).error.code };
        """,
    )

    assert seen == {
        "before": ["queued", "queued"],
        "after": ["failed", "queued"],
        "code": 131026,
    }


def test_only_what_nobody_has_read_counts_as_unread(pure: Pure) -> None:
    seen = look(
        pure,
        """
        const open = s.keyOf(ana);
        let state = s.apply(begun(), [
          event(11, "message", message(1)), event(12, "message", message(2, ben)),
          event(13, "message", message(3, ben, { side: "customer" })), event(14, "message", message(4, ben)),
        ], { open });
        const unread = [...state.unread];
        state = s.markRead(state, s.keyOf(ben));
        return { unread, after: [...state.unread] };
        """,
    )

    assert seen == {"unread": [["12 +14155550124", 2]], "after": []}


def test_what_did_not_change_stays_the_same_object(pure: Pure) -> None:
    seen = look(
        pure,
        """
        const before = s.apply(begun(), [event(11, "message", message(1)), event(12, "message", message(2, ben))]);
        const after = s.apply(before, [event(13, "message", message(3, ben))]);
        const thread = (state, who) => state.threads.get(s.keyOf(who));
        return { chats: before.chats === after.chats, ana: thread(before, ana) === thread(after, ana),
          ben: thread(before, ben) === thread(after, ben), frozen: thread(before, ben).length };
        """,
    )

    assert seen == {"chats": True, "ana": True, "ben": False, "frozen": 1}


def test_no_more_messages_are_kept_than_the_server_keeps(pure: Pure) -> None:
    seen = look(
        pure,
        """
        let state = begun({ keep: 50 });
        for (let number = 1; number <= 1000; number += 1) {
          state = s.apply(state, [event(10 + number, "message", message(number, number % 3 ? ana : ben))]);
        }
        const held = [...state.threads.values()].reduce((sum, thread) => sum + thread.length, 0);
        return { kept: state.kept, held, last: numbers(state, ana).at(-1), gone: s.findMessage(state, 500),
          here: s.findMessage(state, 999).number };
        """,
    )

    assert seen["kept"] == seen["held"]
    assert 50 <= seen["kept"] <= 55
    assert (seen["last"], seen["here"], seen["gone"]) == (1000, 999, None)


def test_a_customer_whose_every_message_is_gone_keeps_their_chat(pure: Pure) -> None:
    seen = look(
        pure,
        """
        let state = s.apply(begun({ keep: 10 }), [event(11, "message", message(1, ben))]);
        for (let number = 2; number <= 40; number += 1) state = s.apply(state, [event(10 + number, "message", message(number))]);
        return { ben: numbers(state, ben), shown: s.listChats(state).map((row) => row.chat.name) };
        """,
    )

    assert seen == {"ben": [], "shown": ["Ana", "Ben"]}


def test_a_request_that_ends_takes_the_place_of_itself(pure: Pure) -> None:
    seen = look(
        pure,
        """
        const request = (id, more) => ({ id, clock: 1000, limiter: { admitted: true }, status: null, ...more });
        const state = s.apply(begun(), [
          event(11, "request", request(1, { pending: true })), event(12, "request", request(2, { status: 200 })),
          event(13, "request", request(1, { status: 200 })),
        ]);
        return { statuses: state.requests.map((one) => one.status), sends: state.sends.length };
        """,
    )

    assert seen == {"statuses": [200, 200], "sends": 2}


def test_a_new_state_of_the_same_run_forgets_nothing_that_was_heard(pure: Pure) -> None:
    seen = look(
        pure,
        """
        const before = s.apply(begun(), [event(11, "message", message(1))]);
        const body = { run: "a", seq: 40, clock: 1, keep: 100, requests: [], callouts: [], chats: [chat(ana, { last: message(5) })] };
        const same = s.begin(body, 0, before);
        const other = s.begin({ ...body, run: "b" }, 0, before);
        return { same: numbers(same), unread: same.unread.size, other: numbers(other), none: other.unread.size };
        """,
    )

    assert seen == {"same": [1, 5], "unread": 1, "other": [5], "none": 0}


@pytest.mark.parametrize(
    ("now", "left"),
    [
        pytest.param(5000, 60, id="at once"),
        pytest.param(15_500, 49.5, id="ten seconds later"),
        pytest.param(4000, 60, id="a tick older than the state"),
        pytest.param(9_000_000, 0, id="long after"),
    ],
)
def test_a_window_runs_down_with_the_clock_and_never_below_zero(
    pure: Pure, now: float, left: float
) -> None:
    seen = look(
        pure,
        f"""
        const state = begun();
        return s.windowLeft(state.chats.get(s.keyOf(ana)), s.clockAt(state, {now}));
        """,
    )

    assert seen == left


def test_a_jump_of_the_clock_is_counted_from_its_coming(pure: Pure) -> None:
    seen = look(
        pure,
        """
        const state = s.apply(begun(), [event(11, "clock", { clock: 9000, now: "2026-11-26T00:00:00Z" })], { now: 20000 });
        return [s.clockAt(state, 20000), s.clockAt(state, 21500), new Date(s.timeAt(state, 21500) * 1000).toISOString()];
        """,
    )

    assert seen == [9000, 9001.5, "2026-11-26T00:00:01.500Z"]


@pytest.mark.parametrize(
    ("search", "names"),
    [
        pytest.param("", ["Ben", "Ana"], id="all, the last written to first"),
        pytest.param("  aNa ", ["Ana"], id="by name"),
        pytest.param("5550124", ["Ben"], id="by number"),
        pytest.param("(415) 555-0123", ["Ana"], id="by number as people write it"),
        pytest.param("table FOR", ["Ana"], id="by what was said"),
        pytest.param("nobody", [], id="none"),
        pytest.param(".*", [], id="no pattern"),
    ],
)
def test_chats_are_found_by_name_number_and_what_was_said(
    pure: Pure, search: str, names: list[str]
) -> None:
    seen = look(
        pure,
        f"""
        const state = s.apply(begun(), [
          event(11, "message", message(1, ana, {{ text: "A Table for four" }})), event(12, "message", message(2, ben)),
        ]);
        return s.listChats(state, {search!r}).map((row) => row.chat.name);
        """,
    )

    assert seen == names


def test_sends_are_counted_in_the_second_in_which_they_came(pure: Pure) -> None:
    seen = look(
        pure,
        """
        const send = (seq, clock, admitted) => event(seq, "request", { id: seq, clock, limiter: { admitted } });
        const state = s.apply(begun(), [send(11, 1000.2, true), send(12, 1000.9, false), send(13, 1003, true),
          event(14, "request", { id: 14, clock: 1003, limiter: null })]);
        return s.sendsBySecond(state, 1003.5, 4).map((bin) => [bin.admitted, bin.rejected]);
        """,
    )

    assert seen == [[1, 1], [0, 0], [0, 0], [1, 0]]


def test_senders_and_templates_change_one_at_a_time(pure: Pure) -> None:
    seen = look(
        pure,
        """
        const state = s.apply(begun({ senders: [{ id: 12, status: "online" }, { id: 15, status: "online" }] }), [
          event(11, "sender", { id: 15, status: "offline" }), event(12, "template", { id: 45, status: "pending" }),
          event(13, "settings", { recording: true }), event(14, "faults", [{ count: 1 }]), event(15, "a later invention", {}),
        ]);
        return { senders: state.senders.map((one) => one.status), templates: state.templates.length, recording: state.recording, faults: state.faults.length };
        """,
    )

    assert seen == {
        "senders": ["online", "offline"],
        "templates": 1,
        "recording": True,
        "faults": 1,
    }


@pytest.mark.parametrize(
    ("scrolled", "rows"),
    [
        pytest.param(0, [0, 4], id="the top"),
        pytest.param(1000, [9, 14], id="amid"),
        pytest.param(99_999, [98, 100], id="past the end"),
    ],
)
def test_of_a_long_list_the_rows_in_sight_are_known(
    pure: Pure, scrolled: int, rows: list[int]
) -> None:
    seen = pure(
        """({ geometry: g }, scrolled) => {
          const tops = g.topsOf(Array.from({ length: 100 }), () => 100);
          return g.inSight(tops, scrolled, 200, 1);
        }""",
        scrolled,
    )

    assert seen == rows


def test_an_empty_list_has_nothing_in_sight(pure: Pure) -> None:
    run = "({ geometry: g }) => g.inSight(g.topsOf([], () => 1), 0, 500, 6)"

    assert pure(run) == [0, 0]


@pytest.mark.parametrize(
    ("row", "scrolled"),
    [
        pytest.param(0, 0, id="above"),
        pytest.param(5, 500, id="in sight"),
        pytest.param(9, 800, id="below"),
    ],
)
def test_a_row_is_brought_into_sight_by_the_shortest_way(
    pure: Pure, row: int, scrolled: int
) -> None:
    seen = pure(
        """({ geometry: g }, row) => {
          const tops = g.topsOf(Array.from({ length: 20 }), () => 100);
          return g.toShow(tops, row, 500, 200);
        }""",
        row,
    )

    assert seen == scrolled
