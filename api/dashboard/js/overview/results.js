/** What came out lately: was it worth it, what is kept of the score, what is saved in size. */

import { h } from "../lib/dom.js";
import { age, moment, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { kept, keptOf, size, sizeOf, verdict } from "../jobs/result.js";
import { table } from "../ui/table.js";

const COLUMNS = {
  name: (job) => [job.name, () => [h("a", { href: `/jobs/${job.id}` }, job.name), h("p", { class: "note" }, [job.method, job.dataset].join(" · "))]],
  verdict: (job) => [job.verdict?.outcome, () => verdict(job)],
  kept: (job) => [keptOf(job), () => kept(job)],
  size: (job) => [sizeOf(job), () => size(job)],
  ended: (job) => [endedOf(job), () => h("time", { datetime: job.finished_at, title: moment(job.finished_at) }, endedOf(job))],
};

const endedOf = (job) => t("age.ago", { age: age(since(job.finished_at)) });

export function results() {
  const columns = Object.entries(COLUMNS).map(([name, cell]) => ({ name, cell, title: t(`jobs.column.${name}`) }));
  const rows = table({ label: t("results.title"), columns, kind: "came" });
  const all = h("p", { class: "note" }, h("a", { href: "/jobs?status=succeeded&sort=-finished_at" }, t("results.all")));
  const element = h("section", {}, h("header", { class: "over" }, h("h2", {}, t("results.title")), all), rows.element);
  const update = ({ ended }) => rows.update(ended, () => h("p", { class: "muted quiet" }, t("results.none")));
  return { element, update };
}
