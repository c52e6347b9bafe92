// Everybody who has something with the account, the last one written to on top.

import { useRef } from "preact/hooks";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { Choice } from "../list.js";
import { listChats, windowLeft } from "../state.js";
import { hueOf, initials, plural, whenShort, windowWords } from "../words.js";

export function Chats({ app }) {
  const { state, ui, go } = app;
  const rows = useRows(state, ui.search);
  const senders = state.senders.length;
  const choose = (key) => {
    const found = rows.find((row) => row.key === key)?.found;
    app.openChat(key, { spotlight: found?.number ?? null, write: {} });
  };
  return html`<section class="chats" aria-label="Customers">
    <h2 class="unseen">Customers</h2>
    <div class="tools">
      <label class="search"><${Icon} name="search" /><input type="search" placeholder="Search" aria-label="Search customers and messages"
        value=${ui.search} onInput=${(event) => go({ search: event.currentTarget.value })} /><kbd>/</kbd></label>
      <button class="square" aria-label="New customer" title="New customer" onClick=${() => go({ dialog: { name: "customer" } })}><${Icon} name="plus" /></button>
    </div>
    ${ui.search.trim() && html`<p class="found" role="status">${plural(rows.length, "customer")}</p>`}
    <${Choice} id="chat" label="Customers" guess=${62} items=${rows} keyOf=${rowKey} chosen=${ui.chat} choose=${choose}
      cursor=${ui.chatCursor ?? rows[0]?.key} move=${(chatCursor) => go({ chatCursor })}
      row=${(row) => html`<${Row} row=${row} app=${app} several=${senders > 1} />`}
      empty=${html`<${Nobody} app=${app} />`} />
  </section>`;
}

const rowKey = (row) => row.key;

// The rows, made anew only when something in them has changed.
function useRows(state, search) {
  const kept = useRef({});
  const { chats, threads } = state;
  const old = kept.current;
  if (old.chats !== chats || old.threads !== threads || old.search !== search) {
    kept.current = { chats, threads, search, rows: listChats(state, search) };
  }
  return kept.current.rows;
}

function Row({ row: { key, chat, last, found }, app: { state, clock, now, ui } }) {
  const unread = state.unread.get(key);
  const left = windowWords(windowLeft(chat, clock));
  const shown = found ?? last;
  return html`<div class="chat">
    <span class="avatar hue-${hueOf(chat.phone)}" aria-hidden="true">${initials(chat.name ?? chat.phone)}</span>
    <bdi class="who">${chat.name ?? chat.phone}</bdi>
    <span class="left ${left.mood}" title=${left.long}>${left.short}</span>
    <span class="last">${shown ? html`<${Last} message=${shown} search=${found && ui.search} />` : chat.phone}</span>
    ${unread ? html`<b class="unread" aria-label="${unread} unread">${unread}</b>`
      : shown && html`<time>${whenShort(shown.at, now)}</time>`}
  </div>`;
}

// The last text in one line, or the one that was searched for, with what was found marked.
function Last({ message, search }) {
  const who = message.side === "business" ? html`<${Icon} name="reply" label="Answered:" />${" "}` : null;
  const at = search ? message.low.indexOf(search.trim().toLowerCase()) : -1;
  if (at < 0) return html`${who}<bdi>${message.text}</bdi>`;
  const [from, to] = [Math.max(0, at - 14), at + search.trim().length];
  return html`${who}<bdi>${from > 0 && "…"}${message.text.slice(from, at)}<mark>${message.text.slice(at, to)}</mark>${message.text.slice(to)}</bdi>`;
}

function Nobody({ app: { state, ui, go } }) {
  if (!state.run) return html`<p class="hint">Asking the sandbox…</p>`;
  if (ui.search) return html`<p class="hint">Nobody, and nothing that was said, fits “${ui.search}”.</p>`;
  return html`<div class="hint"><p>There are no customers yet.</p>
    <button onClick=${() => go({ dialog: { name: "customer" } })}><${Icon} name="plus" /> New customer</button></div>`;
}
