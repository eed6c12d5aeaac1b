/** A job's metrics: loaded once, thinned out by the service, and continued by the points that the stream brings. */

import { get } from "../net/api.js";

const POINTS = 1000;

/** Metrics by run, split and name; each a list of steps, epochs and values of equal length. */
export class SeriesStore {
  constructor() {
    this.series = new Map();
    this.version = 0;
    this.isLoaded = false;
  }

  /** Read everything from the service, or what `query` asks for; points that came by the stream meanwhile are put behind it. */
  async load(jobId, signal, query = {}) {
    const page = await get(`/v1/jobs/${jobId}/metrics`, { signal, query: { max_points: POINTS, ...query } });
    const before = this.series;
    this.series = new Map();
    for (const { run, split, name, steps, epochs, values } of page.data) this.series.set(key(run, split, name), { run, split, name, steps, epochs, values });
    for (const line of before.values()) {
      line.steps.forEach((step, index) => this.#append(line, step, line.epochs[index], line.values[index]));
    }
    this.isLoaded = true;
    this.version += 1;
  }

  /** Begin anew: a resumed run does its last steps again, and what it did before no longer counts. */
  clear() {
    this.series = new Map();
  }

  /** Take one measurement of the stream. */
  add({ run, split, step, epoch, values }) {
    for (const [name, value] of Object.entries(values)) this.#append({ run: run ?? "", split, name }, step, epoch, value);
    this.version += 1;
  }

  #append({ run, split, name }, step, epoch, value) {
    const at = key(run, split, name);
    if (!this.series.has(at)) this.series.set(at, { run, split, name, steps: [], epochs: [], values: [] });
    const line = this.series.get(at);
    if (line.steps.length && step <= line.steps.at(-1)) return;
    line.steps.push(step);
    line.epochs.push(epoch);
    line.values.push(value);
  }

  /** Whether the stream has brought so many points that the service should thin them out again. */
  get isLong() {
    return [...this.series.values()].some((line) => line.steps.length > 2 * POINTS);
  }

  /** One series, or undefined. */
  get(run, split, name) {
    return this.series.get(key(run, split, name));
  }

  /** Every series of a run and split. */
  of(run, split) {
    return [...this.series.values()].filter((line) => line.run === run && line.split === split);
  }
}

const key = (...parts) => parts.join("\u0000");
