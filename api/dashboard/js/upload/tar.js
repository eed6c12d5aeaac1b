/** A folder as one tar (POSIX.1-2001, pax) without owners and times, made of references to its files: nothing is read before it is sent. */

const BLOCK = 512;
const NAME_BYTES = 100;
const SIZE_MOST = 8 ** 11;

/**
 * The tar, byte for byte as the Python client makes it, so that one may go on with what the other began.
 *
 * @param members `{path, file}`
 */
export function tar(members) {
  const sorted = members.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return new Blob([...sorted.flatMap(({ path, file }) => [header(path, file.size), file, zeros(file.size)]), new Uint8Array(2 * BLOCK)]);
}

const utf8 = new TextEncoder();

const zeros = (size) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

function header(path, size) {
  const records = [];
  if (!isAscii(path) || path.length > NAME_BYTES) records.push(["path", path]);
  if (size >= SIZE_MOST) records.push(["size", String(size)]);
  const plain = block(ascii(path), size >= SIZE_MOST ? 0 : size, "0");
  return records.length ? new Blob([extension(records), plain]) : plain;
}

const isAscii = (text) => /^[\x00-\x7f]*$/.test(text);

/** What the old kind of header can say of a name; the extension before it says the whole. */
const ascii = (path) => Array.from(path, (sign) => (isAscii(sign) ? sign : "?")).join("").slice(0, NAME_BYTES);

function extension(records) {
  const body = utf8.encode(records.map(record).join(""));
  return new Blob([block("././@PaxHeader", body.length, "x", 0), body, zeros(body.length)]);
}

/** `30 path=...\n`: the number counts its own digits. */
function record([name, value]) {
  const length = utf8.encode(` ${name}=${value}\n`).length;
  let all = length;
  while (all !== length + String(all).length) all = length + String(all).length;
  return `${all} ${name}=${value}\n`;
}

function block(name, size, type, mode = 0o644) {
  const octal = (value, width) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  const before = name.padEnd(NAME_BYTES, "\0") + octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12);
  const after = `${type}${"\0".repeat(100)}ustar\x0000`;
  const bytes = new Uint8Array(BLOCK);
  bytes.set(utf8.encode(`${before}        ${after}`));
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.set(utf8.encode(`${sum.toString(8).padStart(6, "0")}\0`), before.length);
  return bytes;
}
