// What the page knows, and how events change it. Each exported function is a test.

import { alike } from "./claims.js";
import * as s from "/state.js";

const ana = { sender_id: 12, phone: "+14155550123" };
const ben = { sender_id: 12, phone: "+14155550124" };
const ANA = s.keyOf(ana);
const BEN = s.keyOf(ben);

const chat = (who, more = {}) => ({ ...who, name: null, closes_at: null, last: null, ...more });

// A state of two chats, whose clock stood at 1000 when the page's stood at 5000 ms.
const begun = (more = {}) => s.begin({
  run: "a", seq: 10, clock: 1000, now: "2026-11-26T00:00:00Z", keep: 100,
  requests: [], callouts: [], senders: [], templates: [],
  chats: [chat(ana, { name: "Ana", closes_at: 1060 }), chat(ben, { name: "Ben" })],
  ...more,
}, 5000);

const message = (number, who = ana, more = {}) => ({
  number, id: 800 + number, side: "business", text: `text ${number}`,
  status: "queued", error: null, clock: 1000 + number, ...who, ...more,
});

const event = (seq, kind, data) => ({ seq, kind, data });
const told = (seq, ...what) => event(seq, "message", message(...what));
const thread = (state, key = ANA) => state.threads.get(key) ?? [];
const numbers = (state, key) => thread(state, key).map((one) => one.number);

export function messages_stand_in_their_order_however_they_come() {
  const state = s.remember(
    s.apply(begun(), [told(11, 8), told(12, 9)]),
    [message(2), message(3), message(8)],
  );

  alike(numbers(state), [2, 3, 8, 9]);
  alike([state.newest, state.kept], [9, 4]);
}

export function an_event_is_taken_once() {
  const state = s.apply(begun(), [told(9, 1), told(11, 2), told(11, 3)]);

  alike(numbers(state), [2]);
  alike(state.seq, 11);
}

export function a_status_reaches_its_message_alone() {
  const error = { code: 131026, message: "Message undeliverable" };
  const before = s.apply(begun(), [told(11, 1), told(12, 2)]);

  const after = s.apply(before, [
    event(13, "status", { number: 1, status: "failed", error }),
    event(14, "status", { number: 7, status: "read" }),
  ]);

  alike(thread(before).map((one) => one.status), ["queued", "queued"]);
  alike(thread(after).map((one) => one.status), ["failed", "queued"]);
  alike(s.findMessage(after, 1).error.code, 131026);
}

export function only_what_nobody_has_read_counts_as_unread() {
  const state = s.apply(begun(), [
    told(11, 1), told(12, 2, ben), told(13, 3, ben, { side: "customer" }), told(14, 4, ben),
  ], { open: ANA });

  alike([...state.unread], [[BEN, 2]]);
  alike([...s.markRead(state, BEN).unread], []);
  alike(s.markRead(state, ANA) === state, true);
}

export function what_did_not_change_stays_the_same_object() {
  const before = s.apply(begun(), [told(11, 1), told(12, 2, ben)]);

  const after = s.apply(before, [told(13, 3, ben)]);

  alike(before.chats === after.chats, true);
  alike(thread(before, ANA) === thread(after, ANA), true);
  alike(thread(before, BEN) === thread(after, BEN), false);
  alike([numbers(before, BEN), numbers(after, BEN)], [[2], [2, 3]]);
}

export function no_more_messages_are_kept_than_the_server_keeps() {
  let state = begun({ keep: 50 });
  for (let number = 1; number <= 1000; number += 1) {
    state = s.apply(state, [told(10 + number, number, number % 3 ? ana : ben)]);
  }

  const held = [...state.threads.values()].flat();
  alike(state.kept, held.length);
  alike(state.kept >= 50 && state.kept <= 55, true);
  alike(numbers(state).at(-1), 1000);
  alike(s.findMessage(state, 500), null);
  alike(s.findMessage(state, 999).number, 999);
}

export function who_wrote_long_ago_keeps_their_chat() {
  let state = s.apply(begun({ keep: 10 }), [told(11, 1, ben)]);
  for (let number = 2; number <= 40; number += 1) {
    state = s.apply(state, [told(10 + number, number)]);
  }

  alike(numbers(state, BEN), []);
  alike(s.listChats(state).map((row) => row.chat.name), ["Ana", "Ben"]);
}

export function who_was_forgotten_by_the_server_is_gone_here_too() {
  const before = s.apply(begun(), [told(11, 1, ben)]);

  const after = s.apply(before, [event(12, "gone", [[12, ben.phone]])]);

  alike(s.listChats(after).map((row) => row.chat.name), ["Ana"]);
  alike([before.unread.size, after.unread.size, before.chats.size], [1, 0, 2]);
}

export function requests_and_callouts_are_forgotten_in_time() {
  let state = begun();
  for (let at = 0; at < 50; at += 1) {
    const events = Array.from({ length: 100 }, (_, each) => {
      const id = at * 100 + each;
      return event(11 + id, "request", { id, clock: id / 10, limiter: { admitted: true } });
    });
    state = s.apply(state, events);
  }

  alike(state.requests.length <= 2200, true);
  alike(state.requests.at(-1).id, 4999);
  alike(state.sends.length, 121); // of twelve seconds, ten a second
}

export function a_request_that_ends_takes_the_place_of_itself() {
  const request = (id, more) => ({ id, clock: 1000, limiter: { admitted: true }, status: null, ...more });

  const state = s.apply(begun(), [
    event(11, "request", request(1, { pending: true })),
    event(12, "request", request(2, { status: 200 })),
    event(13, "request", request(1, { status: 504 })),
  ]);

  alike(state.requests.map((one) => one.status), [504, 200]);
  alike(state.sends.length, 2);
}

export function a_new_state_of_the_same_run_forgets_nothing_that_was_heard() {
  const before = s.apply(begun(), [told(11, 1)]);
  const body = {
    run: "a", seq: 40, clock: 1, keep: 100, requests: [], callouts: [],
    chats: [chat(ana, { last: message(5) })],
  };

  const same = s.begin(body, 0, before);
  const other = s.begin({ ...body, run: "b" }, 0, before);

  alike([numbers(same), same.unread.size], [[1, 5], 1]);
  alike([numbers(other), other.unread.size], [[5], 0]);
}

export function a_window_runs_down_with_the_clock_and_never_below_zero() {
  const state = begun();
  const left = (now) => s.windowLeft(state.chats.get(ANA), s.clockAt(state, now));

  alike(left(5000), 60);
  alike(left(15500), 49.5);
  alike(left(4000), 60); // a tick that is older than the state
  alike(left(9_000_000), 0);
  alike(s.windowLeft(state.chats.get(BEN), 1000), null);
}

export function a_jump_of_the_clock_is_counted_from_its_coming() {
  const jump = event(11, "clock", { clock: 9000, now: "2026-11-26T02:13:20Z" });

  const state = s.apply(begun(), [jump], { now: 20000 });

  alike(s.clockAt(state, 20000), 9000);
  alike(s.clockAt(state, 21500), 9001.5);
  alike(new Date(1000 * s.timeAt(state, 21500)).toISOString(), "2026-11-26T02:13:21.500Z");
}

const said = s.apply(begun(), [told(11, 1, ana, { text: "A Table for four" }), told(12, 2, ben)]);
const found = (search) => s.listChats(said, search).map((row) => row.chat.name);

export function chats_are_found_by_name_number_and_what_was_said() {
  alike(found(""), ["Ben", "Ana"]);
  alike(found("  aNa "), ["Ana"]);
  alike(found("5550124"), ["Ben"]);
  alike(found("(415) 555-0123"), ["Ana"]);
  alike(found("table FOR"), ["Ana"]);
  alike(found("nobody"), []);
  alike(found(".*"), []);
}

export function what_was_found_in_a_talk_is_told_with_its_chat() {
  const [by_text] = s.listChats(said, "table");
  const [by_name] = s.listChats(said, "ana");

  alike([by_text.found.number, by_name.found], [1, null]);
}

export function sends_are_counted_in_the_second_in_which_they_came() {
  const send = (seq, clock, limiter) => event(seq, "request", { id: seq, clock, limiter });

  const state = s.apply(begun(), [
    send(11, 1000.2, { admitted: true }), send(12, 1000.9, { admitted: false }),
    send(13, 1003, { admitted: true }), send(14, 1003, null),
  ]);

  const bins = s.sendsBySecond(state, 1003.5, 4).map((bin) => [bin.admitted, bin.rejected]);
  alike(bins, [[1, 1], [0, 0], [0, 0], [1, 0]]);
}

export function what_the_account_has_changes_one_at_a_time() {
  const senders = [{ id: 12, status: "online" }, { id: 15, status: "online" }];

  const state = s.apply(begun({ senders }), [
    event(11, "sender", { id: 15, status: "offline" }),
    event(12, "template", { id: 45, status: "pending" }),
    event(13, "settings", { recording: true }),
    event(14, "faults", [{ count: 1 }]),
    event(15, "account", { balance: "1.00" }),
    event(16, "limits", { most: 3 }),
    event(17, "chat", { ...ben, closes_at: 2000 }),
    event(18, "something later", {}),
  ]);

  alike(state.senders.map((one) => one.status), ["online", "offline"]);
  alike([state.templates.length, state.recording, state.faults.length], [1, true, 1]);
  alike([state.account.balance, state.limits.most, state.seq], ["1.00", 3, 18]);
  alike([state.chats.get(BEN).name, state.chats.get(BEN).closes_at], ["Ben", 2000]);
}
