// Lists of which only what is in sight is on the page, however long they are.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";
import { inSight, rowAt, topsOf, toShow } from "./geometry.js";

const BEYOND = 6; // rows kept ready above and below
const AT_END = 4; // pixels from the end that still count as there

// A long list of anything: `row(item, index)` gives what is in a row, `guess` is a row's
// height in pixels before it was seen. With `end` it holds on to its last row, as a talk
// does, and says by `onEnd` whether that is in sight. `cursor` is the key of a row, brought
// into sight when it becomes another; `slot(item, index)` gives attributes of a row.
export function LongList({ items, keyOf, row, guess, end, onEnd, cursor = null, slot, role = "list", ...rest }) {
  const box = useRef(null);
  const heights = useRef(new Map());
  const at = cursor === null ? -1 : items.findIndex((item) => keyOf(item) === cursor);
  const tops = topsOf(items, (item) => heights.current.get(keyOf(item)) ?? guess);
  const now = useRef({});
  Object.assign(now.current, { items, keyOf, tops, end, onEnd });
  const [view, look] = useState({ top: 0, height: 0, measured: 0 });
  const hold = useRef({ atEnd: Boolean(end), key: null, top: 0 });
  const watcher = useWatcher(box, heights, look);

  const top = hold.current.atEnd ? tops[items.length] - view.height : view.top;
  const [from, to] = inSight(tops, Math.max(0, top), view.height, BEYOND);
  useLayoutEffect(() => settle(box.current, hold.current, now.current));
  useLayoutEffect(() => {
    if (at < 0 || !view.height) return;
    hold.current.atEnd = false;
    box.current.scrollTop = toShow(tops, at, box.current.scrollTop, view.height);
  }, [cursor, at >= 0, view.height > 0]);

  const onScroll = () => {
    note(box.current, hold.current, now.current);
    look((old) => (old.top === box.current.scrollTop ? old : { ...old, top: box.current.scrollTop }));
  };
  return html`<div class="long" ref=${box} onScroll=${onScroll} role=${role} ...${rest}
      aria-activedescendant=${at >= from && at < to ? rest["aria-activedescendant"] : null}>
    <div class="all" role="presentation" style=${{ height: `${tops[items.length]}px` }}>
      ${items.slice(from, to).map((item, nth) => html`
        <${Slot} key=${keyOf(item)} id=${keyOf(item)} watcher=${watcher} top=${tops[from + nth]}
          role=${role === "listbox" ? "option" : "listitem"} position=${from + nth + 1} size=${items.length}
          ...${slot?.(item, from + nth)}>${row(item, from + nth)}<//>`)}
    </div></div>`;
}

function Slot({ id, watcher, top, position, size, children, slotId, ...rest }) {
  const element = useRef(null);
  useLayoutEffect(() => {
    const watched = element.current;
    watcher.observe(watched);
    return () => watcher.unobserve(watched);
  }, []);
  return html`<div class="slot" ref=${element} data-key=${id} id=${slotId} aria-posinset=${position} aria-setsize=${size}
    style=${{ transform: `translateY(${top}px)` }} ...${rest}>${children}</div>`;
}

// Learn how high the rows in sight are, and the box itself.
function useWatcher(box, heights, look) {
  const watcher = useRef(null);
  watcher.current ??= new ResizeObserver((entries) => {
    let height = null;
    let measured = 0;
    for (const { target, borderBoxSize } of entries) {
      const size = borderBoxSize[0].blockSize;
      if (target === box.current) height = target.clientHeight;
      else if (size && heights.current.get(target.dataset.key) !== size) {
        heights.current.set(target.dataset.key, size);
        measured += 1;
      }
    }
    if (height !== null || measured) look((old) => ({ ...old, height: height ?? old.height, measured: old.measured + measured }));
  });
  useEffect(() => {
    watcher.current.observe(box.current);
    return () => watcher.current.disconnect();
  }, []);
  return watcher.current;
}

// Note what somebody scrolled to: the end, or the row that is now the first in sight.
function note(box, hold, { items, keyOf, tops, end, onEnd }) {
  const atEnd = Boolean(end) && box.scrollTop + box.clientHeight >= tops[items.length] - AT_END;
  if (atEnd !== hold.atEnd) onEnd?.(atEnd);
  hold.atEnd = atEnd;
  const first = rowAt(tops, box.scrollTop);
  hold.key = items.length && box.scrollTop > 0 ? keyOf(items[first]) : null;
  hold.top = tops[first];
}

// Keep that where it is, while rows come and grow above it.
function settle(box, hold, { items, keyOf, tops }) {
  if (hold.atEnd) {
    box.scrollTop = box.scrollHeight;
    return;
  }
  if (hold.key === null) return;
  const at = items.findIndex((item) => keyOf(item) === hold.key);
  if (at < 0) {
    hold.key = null;
    return;
  }
  if (tops[at] !== hold.top) box.scrollTop += tops[at] - hold.top;
  hold.top = tops[at];
}

// A list to choose from by keyboard: up and down move a cursor, Enter opens.
export function Choice({ id, items, keyOf, chosen, choose, cursor, move, label, empty, ...rest }) {
  const at = items.findIndex((item) => keyOf(item) === cursor);
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next = items[Math.min(items.length - 1, Math.max(0, at + step))];
      if (next !== undefined) move(keyOf(next));
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      choose(keyOf(items[at]));
    }
  };
  if (!items.length) return html`<div class="long blank">${empty}</div>`;
  const slot = (item) => {
    const key = keyOf(item);
    return {
      slotId: `${id}-${key}`, "aria-selected": String(key === chosen), "data-cursor": key === cursor ? "" : null,
      onClick: () => { move(key); choose(key); },
    };
  };
  return html`<${LongList} id=${id} role="listbox" tabindex="0" aria-label=${label} items=${items} keyOf=${keyOf}
    cursor=${cursor ?? null} slot=${slot} onKeyDown=${onKeyDown} aria-activedescendant=${`${id}-${cursor}`} ...${rest} />`;
}
