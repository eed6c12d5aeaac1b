/** What the page of one model shows: the model, its versions, the one that was chosen, and what is around it. */

import { get } from "../net/api.js";
import { everything } from "../net/listing.js";
import { isFinal } from "../ui/status.js";

const PUPILS = 6;

export class ModelState {
  /** @param number of the version that the address asks for, or null for the one that a job would take */
  constructor(id, number) {
    Object.assign(this, { id, number, files: [], lineage: null, inspection: null, pupils: [], others: 0 });
    this.ended = new Map();
  }

  /** Read everything again; what cannot change any more is read once. */
  async load(signal) {
    const path = `/v1/models/${this.id}`;
    const [model, versions] = await Promise.all([get(path, { signal }), everything(`${path}/versions`, {}, signal)]);
    const number = this.number ?? model.latest ?? model.versions;
    const own = `${path}/versions/${number}`;
    const [version, files, lineage] = await Promise.all([
      get(own, { signal }), everything(`${own}/files`, {}, signal), get(`${path}/lineage`, { signal, query: { version: number } })]);
    const inspection = version.status === "ready" || version.source.job ? null : await get(version.urls.job, { signal }).catch(gone);
    Object.assign(this, { model, versions, version, files, lineage, inspection });
    await this.loadPupils(signal);
  }

  /** The newest jobs that this version taught or began, with their plans and results. */
  async loadPupils(signal) {
    const onward = this.lineage.edges.filter((edge) => edge.from === this.version.id && edge.to.startsWith("job_"));
    const used = new Set(onward.map((edge) => edge.to));
    const newest = [...used].sort().reverse();
    this.others = Math.max(0, newest.length - PUPILS);
    this.pupils = (await Promise.all(newest.slice(0, PUPILS).map((id) => this.job(id, signal)))).filter(Boolean);
  }

  async job(id, signal) {
    if (this.ended.has(id)) return this.ended.get(id);
    const found = await get(`/v1/jobs/${id}`, { signal }).catch(gone);
    if (found && isFinal(found.status)) this.ended.set(id, found);
    return found;
  }

  /** Whether something on the page is about to change. */
  get moves() {
    return this.versions.some((version) => version.status === "validating");
  }
}

/** What was deleted meanwhile is not there; anything else is trouble. */
function gone(problem) {
  if (problem.status === 404) return null;
  throw problem;
}
