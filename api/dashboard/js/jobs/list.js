/** The jobs that are shown: as many pages of the keyset as were asked for, read again from the top at each refresh. */

import { get } from "../net/api.js";
import { GROUPS } from "../ui/status.js";

const PAGE = 25;
const LARGEST = 100;

/** The list behind a table, for one filter. */
export class JobList {
  constructor({ status, q }) {
    this.filter = { status: GROUPS[status] ?? null, q };
    this.wanted = PAGE;
    this.jobs = null;
    this.hasMore = false;
  }

  /** Show one page more at the next refresh. */
  more() {
    this.wanted = this.jobs.length + PAGE;
  }

  /** Read everything that is shown again. */
  async refresh(signal) {
    const jobs = [];
    let after = null;
    do {
      const limit = Math.min(LARGEST, this.wanted - jobs.length);
      const page = await get("/v1/jobs", { signal, query: { ...this.filter, limit, after } });
      jobs.push(...page.data);
      this.hasMore = page.has_more;
      after = page.next_cursor;
    } while (this.hasMore && jobs.length < this.wanted);
    this.jobs = jobs;
  }
}
