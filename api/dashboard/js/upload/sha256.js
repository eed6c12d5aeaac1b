/** SHA-256 of bytes: by the browser where it offers that, which it does on HTTPS and on this machine only, else by the rules of FIPS 180-4. */

/** The 32 bytes of the digest. */
export async function sha256(bytes) {
  return crypto.subtle ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)) : plain(bytes);
}

/** Bytes in hexadecimal. */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const BLOCK = 64;
const ROOTS = primes(64);
const K = Int32Array.from(ROOTS, (prime) => fraction(Math.cbrt(prime)));
const FIRST = Int32Array.from(ROOTS.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

/** As `sha256`, without the browser's help. */
export function plain(bytes) {
  const state = FIRST.slice();
  const words = new Int32Array(64);
  const whole = bytes.length - (bytes.length % BLOCK);
  for (let at = 0; at < whole; at += BLOCK) compress(state, words, bytes, at);
  const rest = ending(bytes.subarray(whole), bytes.length);
  for (let at = 0; at < rest.length; at += BLOCK) compress(state, words, rest, at);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, index) => digest.setInt32(4 * index, word));
  return new Uint8Array(digest.buffer);
}

/** What is left, a one bit, zeros, and the length in bits. */
function ending(left, length) {
  const rest = new Uint8Array(left.length + 9 > BLOCK ? 2 * BLOCK : BLOCK);
  rest.set(left);
  rest[left.length] = 0x80;
  new DataView(rest.buffer).setBigUint64(rest.length - 8, 8n * BigInt(length));
  return rest;
}

function compress(state, words, bytes, at) {
  schedule(words, bytes, at);
  let [a, b, c, d, e, f, g, h] = state;
  for (let round = 0; round < 64; round += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + s1 + ((e & f) ^ (~e & g)) + K[round] + words[round]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    // One by one: to swap them as a list would make a list in each of the rounds.
    h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

function schedule(words, bytes, at) {
  for (let i = 0; i < 16; i += 1) {
    const j = at + 4 * i;
    words[i] = (bytes[j] << 24) | (bytes[j + 1] << 16) | (bytes[j + 2] << 8) | bytes[j + 3];
  }
  for (let i = 16; i < 64; i += 1) {
    const x = words[i - 15];
    const y = words[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[i] = words[i - 16] + s0 + words[i - 7] + s1;
  }
}

function primes(wanted) {
  const found = [];
  for (let n = 2; found.length < wanted; n += 1) if (found.every((prime) => n % prime)) found.push(n);
  return found;
}

/** The first 32 bits behind the point. */
function fraction(number) {
  return ((number - Math.floor(number)) * 2 ** 32) | 0;
}
