// Small parts that several panes use.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";
import { Icon } from "./icons.js";

// Where a page may not write to the clipboard (it does not come from this machine), an
// older way still works.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  return undefined;
}

const SAID_MS = 1500;

export function Copy({ text, label, children }) {
  const [said, say] = useState(false);
  const click = async () => {
    await copy(text);
    say(true);
    setTimeout(() => say(false), SAID_MS);
  };
  return html`<button class=${children ? "" : "bare square"} aria-label=${children ? null : label} onClick=${click}>
    <${Icon} name=${said ? "done" : "copy"} />${children && html`${" "}${said ? "Copied" : children}`}</button>`;
}

// A window before the page; Esc closes it, and the focus goes back to where it was.
export function Dialog({ title, close, children }) {
  const element = useRef(null);
  useLayoutEffect(() => {
    element.current.showModal();
  }, []);
  return html`<dialog ref=${element} onClose=${close} aria-labelledby="dialog-title">
    <header><h2 id="dialog-title">${title}</h2>
      <button class="bare square" aria-label="Close" onClick=${close}><${Icon} name="close" /></button></header>
    ${children}</dialog>`;
}

// A form that gives its fields by name, and does not leave the page.
export function Form({ submit, children, ...rest }) {
  const onSubmit = (event) => {
    event.preventDefault();
    submit(Object.fromEntries(new FormData(event.currentTarget)), event.currentTarget);
  };
  return html`<form onSubmit=${onSubmit} ...${rest}>${children}</form>`;
}

export function Headers({ headers }) {
  return html`<dl class="headers">${Object.entries(headers ?? {}).map(([name, value]) => html`
    <div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
