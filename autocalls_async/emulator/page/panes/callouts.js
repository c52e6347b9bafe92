// What the sandbox calls at your program: receipts, messages that came in, talks that ended.

import { html } from "../html.js";
import { Icon } from "../icons.js";
import { Choice } from "../list.js";
import { send } from "../link.js";
import { duration, exactTimeOf, plural, pretty, secondOf } from "../words.js";
import { Headers } from "../parts.js";
import { ToMessage, idOf, useNewestFirst } from "./requests.js";

export function Callouts({ app }) {
  const { state, ui, go } = app;
  const rows = useNewestFirst(state.callouts);
  const open = ui.callout === null ? null : state.callouts.findLast((callout) => callout.id === ui.callout);
  return html`
    <${Choice} id="callout" label="Callouts" guess=${41} items=${rows} keyOf=${idOf} chosen=${String(ui.callout)}
      choose=${(key) => go({ callout: Number(key) })} cursor=${ui.calloutCursor ?? (rows[0] && idOf(rows[0]))}
      move=${(calloutCursor) => go({ calloutCursor })} row=${(callout) => html`<${Row} callout=${callout} clock=${app.clock} />`}
      empty=${html`<${None} state=${state} />`} />
    ${open && html`<${Detail} key=${open.id} app=${app} callout=${open} />`}`;
}

function None({ state: { webhook, inbound, ended } }) {
  if (webhook || inbound || ended) {
    return html`<p class="hint">Nothing was called yet. Receipts go to <code>${webhook ?? "nowhere"}</code>, messages that come in to <code>${inbound ?? "nowhere"}</code>.</p>`;
  }
  return html`<p class="hint">Start the sandbox with <code>--webhook URL</code> to have receipts delivered to your program, signed, and with <code>--inbound URL</code> to have
    what customers write forwarded to it.</p>`;
}

const lastOf = (callout) => callout.attempts.at(-1) ?? null;
const MOODS = { waiting: "soon", "under way": "soon", done: "open", "given up": "shut" };

function codeOf(callout) {
  const last = lastOf(callout);
  return last ? last.status ?? "no answer" : "…";
}

function Row({ callout, clock }) {
  const tries = callout.attempts.length;
  return html`<div class="line">
    <b class="code ${MOODS[callout.state]}">${codeOf(callout)}</b>
    <span class="what"><span class="method">${callout.kind}</span> <bdi>${callout.label}</bdi></span>
    ${callout.next_at !== null ? html`<span class="chip soon"><${Icon} name="again" label="again in" />${" "}${duration(callout.next_at - clock)}</span>`
      : tries > 1 && html`<span class="chip">${tries} attempts</span>`}
    <time>${tries ? secondOf(callout.attempts[0].at) : ""}</time></div>`;
}

const AGAIN = [
  ["again", "Again", "again", "once more, as it was"],
  ["twice", "Twice", "twice", "two at the same time"],
  ["out-of-order", "Out of order", "swap", "the later step first"],
  ["broken-signature", "Broken signature", "key", "signed with a wrong key: your program must refuse it"],
];

function Detail({ app, callout }) {
  const again = (how) => () => app.act(send("POST", `callouts/${callout.id}/again`, { how }));
  const isSigned = callout.kind === "receipt";
  return html`<div class="detail" role="region" aria-label="Callout ${callout.id}" tabindex="0">
    <header><h3><b class="code ${MOODS[callout.state]}">${codeOf(callout)}</b>${" "}${callout.state}</h3>
      <button class="bare square" aria-label="Close the callout" onClick=${() => app.go({ callout: null })}><${Icon} name="close" /></button></header>
    <div class="acts">
      ${callout.next_at !== null && html`<button class="main" onClick=${again("now")}><${Icon} name="bolt" /> Retry now</button>`}
      ${AGAIN.filter(([how]) => isSigned || how === "again" || how === "twice").map(([how, label, icon, title]) => html`
        <button key=${how} title=${title} onClick=${again(how)}><${Icon} name=${icon} /> ${label}</button>`)}
      <${ToMessage} app=${app} number=${callout.message} /></div>
    <h4>${plural(callout.attempts.length, "attempt")}</h4>
    <ol class="attempts">${callout.attempts.map((attempt, at) => html`<li key=${at}>
      <time>${exactTimeOf(attempt.at)}</time> <b class="code ${attempt.status < 300 && attempt.status ? "open" : "shut"}">${attempt.status ?? attempt.error}</b>
      <span>+${duration(attempt.due)}</span> <span>${attempt.ms} ms</span>
      ${attempt.answer && html`<code>${attempt.answer}</code>`}</li>`)}
      ${callout.next_at !== null && html`<li class="soon">next in ${duration(callout.next_at - app.clock)}</li>`}</ol>
    <h4>Called</h4>
    <p class="target"><b>POST</b> <code>${callout.url}</code></p>
    <${Headers} headers=${callout.headers} />
    <pre tabindex="0" aria-label="Body of the callout">${pretty(callout.body)}</pre>
  </div>`;
}
