/** What turns one document into another, as a JSON merge patch (RFC 7396). */

const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** The patch: only what differs, and null for what is left out. */
export function mergePatch(from, to) {
  const gone = Object.keys(from).filter((key) => !(key in to)).map((key) => [key, null]);
  const changed = Object.entries(to).filter(([key, value]) => !same(value, from[key])).map(([key, value]) => [key, patched(from[key], value)]);
  return Object.fromEntries([...gone, ...changed]);
}

const patched = (from, to) => (isPlain(from) && isPlain(to) ? mergePatch(from, to) : to);
