// The page's line to the server: the state at first, then the feed; and what it asks for.

const HOME = "/_sandbox/v1";
const FLUSH_MS = 100;
const AGAIN_MS = [200, 500, 1000, 2000];
const PIECE = 1000; // messages of before, fetched at once

// What the server would not do: its own words, and the field that they are about.
export class Refused extends Error {
  constructor({ error, field }) {
    super(error);
    this.field = field ?? null;
  }
}

export async function get(path) {
  return read(await fetch(`${HOME}/${path}`));
}

export async function send(method, path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return read(await fetch(`${HOME}/${path}`, { method, headers, body: JSON.stringify(body) }));
}

async function read(answer) {
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(body ?? { error: `the sandbox answered ${answer.status}` });
  return body;
}

// Follow the sandbox for ever. `hear` is given what comes: `begin(body)`, `batch(events)`,
// `before(messages)` and `tell("live" | "connecting" | "gone")`.
export class Link {
  #hear; #socket = null; #waiting = []; #timer = 0; #flushedAt = 0; #tries = 0; #open = null; #place = null;

  constructor(hear) {
    this.#hear = hear;
  }

  async start() {
    try {
      const body = await get("state");
      this.#waiting = [];
      this.#place = { seq: body.seq, run: body.run };
      this.#hear.begin(body);
      this.#listen();
      this.#fetchBefore(body.run, body.last_message + 1);
    } catch {
      this.#tryAgain();
    }
  }

  // Say which thread is open here: its messages count as read by the customer.
  showing(chat) {
    this.#open = chat && { sender_id: chat.sender_id, phone: chat.phone };
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ open: this.#open }));
  }

  #listen() {
    const { seq, run } = this.#place;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${HOME}/feed?after=${seq}&run=${encodeURIComponent(run)}`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#tries = 0;
      this.#hear.tell("live");
      if (this.#open) this.showing(this.#open);
    };
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = () => this.#tryAgain();
  }

  #take(events) {
    if (events.some((event) => event.kind === "reset")) {
      this.#socket.onclose = null;
      this.#socket.close();
      this.start();
      return;
    }
    this.#waiting.push(...events);
    // The first of a lull is shown at once, the others ten times a second, however many.
    this.#timer ||= setTimeout(() => this.#flush(), Math.max(0, this.#flushedAt + FLUSH_MS - performance.now()));
  }

  #flush() {
    this.#timer = 0;
    this.#flushedAt = performance.now();
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length) this.#place.seq = events.at(-1).seq;
    this.#hear.batch(events);
  }

  #tryAgain() {
    this.#hear.tell(this.#tries ? "gone" : "connecting");
    const pause = AGAIN_MS[Math.min(this.#tries, AGAIN_MS.length - 1)];
    this.#tries += 1;
    setTimeout(() => this.start(), pause);
  }

  // The messages of before, the newest first: threads on screen are whole at once.
  async #fetchBefore(run, before) {
    let more = true;
    while (more && this.#place.run === run) {
      const piece = await get(`messages?before=${before}&limit=${PIECE}`);
      if (!piece.messages.length || this.#place.run !== run) return;
      this.#hear.before(piece.messages);
      before = piece.messages[0].number;
      more = piece.more;
    }
  }
}
