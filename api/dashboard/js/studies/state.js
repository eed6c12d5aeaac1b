/** What the page of one study shows: the study, and its table so far. */

import { named } from "../lib/metric.js";
import { get } from "../net/api.js";
import { moves } from "./columns.js";

const LOST = new Set(["failed", "cancelled"]);

export class StudyState {
  constructor(id) {
    Object.assign(this, { id, study: null, results: null });
  }

  /** Read everything again. */
  async load(signal) {
    const path = `/v1/studies/${encodeURIComponent(this.id)}`;
    const [study, results] = await Promise.all([get(path, { signal }), get(`${path}/results`, { signal })]);
    Object.assign(this, { study, results });
  }

  /** What pages that are kept up to date look at. */
  get version() {
    return this.study;
  }

  get moves() {
    return moves(this.study);
  }

  /** The figure that the arms are judged by, in the reader's language. */
  get metric() {
    return named(this.results.metric);
  }

  /** The arms that have a score. */
  get measured() {
    return this.results.arms.filter(({ summary }) => summary);
  }

  /** Whether a job of the table, or a shared teacher's, was lost. */
  get lost() {
    return [...this.results.arms.flatMap(({ runs }) => runs), ...this.results.teachers].some(({ status }) => LOST.has(status));
  }

  /** Device seconds of all jobs that have ended, those of shared teachers too. */
  get used() {
    const seconds = [...this.results.arms.flatMap(({ runs }) => runs), ...this.results.teachers].map((run) => run.seconds ?? 0);
    return seconds.reduce((sum, one) => sum + one, 0);
  }
}
