// The windows that come before the page, one at a time.

import { html } from "../html.js";
import { send } from "../link.js";
import { Dialog, Form } from "../parts.js";
import { HELP } from "../keys.js";

export function Dialogs({ app }) {
  const { dialog } = app.ui;
  if (!dialog) return null;
  const View = VIEWS[dialog.name];
  const close = () => app.go({ dialog: null });
  return html`<${View} app=${app} close=${close} ...${dialog} />`;
}

const VIEWS = { help: Help, customer: NewCustomer, fail: Fail, reset: Reset, template: EditTemplate };

function Help({ close }) {
  return html`<${Dialog} title="Keys" close=${close}>
    <dl class="keys">${HELP.map(([keys, does]) => html`<div key=${keys}>
      <dt>${keys.split(/\s+/).map((key) => html`<kbd key=${key}>${key}</kbd> `)}</dt><dd>${does}</dd></div>`)}</dl>
    <p class="dim">Everything here can be done by programs too: <a href="/_sandbox/v1/openapi.json">the control API</a>.</p><//>`;
}

// A number that nobody here has: of those that are set aside for fiction.
function freePhone(chats) {
  const taken = new Set([...chats.values()].map((chat) => chat.phone));
  for (let number = 100; number < 10000; number += 1) {
    const phone = `+1415555${String(number).padStart(4, "0")}`;
    if (!taken.has(phone)) return phone;
  }
  return "+1";
}

function NewCustomer({ app, close }) {
  const { state, act } = app;
  const submit = async ({ phone, name, sender, text }) => {
    const sender_id = Number(sender);
    const whole = phone.replace(/[\s()-]/g, "");
    const path = `customers/${encodeURIComponent(whole)}`;
    const made = await act(text.trim()
      ? send("POST", `${path}/messages`, { text, sender_id, name: name || null })
      : send("PUT", `${path}/window`, { seconds_remaining: 0, sender_id, name: name || null }));
    if (!made) return;
    close();
    app.openChat(`${sender_id} ${whole}`, { search: "", write: {} });
  };
  return html`<${Dialog} title="New customer" close=${close}><${Form} class="fields" submit=${submit}>
    <label>Name <input name="name" autocomplete="off" placeholder="Customer" maxlength="255" /></label>
    <label>Phone <input name="phone" required autocomplete="off" inputmode="tel" defaultValue=${freePhone(state.chats)} /></label>
    <label>Writes to <select name="sender">${state.senders.map((sender) => html`<option key=${sender.id} value=${sender.id}>${sender.name} (${sender.id})</option>`)}</select></label>
    <label>First message <textarea name="text" rows="2" maxlength="4096" placeholder="Left empty: they wrote long ago, and the window is closed"></textarea></label>
    <button class="main">Add</button><//><//>`;
}

// What Meta answers most when a message did not arrive.
const REASONS = [
  [131026, "Message undeliverable"],
  [131047, "Re-engagement message"],
  [131049, "Not delivered, to keep the ecosystem healthy"],
  [130472, "The number is part of an experiment"],
  [131000, "Something went wrong"],
];

function Fail({ app, close, message }) {
  const submit = async ({ code, words, status }) => {
    const body = { status, error_code: Number(code), error_message: words || null };
    if (await app.act(send("PUT", `messages/${message.id}/status`, body))) close();
  };
  const fill = (event) => {
    const reason = REASONS.find(([code]) => code === Number(event.currentTarget.value));
    if (reason) event.currentTarget.form.elements.words.value = reason[1];
  };
  return html`<${Dialog} title="Let this message fail" close=${close}><${Form} class="fields" submit=${submit}>
    <blockquote dir="auto">${message.text}</blockquote>
    <label>Code <input name="code" type="number" min="1" required list="codes" defaultValue=${REASONS[0][0]} onInput=${fill} /></label>
    <datalist id="codes">${REASONS.map(([code, words]) => html`<option key=${code} value=${code}>${words}</option>`)}</datalist>
    <label>Reason <input name="words" defaultValue=${REASONS[0][1]} maxlength="255" /></label>
    <label>Status <select name="status"><option>failed</option><option>undelivered</option></select></label>
    <button class="danger">Let it fail</button><//><//>`;
}

function Reset({ app, close }) {
  const reset = async () => {
    if (await app.act(send("POST", "reset"), "The sandbox begins anew.")) close();
  };
  return html`<${Dialog} title="Begin anew?" close=${close}>
    <p>Every message, request and callout is forgotten, and the account is as it was at the start. A snapshot would keep them.</p>
    <div class="acts"><button onClick=${close}>Keep it all</button><button class="danger" onClick=${reset}>Reset</button></div><//>`;
}

const PLACEHOLDER = /\{\{\s*(\w+)\s*\}\}/g;

function EditTemplate({ app, close, template }) {
  const { state, act } = app;
  const id = template?.id ?? Math.max(0, ...state.templates.map((one) => one.id)) + 1;
  const submit = async ({ name, body, language, category, status }) => {
    const count = new Set([...body.matchAll(PLACEHOLDER)].map(([, key]) => key)).size;
    const named = template?.variables ?? [];
    const variables = Array.from({ length: count }, (_, at) => named[at] ?? String(at + 1));
    const sender_id = template?.sender_id ?? null;
    const whole = { name, body, language, category, status, variables, sender_id };
    if (await act(send("PUT", `templates/${id}`, whole))) close();
  };
  const { name = "", body = "", language = "en", category = "utility", status = "approved" } = template ?? {};
  return html`<${Dialog} title=${template ? `Template ${id}` : "New template"} close=${close}><${Form} class="fields" submit=${submit}>
    <label>Name <input name="name" required autocomplete="off" defaultValue=${name} /></label>
    <label>Text <textarea name="body" required rows="4" maxlength="1024" placeholder="Hi {{1}}, your table is ready." defaultValue=${body}></textarea></label>
    <label>Language <input name="language" required defaultValue=${language} /></label>
    <label>Category <select name="category">${["utility", "marketing", "authentication"].map((one) => html`<option key=${one} selected=${one === category}>${one}</option>`)}</select></label>
    <label>Status <select name="status">${["approved", "pending", "rejected"].map((one) => html`<option key=${one} selected=${one === status}>${one}</option>`)}</select></label>
    <button class="main">Save</button><//><//>`;
}
