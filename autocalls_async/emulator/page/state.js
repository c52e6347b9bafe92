// What the page knows, as data, and how each event of the feed changes it.
//
// Pure: no clock, no network, no document. A batch of events makes a new state; what
// did not change stays the same object, so that a view can tell at a glance.

const REQUESTS_KEPT = 2000;
const CALLOUTS_KEPT = 2000;
const SENDS_SECONDS = 12; // a little more than the ten seconds that are drawn

export const keyOf = ({ sender_id, phone }) => `${sender_id} ${phone}`;

export const empty = Object.freeze({
  run: null, seq: 0, clock: 0, now: "1970-01-01T00:00:00Z", receivedAt: 0, keep: Infinity,
  account: {}, senders: [], templates: [], faults: [], fault_kinds: [], limits: {},
  chats: new Map(), // by key: who they are, and when their window closes
  threads: new Map(), // by key: their messages, in the order of their numbers
  homes: new Map(), // the key of each message's thread, by number; in drawers, as it is large
  unread: new Map(), // by key: how many
  requests: [], callouts: [], sends: [], newest: 0, kept: 0,
});

// Take in the whole: what the server tells somebody who has just come. Where it is the
// server that we knew, what its person has not read yet stays unread, and what was
// heard before stays heard.
export function begin(body, now, old = empty) {
  const { chats, requests, callouts, ...rest } = body;
  const known = old.run === body.run ? old : empty;
  const { unread, threads, homes, newest, kept } = known;
  const state = {
    ...empty, ...rest, unread, threads, homes, newest, kept, receivedAt: now, callouts,
    requests: [],
    chats: new Map(chats.map((chat) => [keyOf(chat), chat])),
  };
  const last = chats.map((chat) => chat.last).filter(Boolean);
  return remember(apply(state, requests.map((data) => ({ kind: "request", data }))), last);
}

// Take in a batch of events.
export function apply(state, events, { now = 0, open = null } = {}) {
  const next = { ...state };
  const draft = new Draft(next, state);
  for (const { seq, kind, data } of events) {
    if (seq !== undefined) {
      if (seq <= next.seq) continue; // it was in what we began with
      next.seq = seq;
    }
    TAKE[kind]?.(next, data, draft, { now, open });
  }
  forget(next, draft);
  return next;
}

// Take in messages of before: they are nobody's news.
export function remember(state, messages) {
  const next = { ...state };
  const draft = new Draft(next, state);
  for (const message of messages) place(next, message, draft);
  forget(next, draft);
  return next;
}

const TAKE = {
  message(next, data, draft, { open }) {
    const key = keyOf(data);
    if (!place(next, data, draft) || data.side !== "business" || key === open) return;
    const unread = draft.map("unread");
    unread.set(key, (unread.get(key) ?? 0) + 1);
  },
  status(next, data, draft) {
    const key = homeOf(next, data.number);
    if (key === undefined) return;
    const thread = draft.thread(key);
    const at = find(thread, data.number);
    if (at >= 0) thread[at] = { ...thread[at], status: data.status, error: data.error };
  },
  chat(next, data, draft) {
    const key = keyOf(data);
    draft.map("chats").set(key, { ...next.chats.get(key), ...data });
  },
  // Those who were forgotten, as there are too many: closed, and without a kept message.
  gone(next, data, draft) {
    for (const [sender_id, phone] of data) {
      for (const name of ["chats", "unread"]) draft.map(name).delete(keyOf({ sender_id, phone }));
    }
  },
  request(next, data, draft) {
    const isNew = put(draft.list("requests"), data);
    if (!isNew || !data.limiter) return;
    draft.list("sends").push({ clock: data.clock, admitted: data.limiter.admitted });
  },
  callout: (next, data, draft) => put(draft.list("callouts"), data),
  clock(next, data, _draft, { now }) {
    Object.assign(next, data, { receivedAt: now });
  },
  sender: (next, data, draft) => put(draft.list("senders"), data),
  template: (next, data, draft) => put(draft.list("templates"), data),
  faults: (next, data) => { next.faults = data; },
  limits: (next, data) => { next.limits = data; },
  account: (next, data) => { next.account = { ...next.account, ...data }; },
  settings: (next, data) => { Object.assign(next, data); },
};

// The copies of a batch: each thing is copied when it is first written to.
class Draft {
  #next; #old; #threads = new Set(); #drawers = new Set();

  constructor(next, old) {
    this.#next = next;
    this.#old = old;
  }

  map(name) {
    if (this.#next[name] === this.#old[name]) this.#next[name] = new Map(this.#old[name]);
    return this.#next[name];
  }

  list(name) {
    if (this.#next[name] === this.#old[name]) this.#next[name] = [...this.#old[name]];
    return this.#next[name];
  }

  thread(key) {
    const threads = this.map("threads");
    if (!this.#threads.has(key)) {
      this.#threads.add(key);
      threads.set(key, [...(threads.get(key) ?? [])]);
    }
    return threads.get(key);
  }

  drawer(number) {
    const homes = this.map("homes");
    const at = Math.floor(number / DRAWER);
    if (!this.#drawers.has(at)) {
      this.#drawers.add(at);
      homes.set(at, new Map(homes.get(at)));
    }
    return homes.get(at);
  }
}

const DRAWER = 500;

export const homeOf = (state, number) => state.homes.get(Math.floor(number / DRAWER))?.get(number);

// Put a thing in the place of the one with its id, or last; whether it is new.
function put(list, item) {
  const at = list.findLastIndex((one) => one.id === item.id);
  if (at >= 0) list[at] = item;
  else list.push(item);
  return at < 0;
}

// Put a message where it belongs by its number; false if it is there already.
function place(next, message, draft) {
  if (homeOf(next, message.number) !== undefined) return false;
  const key = keyOf(message);
  const thread = draft.thread(key);
  const at = -find(thread, message.number) - 1;
  thread.splice(at, 0, { ...message, low: message.text.toLowerCase() });
  draft.drawer(message.number).set(message.number, key);
  next.newest = Math.max(next.newest, message.number);
  next.kept += 1;
  return true;
}

// Where a number stands in a thread; -1 minus its place if it does not.
function find(thread, number) {
  let low = 0;
  let high = thread.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (thread[middle].number < number) low = middle + 1;
    else high = middle;
  }
  return thread[low]?.number === number ? low : -low - 1;
}

// Keep no more than the server does: a page may be open for days.
function forget(next, draft) {
  trim(next, draft, "requests", REQUESTS_KEPT);
  trim(next, draft, "callouts", CALLOUTS_KEPT);
  const since = (next.sends.at(-1)?.clock ?? 0) - SENDS_SECONDS;
  if (next.sends.length && next.sends[0].clock < since) {
    next.sends = next.sends.filter((send) => send.clock >= since);
  }
  if (next.kept > next.keep * 1.1) forgetMessages(next, draft, next.newest - next.keep);
}

function trim(next, draft, name, most) {
  if (next[name].length > most * 1.1) draft.list(name).splice(0, next[name].length - most);
}

function forgetMessages(next, draft, upTo) {
  const threads = draft.map("threads");
  for (const [key, thread] of threads) {
    const gone = thread.findIndex((message) => message.number > upTo);
    const cut = gone < 0 ? thread.length : gone;
    if (!cut) continue;
    for (const { number } of thread.slice(0, cut)) draft.drawer(number).delete(number);
    next.kept -= cut;
    if (cut === thread.length) threads.delete(key);
    else threads.set(key, thread.slice(cut));
  }
}

export function markRead(state, key) {
  if (!state.unread.has(key)) return state;
  const unread = new Map(state.unread);
  unread.delete(key);
  return { ...state, unread };
}

// The emulator's clock now, in seconds; `now` is the page's, in milliseconds. A tick can
// be older than the state, so no time runs backwards.
export function clockAt(state, now) {
  return state.clock + Math.max(0, now - state.receivedAt) / 1000;
}

// The same as Unix seconds: the clock itself counts from where it likes.
export function timeAt(state, now) {
  return Date.parse(state.now) / 1000 + clockAt(state, now) - state.clock;
}

// How many seconds a chat's window stays open; null if they never wrote.
export function windowLeft(chat, clock) {
  return chat.closes_at === null ? null : Math.max(0, chat.closes_at - clock);
}

// Chats that fit a search, the last one written to on top; each with what it shows.
export function listChats(state, search = "") {
  const wanted = search.trim().toLowerCase();
  const rows = [];
  for (const [key, chat] of state.chats) {
    const thread = state.threads.get(key) ?? [];
    const hit = fits(chat, thread, wanted);
    if (hit) rows.push({ key, chat, last: thread.at(-1), found: hit === true ? null : hit });
  }
  return rows.sort((a, b) => (b.last?.number ?? 0) - (a.last?.number ?? 0));
}

// True if the chat itself fits, its newest message that does, or null.
function fits(chat, thread, wanted) {
  if (!wanted) return true;
  const digits = wanted.replace(/[\s()-]/g, "");
  if ((chat.name ?? "").toLowerCase().includes(wanted) || (digits && chat.phone.includes(digits))) return true;
  return thread.findLast((message) => message.low.includes(wanted)) ?? null;
}

// How many sends reached the limiter in each of the last seconds of its clock, the
// running second last.
export function sendsBySecond(state, clock, seconds = 10) {
  const first = Math.floor(clock) - seconds + 1;
  const bins = Array.from({ length: seconds }, () => ({ admitted: 0, rejected: 0 }));
  for (const send of state.sends) {
    const bin = bins[Math.floor(send.clock) - first];
    if (bin) bin[send.admitted ? "admitted" : "rejected"] += 1;
  }
  return bins;
}

export const findMessage = (state, number) => {
  const thread = state.threads.get(homeOf(state, number)) ?? [];
  return thread[find(thread, number)] ?? null;
};
