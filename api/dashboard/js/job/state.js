/** What the page knows of a job: its row and what hangs on it, its latest events, its metrics; each event brings it up to date. */

import { get } from "../net/api.js";
import { everything } from "../net/listing.js";
import { latestEvents } from "../net/tail.js";
import { SeriesStore } from "../chart/series.js";

const MOST_EVENTS = 1500;

/** A job under observation. */
export class JobState {
  constructor(id) {
    this.id = id;
    this.job = null;
    this.events = [];
    this.artifacts = [];
    this.attempts = [];
    this.checkpoints = [];
    this.parent = null;
    this.series = new SeriesStore();
    this.link = "connecting";
    this.workers = null;
    this.heardAt = Date.now();
  }

  /** Read everything but the series, which are large and take their time; what was there before is replaced. */
  async load(signal) {
    await this.refresh(signal);
    await this.#readParent(signal);
    this.events = await latestEvents(this.id, signal);
  }

  /** Read the series; points that the stream brings meanwhile are kept. */
  async loadSeries(signal) {
    await this.series.load(this.id, signal);
  }

  /** Read the row again, and what hangs on its status. */
  async refresh(signal) {
    this.job = await get(`/v1/jobs/${this.id}`, { signal });
    this.heardAt = Date.now();
    if (this.job.status === "queued") this.workers = (await get("/v1/overview", { signal })).workers;
    if (this.job.status === "succeeded") this.artifacts = await this.#all("artifacts", signal);
    if (this.job.attempt) [this.attempts, this.checkpoints] = await Promise.all([this.#all("attempts", signal), this.#all("checkpoints", signal)]);
  }

  /** The number of the newest event. */
  get lastSeq() {
    return this.events.at(-1)?.seq ?? 0;
  }

  /** Take an event of the stream in; gives whether the row has to be read again. */
  take(event) {
    this.heardAt = Date.now();
    this.events.push(event);
    if (event.type === "progress") this.#forgetProgress();
    if (this.events.length > MOST_EVENTS) this.events.splice(0, this.events.length - MOST_EVENTS);
    return (TAKE[event.type] ?? (() => false))(this, event.data);
  }

  /** Have the series thinned out again, or read anew after a restart. */
  async reloadSeries() {
    this.series.clear();
    await this.loadSeries();
  }

  /** Only the newest progress is of interest, and there are thousands. */
  #forgetProgress() {
    const before = this.events.at(-2);
    if (before?.type === "progress") this.events.splice(-2, 1);
  }

  #all(what, signal) {
    return everything(`/v1/jobs/${this.id}/${what}`, {}, signal);
  }

  /** The job that this one was made from; it may be gone, and then nothing is compared with it. */
  async #readParent(signal) {
    const id = this.job.retry_of ?? this.job.clone_of;
    this.parent ??= id && (await get(`/v1/jobs/${id}`, { signal }).catch((problem) => {
      if (problem.status === 404) return null;
      throw problem;
    }));
  }
}

/** Event type -> what it changes; true where the row says more than the event does. */
const TAKE = {
  status: (state, { status, attempt }) => {
    Object.assign(state.job, { status, attempt: attempt || state.job.attempt });
    return true;
  },
  phase: (state, { phase }) => {
    state.job.phase = phase;
    return true;
  },
  progress: (state, data) => {
    state.job.progress = data;
    return false;
  },
  metric: (state, { points }) => {
    for (const point of points) state.series.add(point);
    return false;
  },
  checkpoint: () => true,
  change: () => true,
  end: () => true,
};
