/** Where a JSON pointer leads in a JSON text: for faults that shall be seen where they were written. */

const SPACE = /\s/;

/**
 * The place of a pointer's value in a text that is JSON; where the value is not there, of the closest thing above it.
 *
 * @returns {from, to, line}: `line` counts from 1
 */
export function placeOf(text, pointer) {
  const steps = (pointer ?? "").split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  let place = valueAt(text, 0);
  for (const step of steps) {
    const next = childOf(text, place.from, step);
    if (!next) break;
    place = next;
  }
  return { ...place, line: text.slice(0, place.from).split("\n").length };
}

/** The value that begins at, or behind the spaces from, a place. */
function valueAt(text, start) {
  const from = skip(text, start);
  return { from, to: endOf(text, from) };
}

/** The value of a key or index in the object or list that begins at a place, or null. */
function childOf(text, start, step) {
  const list = text[start] === "[";
  if (!list && text[start] !== "{") return null;
  let at = skip(text, start + 1);
  for (let index = 0; at < text.length && !"]}".includes(text[at]); index += 1) {
    let key = String(index);
    if (!list) {
      const end = endOf(text, at);
      key = JSON.parse(text.slice(at, end));
      at = skip(text, end) + 1;
    }
    const value = valueAt(text, at);
    if (key === step) return value;
    at = skip(text, value.to);
    if (text[at] === ",") at = skip(text, at + 1);
  }
  return null;
}

/** Where the value that begins at a place ends. */
function endOf(text, from) {
  if (text[from] === '"') return endOfString(text, from);
  if (!"[{".includes(text[from])) return from + /^[^\s,\]}]*/.exec(text.slice(from))[0].length;
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '"') at = endOfString(text, at) - 1;
    else if ("[{".includes(text[at])) depth += 1;
    else if ("]}".includes(text[at])) depth -= 1;
    if (!depth) return at + 1;
  }
  return text.length;
}

function endOfString(text, from) {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function skip(text, from) {
  let at = from;
  while (at < text.length && SPACE.test(text[at])) at += 1;
  return at;
}
