/** A window onto a long text file of the service: its end first, older and newer parts on request, never all of it. */

import { getBytes } from "./api.js";

const CHUNK = 2 ** 17;
const MOST_LINES = 4000;
const NEWLINE = 10;

export class TextFile {
  /** @param url of the file; `size` its bytes, as the service says elsewhere */
  constructor(url, size) {
    Object.assign(this, { url, size, from: size, to: size, lines: [] });
  }

  get hasOlder() {
    return this.from > 0;
  }

  get hasNewer() {
    return this.to < this.size;
  }

  /** Read the part before what is known. */
  async older(signal) {
    const begin = Math.max(0, this.from - CHUNK);
    const { bytes } = await getBytes(this.url, { signal, from: begin, to: this.from });
    const cut = begin ? bytes.indexOf(NEWLINE) + 1 : 0; // the first line may be the rest of one
    const read = linesOf(bytes.subarray(cut));
    this.from = begin + cut;
    this.lines = [...read, ...this.lines];
    while (this.lines.length > MOST_LINES) this.to -= this.lines.pop().size;
  }

  /** Read the part behind what is known. */
  async newer(signal) {
    const end = Math.min(this.size, this.to + CHUNK);
    const { bytes } = await getBytes(this.url, { signal, from: this.to, to: end });
    const cut = end < this.size ? bytes.lastIndexOf(NEWLINE) + 1 || bytes.length : bytes.length;
    this.to += cut;
    this.lines = [...this.lines, ...linesOf(bytes.subarray(0, cut))];
    while (this.lines.length > MOST_LINES) this.from += this.lines.shift().size;
  }
}

const decoder = new TextDecoder();

/** Lines as `{text, size}`, the size in bytes with the end of the line. */
function linesOf(bytes) {
  const lines = [];
  for (let begin = 0; begin < bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, begin);
    const end = found < 0 ? bytes.length : found + 1;
    lines.push({ text: decoder.decode(bytes.subarray(begin, found < 0 ? end : found)), size: end - begin });
    begin = end;
  }
  return lines;
}
