/** What waits for which class of workers; a class that nobody serves is a warning with the command that helps. */

import { h, redraw } from "../lib/dom.js";
import { NONE, roughly, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { copyButton } from "../ui/copy.js";
import { icon } from "../ui/icons.js";
import { notice } from "../ui/notice.js";
import { table } from "../ui/table.js";

const NAMED = 3;
const SIZED = /^(.+)-(\d+)g$/;

/** @returns {warnings, element, update}: `update(queues, waiting)` with the project's queued jobs */
export function queueTable() {
  const warnings = h("div", { class: "stack" });
  const rows = table({ label: t("workers.queues"), columns: columns(), id: (queue) => queue.resource_class, kind: "queues" });
  const none = () => h("div", { class: "start" }, h("p", { class: "muted" }, t("workers.noQueues")));

  function update(queues, waiting) {
    const stuck = queues.filter((queue) => queue.jobs && !queue.workers);
    const jobsOf = (queue) => waiting.filter((job) => job.resource_class === queue.resource_class);
    const key = stuck.map((queue) => [queue.resource_class, queue.jobs, jobsOf(queue).map((job) => [job.id, job.name])]);
    redraw(warnings, key, () => stuck.map((queue) => warning(queue, jobsOf(queue))));
    rows.update(queues, none);
  }

  return { warnings, element: rows.element, update };
}

const columns = () => [
  { name: "name", title: t("workers.class"), cell: (queue) => [queue.resource_class, () => [h("strong", {}, queue.resource_class), h("p", { class: "note" }, meaning(queue.resource_class))]] },
  { name: "jobs", title: t("workers.waiting"), number: true, cell: (queue) => [queue.jobs, () => whole(queue.jobs)] },
  { name: "oldest", title: t("workers.oldest"), number: true, cell: (queue) => [oldestOf(queue), () => oldestOf(queue)] },
  { name: "serving", title: t("workers.serving"), number: true, cell: (queue) => [[queue.workers, queue.jobs > 0], () => serving(queue)] },
];

const oldestOf = (queue) => (queue.jobs ? roughly(queue.oldest_seconds) : NONE);

function serving({ workers, jobs }) {
  if (workers) return whole(workers);
  return h("span", { class: `badge ${jobs ? "warn" : ""}` }, icon(jobs ? "warning" : "skipped"), t("workers.nobody"));
}

function meaning(name) {
  const [, base, size] = SIZED.exec(name) ?? [null, name, null];
  if (base !== "cpu" && base !== "gpu") return "";
  return size ? t(`workers.meaning.${base}Sized`, { size }) : t(`workers.meaning.${base}`);
}

/** Which jobs wait, and what to start. */
function warning(queue, jobs) {
  const command = `DISTILLERY_RESOURCE_CLASSES=${queue.resource_class} distill worker`;
  const rest = queue.jobs - Math.min(NAMED, jobs.length);
  return notice("warn",
    h("p", {}, t("workers.unserved", { n: queue.jobs, number: whole(queue.jobs), name: queue.resource_class, time: roughly(queue.oldest_seconds) })),
    h("ul", { class: "waits" }, jobs.slice(0, NAMED).map((job) => h("li", {}, h("a", { href: `/jobs/${job.id}` }, job.name))),
      rest > 0 && h("li", { class: "muted" }, t("workers.andMore", { n: rest, number: whole(rest) }))),
    h("p", {}, t("workers.start")),
    h("div", { class: "secret" }, h("code", {}, command), copyButton(() => command)));
}
