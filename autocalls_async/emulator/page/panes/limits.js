// How the sends stand against the limit: what a client must never learn in production.

import { html } from "../html.js";
import { sendsBySecond } from "../state.js";
import { plural } from "../words.js";

const WIDTH = 380;
const HEIGHT = 150;
const FLOOR = 126;

export function Limits({ app: { state, clock } }) {
  const { limits } = state;
  const bins = sendsBySecond(state, clock);
  return html`
    <figure class="sends"><figcaption>Sends in each of the last ten seconds${limits.rate && ` (limit: ${limits.rate} in ${limits.per === 1 ? "a second" : `${limits.per} s`})`}</figcaption>
      <${Bars} bins=${bins} rate=${limits.rate} />
      <p class="legend"><span class="admitted">let in</span> <span class="rejected">stopped</span></p></figure>
    <dl class="cards">
      <${Card} label="Most in any second" value=${limits.most ?? 0} bad=${limits.rate && limits.most > limits.rate} note=${limits.rate ? `${limits.rate} are allowed` : "no limit is set"} />
      <${Card} label="Stopped with 429" value=${limits.rejected ?? 0} bad=${limits.rejected > 0} note=${limits.shape ? `counted as a ${limits.shape.replaceAll("-", " ").replaceAll("_", " ")}` : "nothing is counted"} />
      <${Card} label="Accepted" value=${limits.accepted ?? 0} note="taken in and paid for" />
      <${Card} label="Doubles" value=${limits.doubles ?? 0} bad=${limits.doubles > 0} note="accepted before, word for word" />
    </dl>
    <h3>Undocumented fields</h3>
    ${limits.undocumented?.length ? html`<p>Your program sent what no page of the API names:</p>
        <ul class="chips">${limits.undocumented.map((name) => html`<li key=${name} class="chip fault">${name}</li>`)}</ul>`
      : html`<p class="hint">None: every field that came is one that the API documents.</p>`}`;
}

function Card({ label, value, note, bad }) {
  return html`<div><dt>${label}</dt><dd class=${bad ? "bad" : ""}>${value.toLocaleString()}</dd><dd class="small">${note}</dd></div>`;
}

function Bars({ bins, rate }) {
  const most = Math.max(rate ?? 0, ...bins.map((bin) => bin.admitted + bin.rejected), 5) + 1;
  const scale = (count) => (count * (FLOOR - 10)) / most;
  const step = (WIDTH - 24) / bins.length;
  const told = bins.map((bin) => bin.admitted + bin.rejected).join(", ");
  return html`<svg class="bars" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Sends a second, the oldest first: ${told}">
    ${bins.map((bin, at) => html`<${Bar} key=${at} bin=${bin} x=${24 + at * step} width=${step - 6} scale=${scale} ago=${bins.length - 1 - at} />`)}
    ${rate && html`<path class="limit" d="M22 ${FLOOR - scale(rate)}H${WIDTH}" /><text class="limit" x="18" y=${FLOOR - scale(rate) + 4} text-anchor="end">${rate}</text>`}
    <path class="floor" d="M22 ${FLOOR}H${WIDTH}" />
  </svg>`;
}

function Bar({ bin, x, width, scale, ago }) {
  const [admitted, rejected] = [scale(bin.admitted), scale(bin.rejected)];
  return html`<g>
    <title>${plural(bin.admitted, "send")} let in, ${bin.rejected} stopped</title>
    <rect class="admitted" x=${x} y=${FLOOR - admitted} width=${width} height=${admitted} rx="2" />
    <rect class="rejected" x=${x} y=${FLOOR - admitted - rejected} width=${width} height=${rejected} rx="2" />
    <text x=${x + width / 2} y=${HEIGHT - 8} text-anchor="middle">${ago ? `−${ago}` : "now"}</text></g>`;
}
