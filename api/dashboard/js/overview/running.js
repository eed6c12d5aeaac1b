/** What workers do now, and what they do next. */

import { h, redraw } from "../lib/dom.js";
import { age, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { progress, standing } from "../jobs/row.js";
import { badge } from "../ui/status.js";
import { table } from "../ui/table.js";

const COLUMNS = {
  name: (job) => [job.name, () => [h("a", { href: `/jobs/${job.id}` }, job.name), h("p", { class: "note" }, [job.method, job.dataset].join(" · "))]],
  status: (job) => [job.status, () => badge(job.status)],
  progress: (job) => [[job.progress?.percent, standing(job)], () => progress(job)],
  since: (job) => [sinceOf(job), () => t("age.ago", { age: sinceOf(job) })],
};

/** How long it has run or waited. */
function sinceOf(job) {
  return age(since(job.status === "queued" ? job.queued_at : job.started_at ?? job.queued_at));
}

export function running() {
  const columns = Object.entries(COLUMNS).map(([name, cell]) => ({ name, cell, title: t(`now.${name}`), number: name === "since" }));
  const rows = table({ label: t("now.title"), columns, kind: "now" });
  const all = h("p", { class: "note" });
  const element = h("section", {}, h("header", { class: "over" }, h("h2", {}, t("now.title")), all), rows.element);
  const update = ({ active, next }) => {
    rows.update([...active, ...next], () => h("p", { class: "muted quiet" }, t("now.none")));
    redraw(all, active.length + next.length, () => active.length + next.length > 0 && h("a", { href: "/jobs?status=active" }, t("now.all")));
  };
  return { element, update };
}
