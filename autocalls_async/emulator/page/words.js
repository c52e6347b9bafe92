// How times, windows and requests are written for people. Pure.

const two = (number) => String(number).padStart(2, "0");

// Seconds as people say them: "23 h 05 min", "4 min 09 s", "42 s".
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (h >= 48) return `${Math.floor(h / 24)} d ${h % 24} h`;
  if (h) return `${h} h ${two(m)} min`;
  return m ? `${m} min ${two(s)} s` : `${s} s`;
}

// The same for a narrow place: its biggest part alone.
export function shortly(seconds) {
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min` : `${Math.ceil(seconds)} s`;
}

// How a window stands: a word for the style, one for a row, and a sentence.
export function windowWords(left) {
  if (left === null) return { mood: "never", short: "new", long: "Has never written: only a template gets through" };
  if (left <= 0) return { mood: "shut", short: "closed", long: "Window closed: only a template gets through" };
  const mood = left < 3600 ? "soon" : "open";
  return { mood, short: shortly(left), long: `Window open for ${duration(left)}` };
}

const clockTime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const exactTime = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
});
const toTheSecond = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const wholeDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

// A moment is a text as the server writes it, or Unix seconds.
const dateOf = (moment) => new Date(typeof moment === "number" ? moment * 1000 : moment);
const dayOf = (moment) => dateOf(moment).toDateString();

export const timeOf = (moment) => clockTime.format(dateOf(moment));
export const exactTimeOf = (moment) => exactTime.format(dateOf(moment));
export const secondOf = (moment) => toTheSecond.format(dateOf(moment));
export const weekdayOf = (moment) => weekday.format(dateOf(moment));
export const machineTime = (moment) => dateOf(moment).toISOString();

export function dayName(moment, now) {
  if (dayOf(moment) === dayOf(now)) return "Today";
  return dayOf(moment) === dayOf(now - 86400) ? "Yesterday" : wholeDay.format(dateOf(moment));
}

// When something happened, as short as a row allows.
export function whenShort(moment, now) {
  return dayOf(moment) === dayOf(now) ? timeOf(moment) : shortDay.format(dateOf(moment));
}

// How far the emulator's clock is from ours: "+2 h 00 min"; nothing within some seconds.
export function drift(seconds) {
  if (Math.abs(seconds) < 5) return "";
  return `${seconds < 0 ? "−" : "+"}${duration(Math.round(Math.abs(seconds)))}`;
}

export function initials(name) {
  const words = (name ?? "").trim().split(/\s+/u).filter(Boolean);
  if (!words.length) return "?";
  const first = (word) => [...word][0].toUpperCase();
  if (/^\+?\d+$/.test(words.at(-1))) return words.at(-1).slice(-2); // Customer 14
  return words.length > 1 ? first(words[0]) + first(words.at(-1)) : first(words[0]);
}

// One of six hues, the same for a person each time.
export function hueOf(text) {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)) % 997;
  return sum % 6;
}

// JSON laid out; anything else as it is.
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const CURL_MAKES = new Set(["host", "content-length", "connection", "accept-encoding", "transfer-encoding"]);

// A request as a line for a shell. The key is taken from the environment: the page
// never knew it whole.
export function asCurl(request, origin) {
  const parts = [`curl -X ${quote(request.method)} ${quote(origin + request.target)}`];
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.toLowerCase() === "authorization") parts.push('-H "Authorization: Bearer $AUTOCALLS_API_KEY"');
    else if (!CURL_MAKES.has(name.toLowerCase())) parts.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  if (request.body) parts.push(`--data-raw ${quote(request.body)}`);
  return parts.join(" \\\n  ");
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;

const STATUSES = {
  200: "OK", 401: "no valid key", 402: "balance is empty", 403: "not allowed now", 404: "not found",
  422: "refused: what was sent is wrong", 429: "too fast", 500: "service broke", 502: "proxy broke", 503: "not available",
};
export const statusWords = (status) => (status === null ? "no answer was given" : STATUSES[status] ?? "");
