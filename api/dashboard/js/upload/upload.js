/** A file on its way to the service: in parts, a few at a time, each with its digest, and never sent twice. */

import { post, putBytes, search } from "../net/api.js";
import { everything } from "../net/listing.js";
import { patiently } from "./patience.js";
import { hex, sha256 } from "./sha256.js";

const PART_BYTES = 8 * 1024 ** 2;
const PART_BYTES_MOST = 64 * 1024 ** 2; // what a page may well hold a few times in memory
const PARTS_MOST = 10_000;
const PARALLEL = 3;

/**
 * Send a file; what an earlier attempt has brought, on this page or another, is not sent again.
 *
 * A connection that is lost, and a service that is busy, are waited for without end: abort the signal to pause, and send
 * the same again to go on.
 *
 * @param source `{name, blob}`, of `sources.js` or made of a File
 * @param progress hears `{upload, done, total, trouble}`: bytes that are there, and what stands in the way just now
 * @returns the complete upload
 */
export async function send({ name, blob }, { signal = new AbortController().signal, progress = () => {} } = {}) {
  const stop = new AbortController(); // one part that cannot be sent ends the others
  const job = new Sending(name, blob, AbortSignal.any([signal, stop.signal]), progress);
  try {
    return await (blob.size <= PART_BYTES ? job.whole() : job.inParts());
  } finally {
    stop.abort();
  }
}

class Sending {
  constructor(name, blob, signal, progress) {
    Object.assign(this, { name, blob, signal, progress });
    this.upload = null;
    this.there = new Map();
    this.trouble = null;
  }

  /** A small file goes in one request; the same one again is the same upload. */
  async whole() {
    const { bytes, digest } = await this.read(0, this.blob.size);
    return this.put(`/v1/uploads:file${search({ name: this.name })}`, 1, bytes, digest);
  }

  async inParts() {
    const known = await this.ask(() => everything("/v1/uploads", { name: this.name }, this.signal));
    const same = known.filter((upload) => upload.bytes === this.blob.size && upload.part_bytes <= PART_BYTES_MOST);
    const done = same.find((upload) => upload.status === "complete");
    if (done && (await this.isOf(done))) return done;
    this.upload = same.find((upload) => upload.status === "open") ?? (await this.begin());
    const digests = await this.parts();
    return this.ask(async () => post(`/v1/uploads/${this.upload.id}/complete`, { digest: await treeOf(digests) }));
  }

  begin() {
    const part = Math.max(PART_BYTES, Math.ceil(this.blob.size / PARTS_MOST));
    return this.ask(() => post("/v1/uploads", { name: this.name, bytes: this.blob.size, part_bytes: part }));
  }

  /** Whether an upload that is complete holds these bytes. */
  async isOf(upload) {
    const digests = [];
    for (let number = 1; number <= upload.parts; number += 1) digests.push((await this.part(upload, number)).digest);
    return (await treeOf(digests)) === upload.digest;
  }

  /** Send what the service lacks; the digest of every part, in order. */
  async parts() {
    const { id, parts } = this.upload;
    const known = await this.ask(() => everything(`/v1/uploads/${id}/parts`, {}, this.signal));
    const arrived = new Map(known.map((part) => [part.number, part.sha256]));
    const digests = new Array(parts);
    let next = 1;
    const carry = async () => {
      while (next <= parts) {
        const number = next++;
        const { bytes, digest } = await this.part(this.upload, number);
        digests[number - 1] = digest;
        if (arrived.get(number) === hex(digest)) this.tell(number, bytes.length);
        else await this.put(`/v1/uploads/${id}/parts/${number}`, number, bytes, digest);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, carry));
    return digests;
  }

  part({ part_bytes: size }, number) {
    return this.read((number - 1) * size, number * size);
  }

  async read(from, until) {
    this.signal.throwIfAborted();
    const bytes = new Uint8Array(await this.blob.slice(from, until).arrayBuffer());
    return { bytes, digest: await sha256(bytes) };
  }

  async put(path, number, bytes, digest) {
    const headers = { "Content-Type": "application/octet-stream", "Content-Digest": `sha-256=:${btoa(String.fromCharCode(...digest))}:` };
    const progress = (sent) => this.tell(number, sent);
    const answer = await this.ask(() => putBytes(path, bytes, { signal: this.signal, headers, progress }), () => this.tell(number, 0));
    this.tell(number, bytes.length);
    return answer;
  }

  /** Ask until there is an answer, and say what stands in the way. */
  async ask(action, failed = () => {}) {
    const answer = await patiently(action, this.signal, (problem) => {
      this.trouble = problem;
      failed();
      this.tell();
    });
    this.trouble = null;
    return answer;
  }

  tell(number = null, bytes = 0) {
    if (number !== null) this.there.set(number, bytes);
    const done = [...this.there.values()].reduce((sum, some) => sum + some, 0);
    this.progress({ upload: this.upload, done: Math.min(done, this.blob.size), total: this.blob.size, trouble: this.trouble });
  }
}

/** The digest of an upload: that of its parts' digests, one behind the other. */
async function treeOf(digests) {
  return hex(await sha256(Uint8Array.from(digests.flatMap((digest) => [...digest]))));
}
