// Each request that came, what was answered, and why.

import { useRef } from "preact/hooks";
import { html } from "../html.js";
import { Icon } from "../icons.js";
import { Choice } from "../list.js";
import { findMessage, homeOf } from "../state.js";
import { asCurl, exactTimeOf, pretty, statusWords } from "../words.js";
import { Copy, Headers } from "../parts.js";

export function Requests({ app }) {
  const { state, ui, go } = app;
  const rows = useNewestFirst(state.requests);
  const open = ui.request === null ? null : state.requests.findLast((request) => request.id === ui.request);
  return html`
    <${Choice} id="request" label="Requests" guess=${41} items=${rows} keyOf=${idOf} chosen=${String(ui.request)}
      choose=${(key) => go({ request: Number(key) })} cursor=${ui.requestCursor ?? (rows[0] && idOf(rows[0]))}
      move=${(requestCursor) => go({ requestCursor })} row=${(request) => html`<${Row} request=${request} />`}
      empty=${html`<p class="hint">No request has come yet. Point your program's <code>AUTOCALLS_BASE_URL</code> at <code>${state.base_url}</code>.</p>`} />
    ${ui.request !== null && html`<${Detail} key=${ui.request} app=${app} request=${open} />`}`;
}

export const idOf = (item) => String(item.id);

// The newest on top; made anew only when something has changed.
export function useNewestFirst(list) {
  const kept = useRef({});
  if (kept.current.list !== list) kept.current = { list, rows: list.toReversed() };
  return kept.current.rows;
}

const moodOf = ({ status, pending }) => (pending ? "soon" : status === null ? "shut" : status < 300 ? "open" : "shut");
const codeOf = ({ status, pending }) => status ?? (pending ? "…" : "cut");

// Whom a request is about, where it says so.
function phoneOf({ body, target }) {
  const found = /"recipient_phone"\s*:\s*"([^"]*)"/.exec(body ?? "") ?? /[?&]recipient_phone=([^&]*)/.exec(target);
  return found ? found[1].replace(/%2B/i, "+") : "";
}

function Row({ request }) {
  return html`<div class="line">
    <b class="code ${moodOf(request)}">${codeOf(request)}</b>
    <span class="what"><span class="method">${request.method}</span> ${request.endpoint} <span class="dim">${phoneOf(request)}</span></span>
    ${request.fault && html`<span class="chip fault" title="A fault struck: ${request.fault}"><${Icon} name="bolt" label="fault:" />${" "}${request.fault}</span>`}
    <time>${exactTimeOf(request.at)}</time></div>`;
}

function Detail({ app, request }) {
  if (!request) return html`<div class="detail"><p class="hint">That request is no longer kept.</p></div>`;
  const close = () => app.go({ request: null });
  return html`<div class="detail" role="region" aria-label="Request ${request.id}" tabindex="0">
    <header><h3><b class="code ${moodOf(request)}">${codeOf(request)}</b>${" "}${request.pending ? "not answered yet" : statusWords(request.status)}</h3>
      <button class="bare square" aria-label="Close the request" onClick=${close}><${Icon} name="close" /></button></header>
    <div class="acts"><${Copy} text=${asCurl(request, new URL(app.state.base_url).origin)}>Copy as curl<//>
      <${ToMessage} app=${app} number=${request.message} /></div>
    <${Verdicts} request=${request} />
    <h4>Asked <time>${exactTimeOf(request.at)}</time></h4>
    <p class="target"><b>${request.method}</b> <code>${request.target}</code></p>
    <${Headers} headers=${request.headers} />
    ${request.body && html`<pre tabindex="0" aria-label="Body of the request">${pretty(request.body)}</pre>`}
    <h4>Answered ${request.ms !== null && html`<span>after ${request.ms} ms</span>`}</h4>
    ${request.status === null ? html`<p class="hint">${request.pending ? "Not yet." : "The connection was closed without an answer."}</p>`
      : html`<${Headers} headers=${request.answer_headers} />${request.answer && html`<pre tabindex="0" aria-label="Body of the answer">${pretty(request.answer)}</pre>`}`}
  </div>`;
}

// What the limiter said, and the fault that struck.
function Verdicts({ request: { limiter, fault } }) {
  return html`<ul class="verdicts">
    ${limiter && html`<li class=${limiter.admitted ? "open" : "shut"}><${Icon} name="gauge" /> ${limiter.admitted ? "let in by the limiter" : "stopped by the limiter"}
      ${limiter.remaining !== null && limiter.remaining !== undefined && html`, ${limiter.remaining} of ${limiter.rate} left`}
      ${limiter.retry_after ? html`, told to wait ${limiter.retry_after} s` : null}</li>`}
    ${fault && html`<li class="shut"><${Icon} name="bolt" /> a fault struck: ${fault}</li>`}
  </ul>`;
}

export function ToMessage({ app, number }) {
  const message = number === null ? null : findMessage(app.state, number);
  if (!message) return null;
  const show = () => app.openChat(homeOf(app.state, number), { spotlight: number });
  return html`<button onClick=${show}><${Icon} name="chats" /> Its message</button>`;
}
