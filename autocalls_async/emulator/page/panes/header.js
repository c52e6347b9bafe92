// What stands above it all: whether we are connected, the time there, and how the account does.

import { html } from "../html.js";
import { Icon } from "../icons.js";
import { drift, machineTime, secondOf, weekdayOf } from "../words.js";
import { Copy } from "../parts.js";

const LINK = { live: "live", connecting: "connecting", gone: "no answer" };

export function Header({ app }) {
  const { state, link, now } = app;
  return html`<header class="top">
    <h1><img src="/_sandbox/page/icon.svg" alt="" width="26" height="26" /><span>Autocalls</span>${" "}sandbox</h1>
    <span class="link ${link}" role="status">${LINK[link]}</span>
    ${state.base_url && html`<span class="base"><code>${state.base_url}</code><${Copy} text=${state.base_url} label="Copy the base URL" /></span>`}
    <${Vitals} app=${app} />
    ${state.run && html`<${Clock} now=${now} />`}
    <button class="bare square" aria-label="Keys and help" onClick=${() => app.go({ dialog: { name: "help" } })}><${Icon} name="help" /></button>
  </header>`;
}

function Clock({ now }) {
  const ahead = drift(now - Date.now() / 1000);
  return html`<span class="clock" title="The sandbox's clock"><${Icon} name="clock" />${" "}
    <time dateTime=${machineTime(now)}><span class="date">${weekdayOf(now)}, </span>${secondOf(now)}</time>
    ${ahead && html`<b class="drift">${ahead}</b>`}</span>`;
}

function Vitals({ app: { state, go } }) {
  const { limits, account, faults } = state;
  const armed = faults.reduce((sum, fault) => sum + fault.count, 0);
  const toTab = (tab) => () => go({ tab, pane: "inspector" });
  return html`<ul class="vitals" aria-label="The account">
    <li><button class="bare" onClick=${toTab("controls")}>Balance <b class=${Number(account.balance) <= 0 ? "bad" : ""}>${account.balance}</b></button></li>
    <li><button class="bare" onClick=${toTab("limits")}>Busiest second <b class=${limits.most > limits.rate ? "bad" : ""}>${limits.most ?? 0} of ${limits.rate ?? "∞"}</b></button></li>
    <li><button class="bare" onClick=${toTab("limits")}>Too fast <b class=${limits.rejected ? "bad" : ""}>${limits.rejected ?? 0}</b></button></li>
    ${armed > 0 && html`<li><button class="bare armed" onClick=${toTab("controls")}><${Icon} name="bolt" /> Faults ahead <b>${armed}</b></button></li>`}
  </ul>`;
}

const PANES = [["chats", "Chats", "chats"], ["thread", "Thread", "write"], ["inspector", "Inspector", "gauge"]];

// On a narrow screen: which of the three is in sight.
export function PaneBar({ app: { ui, go, state } }) {
  const count = [...state.unread.values()].reduce((sum, one) => sum + one, 0);
  return html`<nav class="panes" aria-label="Panes">${PANES.map(([pane, label, icon]) => html`
    <button key=${pane} class="bare" aria-current=${ui.pane === pane ? "true" : null} onClick=${() => go({ pane })}>
      <${Icon} name=${icon} /><span>${label}</span>
      ${pane === "chats" && count > 0 && html`<b class="unread" aria-label="${count} unread">${count}</b>`}</button>`)}</nav>`;
}
