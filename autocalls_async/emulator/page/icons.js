// Small drawings, all of one hand: lines on a field of 16 by 16.

import { html } from "./html.js";

const PATHS = {
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 14 14",
  plus: "M8 3v10M3 8h10",
  close: "m4 4 8 8M12 4l-8 8",
  send: "M2.5 8 13.5 2.8 9.8 13.4 7.4 9z M7.4 9l6.1-6.2",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  done: "m3 8.5 3.2 3.2L13 5",
  reply: "M6.5 3.5 2.5 7.5l4 4M2.5 7.5h7a4 4 0 0 1 4 4v1",
  down: "M8 3v9.5M3.5 8.3 8 12.8l4.5-4.5",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.6V8l2.4 1.6",
  bolt: "M9 1.5 3.5 9H8l-1 5.5L12.5 7H8z",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  fail: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.8v3.9M8 11v.2",
  request: "M5 4 1.5 8 5 12M11 4l3.5 4L11 12M9 3 7 13",
  again: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  twice: "M3.5 5.5h6v8h-6zM6.5 5.5v-3h6v8h-3",
  swap: "M4.5 13V3M2 5.5 4.5 3 7 5.5M11.5 3v10M9 10.5l2.5 2.5 2.5-2.5",
  key: "M5 5.5a3 3 0 1 0 2.9 3.8H10v2h2v-2h2v-2H7.9A3 3 0 0 0 5 5.5z",
  chats: "M2 3h12v8H7l-3.5 3V11H2z",
  gauge: "M2 12a6 6 0 1 1 12 0M8 12l3-4",
  out: "M3 8h9M8.5 4.5 12 8l-3.5 3.5M2 3v10",
  knobs: "M3 4.5h6M12 4.5h1M3 11.5h1M7 11.5h6M10.5 3v3M5.5 10v3",
  help: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM6.3 6.3a1.8 1.8 0 1 1 2.5 1.7c-.6.3-.8.6-.8 1.2M8 11.2v.2",
  write: "M3 13l.8-3L10.5 3.3 12.7 5.5 6 12.200z",
};

export function Icon({ name, label }) {
  return html`<svg class="icon" viewBox="0 0 16 16" role=${label ? "img" : null} aria-label=${label} aria-hidden=${label ? null : "true"}>
    <path d=${PATHS[name]} /></svg>`;
}

// How far a message has come: a tick for each step behind it, a dot for each before it.
const STEPS = { queued: 0, sent: 1, delivered: 2, read: 3 };

export function Ticks({ status }) {
  const steps = STEPS[status];
  if (steps === undefined) return html`<span class="ticks failed"><${Icon} name="fail" /> ${status}</span>`;
  return html`<span class="ticks ${status}">
    <svg class="icon" viewBox="0 0 24 12" aria-hidden="true">
      ${[1, 2, 3].map((step) => html`<path key=${step} class=${step <= steps ? "done" : "todo"}
        d=${step <= steps ? `m${step * 7 - 5.5} 6.5 2.2 2.7 4-6` : `M${step * 7 - 3} 7h1`} />`)}
    </svg>${" "}${status}</span>`;
}
