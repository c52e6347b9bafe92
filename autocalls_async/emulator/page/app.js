// The page as a whole: what is open in it, and what follows from a key.

import { render } from "preact";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { html } from "./html.js";
import { Link, Refused } from "./link.js";
import { apply, begin, clockAt, empty, markRead, remember, timeAt } from "./state.js";
import { onKey } from "./keys.js";
import { Chats } from "./panes/chats.js";
import { Thread } from "./panes/thread.js";
import { Inspector } from "./panes/inspector.js";
import { Header, PaneBar } from "./panes/header.js";
import { Dialogs } from "./panes/dialogs.js";

// What is open here: none of it is the server's business.
const ATFIRST = {
  pane: "chats", // on a narrow screen, the one that is in sight
  chat: null, chatCursor: null, search: "",
  tab: "requests", request: null, requestCursor: null, callout: null, calloutCursor: null,
  spotlight: null, // the number of the message to show
  write: null, // something new whenever the writing line shall have the focus
  dialog: null, // { name, ... }
  note: null, // { text, bad } said to the person
};

const STEPS = {
  begin: (old, { body, now }) => begin(body, now, old),
  batch: (old, { events, now, open }) => apply(old, events, { now, open }),
  before: (old, { messages }) => remember(old, messages),
  read: (old, { key }) => markRead(old, key),
};

function App() {
  const [state, change] = useReducer((old, step) => STEPS[step.kind](old, step), empty);
  const [ui, go] = useReducer((old, patch) => ({ ...old, ...patch }), ATFIRST);
  const [link, tell] = useState("connecting");
  const open = useRef(null);
  const line = useLink(change, tell, open);
  useSeconds();
  const app = { state, ui, go, link, clock: clockAt(state, performance.now()), now: timeAt(state, performance.now()) };
  app.chat = state.chats.get(ui.chat) ?? null;
  app.act = (promise, said = null) => promise.then(
    (answer) => { go({ note: said && { text: said } }); return answer; },
    (error) => { go({ note: { text: wordsOf(error), bad: true } }); },
  );
  app.openChat = (key, more = {}) => {
    change({ kind: "read", key });
    go({ chat: key, chatCursor: key, pane: "thread", spotlight: null, write: null, ...more });
  };
  useShowing(app, line, open);
  useKeys(app);
  useTitle(state);
  return html`
    <${Header} app=${app} />
    <main class="show-${ui.pane}">
      <${Chats} app=${app} />
      <${Thread} app=${app} key=${ui.chat} />
      <${Inspector} app=${app} />
    </main>
    <${PaneBar} app=${app} />
    <${Note} note=${ui.note} go=${go} />
    <${Dialogs} app=${app} />`;
}

const wordsOf = (error) => (error instanceof Refused ? error.message : "The sandbox does not answer: is it still running?");

function useLink(change, tell, open) {
  const line = useRef(null);
  useEffect(() => {
    line.current = new Link({
      tell,
      begin: (body) => change({ kind: "begin", body, now: performance.now() }),
      batch: (events) => change({ kind: "batch", events, now: performance.now(), open: open.current }),
      before: (messages) => change({ kind: "before", messages }),
    });
    line.current.start();
  }, []);
  return line;
}

// Time goes on where nothing else does.
function useSeconds() {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
}

// Only what somebody can see is read: a thread in a hidden tab, or behind another pane, is not.
function useShowing({ ui, chat, openChat }, line, open) {
  const [hidden, hide] = useState(document.hidden);
  useEffect(() => {
    const turned = () => hide(document.hidden);
    document.addEventListener("visibilitychange", turned);
    return () => document.removeEventListener("visibilitychange", turned);
  }, []);
  const narrow = useNarrow();
  const shown = chat && !hidden && (!narrow || ui.pane === "thread") ? ui.chat : null;
  open.current = shown;
  useEffect(() => {
    line.current.showing(shown && chat);
    if (shown) openChat(shown, { pane: ui.pane, spotlight: ui.spotlight, write: ui.write });
  }, [shown]);
}

const NARROW = matchMedia("(max-width: 899.98px)");

function useNarrow() {
  const [narrow, turn] = useState(NARROW.matches);
  useEffect(() => {
    const turned = () => turn(NARROW.matches);
    NARROW.addEventListener("change", turned);
    return () => NARROW.removeEventListener("change", turned);
  }, []);
  return narrow;
}

function useKeys(app) {
  const latest = useRef(app);
  latest.current = app;
  useEffect(() => {
    const pressed = (event) => onKey(event, latest.current);
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

function useTitle({ unread }) {
  const count = [...unread.values()].reduce((sum, one) => sum + one, 0);
  useEffect(() => {
    document.title = count ? `(${count}) Autocalls sandbox` : "Autocalls sandbox";
  }, [count]);
}

const NOTE_MS = 8000;

function Note({ note, go }) {
  useEffect(() => {
    if (!note) return undefined;
    const timer = setTimeout(() => go({ note: null }), NOTE_MS);
    return () => clearTimeout(timer);
  }, [note]);
  return html`<div class="notes" role="status" aria-live="polite">
    ${note && html`<p class="note ${note.bad ? "bad" : ""}">${note.text}
      <button class="bare" onClick=${() => go({ note: null })}>Dismiss</button></p>`}</div>`;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
