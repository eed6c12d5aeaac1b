/** What runs, what waits, what failed lately and what came out: one look, read again every few seconds. */

import { fill, h, redraw } from "../lib/dom.js";
import { poll } from "../lib/poll.js";
import { t } from "../lib/text.js";
import { get } from "../net/api.js";
import { everything } from "../net/listing.js";
import { may } from "../net/session.js";
import { figures } from "../overview/figures.js";
import { begin } from "../overview/begin.js";
import { queues } from "../overview/queues.js";
import { results } from "../overview/results.js";
import { running } from "../overview/running.js";
import { workers } from "../overview/workers.js";
import { pageHead } from "../ui/listpage.js";
import { skeleton } from "../ui/load.js";
import { problemNotice } from "../ui/notice.js";
import { showOffline } from "../ui/shell.js";
import { GROUPS } from "../ui/status.js";
import { title } from "../router.js";

const SECONDS = 3;
const RUNNING = 6;
const NEXT = 4;
const RESULTS = 8;

export function enter(main) {
  title(t("overview.title"));
  const trouble = h("div", { class: "stack" });
  const body = h("div", { class: "stack" }, skeleton());
  const parts = [figures(), running(), results(), queues(), workers()];
  const actions = may("jobs:write") ? [h("a", { class: "button primary", href: "/new" }, t("nav.new"))] : [];
  fill(main, pageHead(t("overview.title"), null, actions), trouble, body);

  async function refresh(signal) {
    try {
      show(await read(signal));
    } catch (problem) {
      if (problem.name !== "AbortError") fail(problem);
    }
    return SECONDS;
  }

  function show(found) {
    showOffline(false);
    redraw(trouble, null, () => null);
    redraw(body, isNew(found.overview), () => layout(parts, isNew(found.overview)));
    for (const part of parts) part.update(found);
  }

  function fail(problem) {
    if (problem.status === 0) return showOffline(true);
    return redraw(trouble, [problem.message, problem.requestId], () => problemNotice(problem));
  }

  const polling = poll(refresh);
  return () => polling.stop();
}

/** Everything that the page shows, as of now. */
async function read(signal) {
  const jobs = (query) => get("/v1/jobs", { signal, query }).then((found) => found.data);
  const [overview, active, next, ended, waiting, alive] = await Promise.all([
    get("/v1/overview", { signal }),
    jobs({ status: GROUPS.active, limit: RUNNING }),
    jobs({ status: "queued", sort: "created_at", limit: NEXT }),
    jobs({ status: "succeeded", sort: "-finished_at", limit: RESULTS }),
    everything("/v1/queues", {}, signal),
    everything("/v1/workers", {}, signal),
  ]);
  return { overview, active, next, ended, queues: waiting, workers: alive };
}

const isNew = ({ jobs }) => Object.values(jobs).every((number) => number === 0);

/** Somebody who has no job yet is led to the first one; everybody sees what there is to work with. */
function layout([counts, now, came, waiting, alive], empty) {
  const aside = h("div", { class: "stack" }, waiting.element, alive.element);
  if (empty) return h("div", { class: "sides" }, begin(), aside);
  return [counts.element, h("div", { class: "sides" }, h("div", { class: "stack" }, now.element, came.element), aside)];
}
