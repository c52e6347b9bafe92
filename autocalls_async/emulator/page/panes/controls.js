// The handles of the sandbox: its time, what goes wrong, and what the account has.

import { useState } from "preact/hooks";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { send } from "../link.js";
import { windowLeft } from "../state.js";
import { plural, secondOf, weekdayOf, windowWords } from "../words.js";
import { Form } from "../parts.js";
import { FaultControls } from "./faults.js";

export function Controls({ app }) {
  if (!app.state.run) return html`<p class="hint">Asking the sandbox…</p>`;
  return html`
    <${ClockControls} app=${app} />
    <${FaultControls} app=${app} />
    <${SenderControls} app=${app} />
    <${MoneyControls} app=${app} />
    <${TemplateControls} app=${app} />
    <${KeepingControls} app=${app} />`;
}

const STEPS = [["+1 min", 60], ["+1 h", 3600], ["+1 day", 86400]];
const BEFORE_END = 60;

function ClockControls({ app: { act, chat, clock, now } }) {
  const ahead = (advance) => act(send("POST", "clock", { advance }));
  const left = chat && windowLeft(chat, clock);
  const toEnd = (before) => act(send("POST", "clock", { to: chat.closes_at - before }));
  return html`<fieldset><legend>Clock</legend>
    <p class="wide"><b>${weekdayOf(now)}, ${secondOf(now)}</b> <span class="dim">It runs on; it can be moved ahead, never back.</span></p>
    ${STEPS.map(([label, seconds]) => html`<button key=${label} onClick=${() => ahead(seconds)}>${label}</button>`)}
    <button disabled=${!left} onClick=${() => toEnd(0)}>To the end of this window</button>
    <button disabled=${!left || left <= BEFORE_END} onClick=${() => toEnd(BEFORE_END)}>A minute before it</button>
    <p class="wide dim">${chat ? html`<bdi>${chat.name ?? chat.phone}</bdi>: ${windowWords(left).long.toLowerCase()}` : "Open a chat to run its window down."}</p>
  </fieldset>`;
}

const SENDER_STATUSES = ["online", "offline", "connecting", "pending", "suspended", "failed"];

function Options({ names, chosen }) {
  const all = names.includes(chosen) ? names : [chosen, ...names];
  return all.map((name) => html`<option key=${name} value=${name} selected=${name === chosen}>${name}</option>`);
}

function SenderControls({ app: { state, act } }) {
  const turn = (sender) => (event) => act(send("PATCH", `senders/${sender.id}`, { status: event.currentTarget.value }));
  return html`<fieldset><legend>Senders</legend>${state.senders.map((sender) => html`
    <label key=${sender.id} class="pair"><span><bdi>${sender.name}</bdi> <span class="dim">${sender.id}, ${sender.phone}</span></span>
      <select class=${sender.status === "online" ? "" : "bad"} onChange=${turn(sender)}><${Options} names=${SENDER_STATUSES} chosen=${sender.status} /></select></label>`)}
  </fieldset>`;
}

function MoneyControls({ app: { state, act } }) {
  const submit = ({ balance, cost }) => act(send("PATCH", "account", { balance, cost }), "The account was changed.");
  return html`<fieldset><legend>Balance</legend>
    <${Form} class="row" key=${`${state.account.balance} ${state.account.cost}`} submit=${submit}>
      <label>Balance <input name="balance" inputmode="decimal" required pattern="-?[0-9]+([.][0-9]+)?" defaultValue=${state.account.balance} /></label>
      <label>A message costs <input name="cost" inputmode="decimal" required pattern="[0-9]+([.][0-9]+)?" defaultValue=${state.account.cost} /></label>
      <button>Set</button><//>
    <button onClick=${() => submit({ balance: "0.00", cost: state.account.cost })}>Empty it</button>
  </fieldset>`;
}

const TEMPLATE_STATUSES = ["approved", "pending", "rejected", "paused"];

function TemplateControls({ app: { state, act, go } }) {
  const turn = (template) => (event) => act(send("PATCH", `templates/${template.id}`, { status: event.currentTarget.value }));
  return html`<fieldset><legend>Templates</legend>${state.templates.map((template) => html`
    <div key=${template.id} class="pair"><span><b>${template.name}</b> <span class="dim">${template.id}, ${template.language}</span>
        <span class="body">${template.body}</span></span>
      <select aria-label="Status of ${template.name}" class=${template.status === "approved" ? "" : "bad"} onChange=${turn(template)}>
        <${Options} names=${TEMPLATE_STATUSES} chosen=${template.status} /></select>
      <button class="bare square" aria-label="Change ${template.name}" onClick=${() => go({ dialog: { name: "template", template } })}><${Icon} name="write" /></button></div>`)}
    <button onClick=${() => go({ dialog: { name: "template", template: null } })}><${Icon} name="plus" /> New template</button>
  </fieldset>`;
}

function KeepingControls({ app: { state, act, go } }) {
  const [count, again] = useState(0); // a file can be chosen twice
  const restore = async (event) => {
    const [file] = event.currentTarget.files;
    if (!file) return;
    await act(file.text().then((text) => send("PUT", "snapshot", JSON.parse(text))), "The snapshot was restored.");
    again(count + 1);
  };
  const record = (on) => act(send("POST", "recording", { on }));
  return html`<fieldset><legend>Keep and begin anew</legend>
    <a class="button" href="/_sandbox/v1/snapshot" download="sandbox.json">Save a snapshot</a>
    <label class="button">Restore one…<input class="unseen" type="file" accept="application/json" key=${count} onChange=${restore} /></label>
    ${state.recording
      ? html`<button class="recording" onClick=${() => record(false)}>Stop recording</button>
        <a class="button" href="/_sandbox/v1/recording" download="run.jsonl">Save the recording</a>`
      : html`<button onClick=${() => record(true)}>Record the talk</button>`}
    <button class="danger" onClick=${() => go({ dialog: { name: "reset" } })}>Reset…</button>
    <p class="wide dim">${plural(state.kept, "message")} here; the newest ${state.keep?.toLocaleString()} are kept. A recording can be replayed against your program: <code>autocalls emulator replay run.jsonl --inbound URL</code>.</p>
  </fieldset>`;
}
