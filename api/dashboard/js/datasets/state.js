/** What the page of one dataset shows: the dataset, its versions, and what the chosen one holds. */

import { get } from "../net/api.js";
import { everything } from "../net/listing.js";

export class DatasetState {
  /** @param number of the version that the address asks for, or null for the one that a job would take */
  constructor(id, number) {
    Object.assign(this, { id, number, version: null, report: null, samples: [], files: [], inspection: null });
  }

  /** Read everything again; what a version holds never changes, so that is read once. */
  async load(signal) {
    const path = `/v1/datasets/${this.id}`;
    const [dataset, versions] = await Promise.all([get(path, { signal }), everything(`${path}/versions`, {}, signal)]);
    const number = this.number ?? dataset.latest ?? dataset.versions;
    const listed = versions.find((one) => one.number === number);
    const known = this.version?.number === number && this.version.status === listed?.status;
    const [held, inspection] = await Promise.all([known ? {} : this.holds(`${path}/versions/${number}`, signal), listed?.status === "validating" ? get(listed.urls.job, { signal }) : null]);
    Object.assign(this, { dataset, versions, inspection }, held);
  }

  /** A version that was refused has no samples, and one whose inspection was killed no report either. */
  async holds(path, signal) {
    const version = await get(path, { signal });
    const files = await everything(version.urls.files, {}, signal);
    const found = (name, address) => (files.some((file) => file.path === name) ? get(address, { signal }) : null);
    const [report, samples] = await Promise.all([found("report.json", version.urls.report), found("preview/samples.json", version.urls.samples)]);
    return { version, report, samples: samples?.data ?? [], files };
  }

  /** Whether something on the page is about to change. */
  get moves() {
    return this.versions.some((version) => version.status === "validating");
  }
}
