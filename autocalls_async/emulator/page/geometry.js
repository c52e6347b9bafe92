// Where the rows of a long list lie, and which of them are in sight. Pure.

// The top of each row, and at the end the height of all.
export function topsOf(items, heightOf) {
  const tops = new Float64Array(items.length + 1);
  for (let at = 0; at < items.length; at += 1) tops[at + 1] = tops[at] + heightOf(items[at], at);
  return tops;
}

// The row that lies at a height: the last whose top is not below it.
export function rowAt(tops, y) {
  let low = 0;
  let high = tops.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

// The rows in sight, and some beyond either edge, as [from, to).
export function inSight(tops, scrolled, height, beyond) {
  const count = tops.length - 1;
  if (!count) return [0, 0];
  const from = Math.max(0, rowAt(tops, scrolled) - beyond);
  return [from, Math.min(count, rowAt(tops, scrolled + height) + 1 + beyond)];
}

// How far to scroll so that a row is wholly in sight; where we are if it is.
export function toShow(tops, row, scrolled, height) {
  if (tops[row] < scrolled) return tops[row];
  return Math.max(scrolled, tops[row + 1] - height);
}
