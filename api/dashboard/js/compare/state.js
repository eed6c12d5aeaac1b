/** What the page knows: the chosen jobs with their measurements, read again for as long as they change. */

import { SeriesStore } from "../chart/series.js";
import { get } from "../net/api.js";
import { isFinal } from "../ui/status.js";
import { MOST, select, selected } from "./selection.js";

const BUSY_SECONDS = 3;
const WAITING_SECONDS = 6;
const QUIET_SECONDS = 20;

/** The jobs of the address, in its order. */
export class Comparison {
  constructor() {
    this.known = new Map();
    this.entries = [];
    this.lost = [];
    this.more = 0;
    this.cut = false;
  }

  /** Read what may have changed. */
  async refresh(signal) {
    const selection = selected();
    const rows = selection.labels ? await this.#labelled(selection, signal) : selection.ids.map((id) => ({ id }));
    const found = await Promise.all(rows.map((row) => this.#entry(row, signal)));
    if (signal.aborted) return;
    this.more = Math.max(this.more, selection.more);
    this.cut &&= Boolean(selection.labels);
    this.entries = found.filter(Boolean);
    if (selection.ids && this.entries.length < selection.ids.length + selection.more) select(this.entries.map(({ job }) => job.id));
  }

  /** Seconds until it is worth while to ask again. */
  get seconds() {
    const open = this.entries.filter(({ job }) => !isFinal(job.status));
    if (!open.length) return QUIET_SECONDS;
    return open.some(({ job }) => job.status !== "queued" && job.status !== "paused") ? BUSY_SECONDS : WAITING_SECONDS;
  }

  /** The ids that the address names, or those of the jobs that have its labels. */
  get ids() {
    return selected().ids ?? this.entries.map(({ job }) => job.id);
  }

  /** Compare a job no longer. */
  remove(id) {
    select(this.ids.filter((other) => other !== id), { push: true });
    this.entries = this.entries.filter(({ job }) => job.id !== id);
    this.more = 0;
  }

  /** Compare one job more; it is read at the next refresh. */
  add(id) {
    select([...this.ids, id], { push: true });
  }

  get isFull() {
    return this.ids.length >= MOST;
  }

  async #labelled({ labels, status }, signal) {
    const page = await get("/v1/jobs", { signal, query: { ...labels, status, limit: MOST } });
    this.cut = page.has_more;
    return page.data;
  }

  /** The job with its series, or null of one that is not there or no distillation. */
  async #entry({ id, version }, signal) {
    const before = this.known.get(id);
    if (before && isFinal(before.job.status) && (version ?? before.job.version) === before.job.version) return before;
    const job = await this.#job(id, signal);
    if (!job) return null;
    const entry = { job, series: before?.series ?? new SeriesStore(), measured: before?.measured };
    await readSeries(entry, signal);
    this.known.set(id, entry);
    return entry;
  }

  async #job(id, signal) {
    try {
      const job = await get(`/v1/jobs/${encodeURIComponent(id)}`, { signal });
      if (job.kind === "distillation") return job;
    } catch (problem) {
      if (problem.status !== 404) throw problem;
    }
    if (!this.lost.includes(id)) this.lost.push(id);
    return null;
  }
}

/** Read the validation figures of a job when there are new ones. */
async function readSeries(entry, signal) {
  const latest = Object.entries(entry.job.metrics).filter(([name]) => name.endsWith(".validation")).map(([name, { step }]) => `${name} ${step}`);
  const measured = latest.join();
  if (measured === (entry.measured ?? "")) return;
  const series = new SeriesStore();
  await series.load(entry.job.id, signal, { split: "validation" });
  Object.assign(entry, { series, measured });
}
