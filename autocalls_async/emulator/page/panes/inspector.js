// What went on behind the talk, and the handles to change it.

import { html } from "../html.js";
import { Icon } from "../icons.js";
import { Requests } from "./requests.js";
import { Limits } from "./limits.js";
import { Callouts } from "./callouts.js";
import { Controls } from "./controls.js";

const TABS = {
  requests: { label: "Requests", icon: "request", view: Requests },
  limits: { label: "Limits", icon: "gauge", view: Limits },
  callouts: { label: "Callouts", icon: "out", view: Callouts },
  controls: { label: "Controls", icon: "knobs", view: Controls },
};
const NAMES = Object.keys(TABS);

export function Inspector({ app }) {
  const { tab } = app.ui;
  const { view: View, label } = TABS[tab];
  const onKeyDown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = NAMES.at((NAMES.indexOf(tab) + step) % NAMES.length);
    app.go({ tab: next });
    event.currentTarget.querySelector(`#tab-${next}`).focus();
  };
  return html`<section class="inspector" aria-label="Inspector">
    <h2 class="unseen">Inspector</h2>
    <div role="tablist" aria-label="Inspector" onKeyDown=${onKeyDown}>${NAMES.map((name) => html`
      <button key=${name} class="bare" role="tab" id="tab-${name}" aria-controls="panel" aria-selected=${String(name === tab)} tabindex=${name === tab ? 0 : -1}
        onClick=${() => app.go({ tab: name })}><${Icon} name=${TABS[name].icon} /><span>${TABS[name].label}</span></button>`)}</div>
    <div role="tabpanel" id="panel" class=${tab} aria-label=${label}><${View} app=${app} /></div>
  </section>`;
}
