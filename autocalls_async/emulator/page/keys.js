// What each key does, wherever the focus is.

const TYPING = "input, textarea, select";

// Where the list is that j and k go through: the inspector's if one is in it, else the chats.
function listToMove() {
  const inspector = document.activeElement.closest(".inspector");
  return inspector?.querySelector("[role=listbox]") ?? document.querySelector(".chats [role=listbox]");
}

function press(list, key) {
  if (!list) return;
  list.focus();
  list.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
}

// Give something the focus at once, or as soon as its pane is in sight.
export function focusOn(selector) {
  document.querySelector(selector)?.focus();
  if (!document.activeElement.matches(selector)) requestAnimationFrame(() => document.querySelector(selector)?.focus());
}

// Back by one step: out of a detail, a field, a thread.
function stepBack({ ui, go }) {
  const at = document.activeElement;
  if (at.closest(".inspector") && (ui.request !== null || ui.callout !== null)) {
    go({ request: null, callout: null });
    focusOn(".inspector [role=listbox]");
    return;
  }
  if (at.matches(".search input")) go({ search: "" });
  go({ pane: "chats" });
  focusOn(".chats [role=listbox]");
}

const KEYS = {
  "/": ({ go }) => {
    go({ pane: "chats" });
    focusOn(".search input");
  },
  j: () => press(listToMove(), "ArrowDown"),
  k: () => press(listToMove(), "ArrowUp"),
  "?": ({ go }) => go({ dialog: { name: "help" } }),
};

export function onKey(event, app) {
  if (event.ctrlKey || event.metaKey || event.altKey || app.ui.dialog || event.isComposing) return;
  if (event.key === "Escape") {
    stepBack(app);
  } else if (!event.target.matches?.(TYPING) && KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key](app);
  }
}

export const HELP = [
  ["/", "search customers and what was said"],
  ["j  k", "next and previous, in the chats or in the inspector's list"],
  ["Enter", "open; in the writing line: send"],
  ["Shift Enter", "a new line in the message"],
  ["Esc", "back: out of a detail, a search, a thread"],
  ["?", "these keys"],
];
