// One talk, as on the customer's phone: here one writes as the customer.

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { Icon, Ticks } from "../icons.js";
import { LongList } from "../list.js";
import { send } from "../link.js";
import { windowLeft } from "../state.js";
import { dayName, exactTimeOf, hueOf, initials, plural, timeOf, windowWords } from "../words.js";
import { Copy } from "../parts.js";

const DAY_SECONDS = 86400;
const NONE = [];

export function Thread({ app }) {
  const { chat, state, ui } = app;
  const [seen, see] = useState({ atEnd: true, upTo: Infinity });
  if (!chat) return html`<${Welcome} app=${app} />`;
  const messages = state.threads.get(ui.chat) ?? NONE;
  const newest = messages.at(-1)?.number ?? 0;
  const below = seen.atEnd ? 0 : messages.filter((message) => message.number > seen.upTo).length;
  const row = (message, index) => html`<${Row} app=${app} message=${message} before=${messages[index - 1]} />`;
  return html`<section class="thread" aria-label="Conversation with ${chat.name ?? chat.phone}">
    <${Head} app=${app} />
    ${messages.length
      ? html`<${LongList} key=${String(seen.jump)} class="long talk" tabindex="0" aria-label="Messages" items=${messages} keyOf=${numberOf}
          guess=${84} end row=${row} cursor=${ui.spotlight === null ? null : String(ui.spotlight)} onEnd=${(atEnd) => see((old) => ({ ...old, atEnd, upTo: newest }))} />`
      : html`<div class="talk blank"><p class="hint">Nothing was said yet. Write as ${chat.name ?? chat.phone}: that opens the window for 24 hours.</p></div>`}
    ${below > 0 && html`<button class="below" onClick=${() => see({ atEnd: true, jump: newest })}><${Icon} name="down" /> ${plural(below, "new message")}</button>`}
    <${Heard} last=${messages.at(-1)} />
    <${Composer} app=${app} />
  </section>`;
}

const numberOf = (message) => String(message.number);

// What comes in is read out to those who do not see it.
function Heard({ last }) {
  const first = useRef(last?.number);
  const isNew = last && last.number !== first.current && last.side === "business";
  return html`<p class="unseen" role="log" aria-live="polite">${isNew && `Received: ${last.text}`}</p>`;
}

function Head({ app: { act, chat, clock, state } }) {
  const left = windowLeft(chat, clock);
  const words = windowWords(left);
  const sender = state.senders.find((one) => one.id === chat.sender_id);
  const end = () => act(
    send("POST", `customers/${encodeURIComponent(chat.phone)}/end`, { sender_id: chat.sender_id }),
    "Your program is told that this conversation has ended.",
  );
  return html`<div class="head">
    <span class="avatar hue-${hueOf(chat.phone)}" aria-hidden="true">${initials(chat.name ?? chat.phone)}</span>
    <div class="whom"><h2><bdi>${chat.name ?? chat.phone}</bdi></h2>
      <p><span class="phone">${chat.phone}</span> <span class="via">with <bdi>${sender?.name ?? "sender"}</bdi> (${chat.sender_id})</span></p></div>
    ${state.ended && html`<button onClick=${end} aria-label="End this conversation" title="End this conversation">End</button>`}
    <div class="window ${words.mood}">
      <p>${words.long}</p>
      <div role="meter" aria-label="24-hour window" aria-valuemin="0" aria-valuemax="24" aria-valuenow=${((left ?? 0) / 3600).toFixed(2)}
        aria-valuetext=${words.long}><div style=${{ width: `${(100 * (left ?? 0)) / DAY_SECONDS}%` }}></div></div>
    </div>
  </div>`;
}

function Row({ app, message, before }) {
  const day = dayName(message.at, app.now);
  const isNewDay = !before || dayName(before.at, app.now) !== day;
  const follows = !isNewDay && before?.side === message.side;
  return html`${isNewDay && html`<p class="day"><span>${day}</span></p>`}
    <article class="bubble ${message.side} ${message.status ?? ""} ${follows ? "follows" : ""} ${app.ui.spotlight === message.number ? "lit" : ""}">
      ${message.template && html`<p class="template"><b>template</b> ${message.template.name} <span>(${message.template.id})</span></p>`}
      <p class="text" dir="auto">${message.text}</p>
      <footer>
        <time dateTime=${message.at} title=${exactTimeOf(message.at)}>${timeOf(message.at)}</time>
        ${message.status && html`${" "}<${Ticks} status=${message.status} />`}
        ${message.error && html`${" "}<span class="why">${message.error.code} ${message.error.message}</span>`}
      </footer>
      ${message.side === "business" && html`<${Handles} app=${app} message=${message} />`}
    </article>`;
}

const FINAL = new Set(["read", "failed", "undelivered"]);

// What one may do to a message that was sent.
function Handles({ app: { act, go }, message }) {
  const read = () => act(send("PUT", `messages/${message.id}/status`, { status: "read" }));
  return html`<div class="handles" role="group" aria-label="This message">
    ${!FINAL.has(message.status) && html`<button class="bare" onClick=${read}><${Icon} name="eye" /> Read</button>
      <button class="bare" onClick=${() => go({ dialog: { name: "fail", message } })}><${Icon} name="fail" /> Fail…</button>`}
    ${message.request !== null && html`<button class="bare" onClick=${() => go({ tab: "requests", pane: "inspector", request: message.request, requestCursor: String(message.request) })}>
      <${Icon} name="request" /> Request</button>`}
  </div>`;
}

// What was begun to be written, by chat: it waits there for whoever comes back.
const drafts = new Map();

function Composer({ app }) {
  const { chat, ui, act } = app;
  const field = useRef(null);
  const [text, write] = useState(drafts.get(ui.chat) ?? "");
  const put = (value) => {
    drafts.set(ui.chat, value);
    write(value);
  };
  useEffect(() => {
    field.current.style.height = "auto";
    field.current.style.height = `${field.current.scrollHeight + 2}px`;
  }, [text]);
  useEffect(() => {
    if (ui.write) field.current.focus();
  }, [ui.write]);
  const submit = async (event) => {
    event?.preventDefault();
    if (!text.trim()) return;
    put("");
    const body = { text, sender_id: chat.sender_id };
    const sent = await act(send("POST", `customers/${encodeURIComponent(chat.phone)}/messages`, body));
    if (!sent && !field.current?.value) put(text); // it was not taken: it is not lost
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  };
  const who = chat.name ?? chat.phone;
  return html`<form class="composer" onSubmit=${submit}>
    <textarea ref=${field} rows="1" maxlength="4096" dir="auto" aria-label="Write as ${who}" placeholder="Write as ${who}" value=${text}
      onInput=${(event) => put(event.currentTarget.value)} onKeyDown=${onKeyDown}></textarea>
    <button class="main" aria-label="Send"><${Icon} name="send" /></button>
  </form>`;
}

// Before a chat is open: how to begin.
function Welcome({ app: { state } }) {
  const lines = state.base_url && [
    `export AUTOCALLS_BASE_URL=${state.base_url}`,
    `export AUTOCALLS_API_KEY=${state.api_key ? "the-key-it-was-started-with" : "any-key"}`,
    `export AUTOCALLS_SENDER_ID=${state.senders[0]?.id ?? 12}`,
  ].join("\n");
  return html`<section class="thread" aria-label="Conversation"><div class="welcome">
    <img src="/_sandbox/page/icon.svg" alt="" width="72" height="72" />
    <h2>Play both sides of the talk</h2>
    <ol>
      <li><p>Point your program here.</p>${lines && html`<div class="lines"><pre tabindex="0" aria-label="Settings for your shell">${lines}</pre><${Copy} text=${lines} label="Copy these lines" /></div>`}</li>
      <li><p>Choose a customer and write as they would.</p></li>
      <li><p>Watch what your program answers, and every request it makes. Then let things go wrong.</p></li>
    </ol></div></section>`;
}
