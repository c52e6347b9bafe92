// What shall go wrong next.

import { useState } from "preact/hooks";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { send } from "../link.js";
import { Form } from "../parts.js";

const TOLD = {
  "hang-up-after": ["Take it, then hang up", "The message goes out and the answer is lost: nobody can know."],
  "hang-up-before": ["Hang up at once", "Nothing is done and nothing is answered."],
  refuse: ["Refuse with a status", "Nothing is done; a refusal is answered."],
  garble: ["Answer with garbage", "The message goes out; the answer cannot be read."],
  delay: ["Answer late", "The message goes out; the answer takes its time."],
  stall: ["Never answer", "The connection stays open, and nothing comes."],
};
const ENDPOINTS = ["send-freeform", "send", "session-status", "senders", "templates", "me"];

export function FaultControls({ app: { state, act } }) {
  const [fault, choose] = useState(state.fault_kinds[0]);
  const submit = ({ count, endpoint, status, seconds }) => act(send("POST", "faults", {
    fault, count: Number(count), endpoint: endpoint || null,
    ...(fault === "refuse" && { status: Number(status) }), ...(fault === "delay" && { seconds: Number(seconds) }),
  }));
  return html`<fieldset><legend>Faults</legend>
    <${Form} class="row" submit=${submit}>
      <label>What <select value=${fault} onChange=${(event) => choose(event.currentTarget.value)}>${state.fault_kinds.map((kind) => html`
        <option key=${kind} value=${kind}>${TOLD[kind]?.[0] ?? kind}</option>`)}</select></label>
      <p class="wide dim">${TOLD[fault]?.[1]}</p>
      ${fault === "refuse" && html`<label>Status <input name="status" type="number" min="400" max="599" defaultValue="503" required /></label>`}
      ${fault === "delay" && html`<label>Seconds <input name="seconds" type="number" min="0" step="0.1" defaultValue="2" required /></label>`}
      <label>To <select name="endpoint"><option value="">any request</option>${ENDPOINTS.map((name) => html`<option key=${name}>${name}</option>`)}</select></label>
      <label>Times <input name="count" type="number" min="1" max="1000" defaultValue="1" required /></label>
      <button class="main"><${Icon} name="bolt" /> Let it happen</button>
    <//>
    ${state.faults.length > 0 && html`<ul class="ahead wide">${state.faults.map((ahead, at) => html`
        <li key=${at}><b>${ahead.count} ×</b> ${nameOf(ahead)} <span class="dim">to ${ahead.endpoint ?? "any request"}</span></li>`)}</ul>
      <button onClick=${() => act(send("DELETE", "faults"))}>None of these</button>`}
  </fieldset>`;
}

function nameOf({ fault, status, seconds }) {
  const name = TOLD[fault]?.[0] ?? fault;
  if (status) return `${name}: ${status}`;
  return seconds ? `${name}: ${seconds} s` : name;
}
