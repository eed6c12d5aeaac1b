/** Who works, what waits for whom, and how much of the project's quotas is used; read again while somebody looks. */

import { fill, h, redraw } from "../lib/dom.js";
import { poll } from "../lib/poll.js";
import { t } from "../lib/text.js";
import { get } from "../net/api.js";
import { everything } from "../net/listing.js";
import { may, session } from "../net/session.js";
import { acting } from "../ui/acting.js";
import { pageHead } from "../ui/listpage.js";
import { problemNotice } from "../ui/notice.js";
import { showOffline } from "../ui/shell.js";
import { GROUPS } from "../ui/status.js";
import { workerList } from "../workers/list.js";
import { projectTable } from "../workers/projects.js";
import { queueTable } from "../workers/queues.js";
import { usagePanel } from "../workers/usage.js";
import { title } from "../router.js";

const SECONDS = 3;
const SLOWLY = 10; // usage is read every so many rounds

export function enter(main) {
  title(t("workers.title"));
  const trouble = h("div", { class: "stack" });
  const acts = acting(again);
  const parts = [may("jobs:read") && workPart(), usagePart(), may("operate") && projectPart(acts)].filter(Boolean);
  let round = 0;

  function again() {
    round = 0;
    return polling.now();
  }

  async function refresh(signal) {
    try {
      await Promise.all(parts.map((part) => part.read(signal, round)));
      round += 1;
      showOffline(false);
      redraw(trouble, null, () => null);
    } catch (problem) {
      if (problem.status === 0) showOffline(true);
      else if (problem.name !== "AbortError") redraw(trouble, [problem.message, problem.requestId], () => problemNotice(problem));
    }
    return SECONDS;
  }

  fill(main, pageHead(t("workers.title")), trouble, acts.trouble, parts.map((part) => part.elements));
  const polling = poll(refresh);
  return () => {
    polling.stop();
    for (const part of parts) part.stop?.();
  };
}

const heading = (words) => h("div", { class: "between" }, h("h2", {}, words));

/** Queues and workers, for who may see jobs. */
function workPart() {
  const [queues, workers] = [queueTable(), workerList()];

  async function read(signal) {
    const jobs = (status) => get("/v1/jobs", { signal, query: { status, kind: "all", limit: 100 } });
    const [found, serving, active, waiting] = await Promise.all([
      everything("/v1/queues", {}, signal), everything("/v1/workers", {}, signal), jobs(GROUPS.active), jobs(GROUPS.queued)]);
    queues.update(found, waiting.data);
    workers.update(serving, new Map(active.data.map((job) => [job.id, job])));
  }

  return { read, elements: [queues.warnings, heading(t("workers.queues")), queues.element, heading(t("workers.list")), workers.element] };
}

/** The project that the key belongs to. */
function usagePart() {
  const panel = usagePanel();
  const path = `/v1/projects/${session().project_id}`;

  async function read(signal, round) {
    if (round % SLOWLY) return;
    const [project, usage] = await Promise.all([get(path, { signal }), get(`${path}/usage`, { signal })]);
    panel.update(project, usage);
  }

  return { read, stop: panel.stop, elements: [heading(t("workers.usage")), panel.element] };
}

/** All projects, for who operates the service. */
function projectPart(acts) {
  const projects = projectTable(acts);
  const read = async (signal) => projects.update(await everything("/v1/projects", {}, signal));
  return { read, elements: [heading(t("workers.projects")), projects.element] };
}
