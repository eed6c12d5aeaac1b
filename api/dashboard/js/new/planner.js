/** What would run: asked of the service a moment after each change, and only the latest answer counts. */

import { post } from "../net/api.js";

const STILL_MS = 400;
const AGAIN_MS = 3000;

export class Planner {
  /** @param draft has the document as `spec`; `path` plans it; `show` is called with `{plan}`, `{problem}`, or nothing while an answer is awaited */
  constructor(draft, show, path = "/v1/jobs:plan") {
    Object.assign(this, { draft, show, path, running: null, timer: null });
  }

  /** After the last change for a moment. */
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), STILL_MS);
  }

  async now() {
    this.stop();
    const mine = (this.running = new AbortController());
    this.show({});
    const answer = await post(this.path, this.draft.spec, {}, mine.signal).then((plan) => ({ plan }), (problem) => ({ problem }));
    if (mine.signal.aborted) return;
    this.show(answer);
    if (answer.problem?.status === 0 || answer.problem?.status >= 500) this.timer = setTimeout(() => this.now(), AGAIN_MS);
  }

  stop() {
    clearTimeout(this.timer);
    this.running?.abort();
  }
}
