/** One job as a row of the table. */

import { h } from "../lib/dom.js";
import { age, moment, percent, roughly, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { cancel } from "../job/actions.js";
import { may } from "../net/session.js";
import { icon } from "../ui/icons.js";
import { plainBar } from "../ui/progress.js";
import { ALLOWED, badge, isActive } from "../ui/status.js";
import { labelText } from "./filters.js";
import { kept, keptOf, size, sizeOf, verdict } from "./result.js";
import { sorting } from "./sorting.js";

/** Name of the column -> what its cell shows of a job, as [key, drawing]. */
const CELLS = {
  name: (job) => [[job.name, job.labels], () => [h("a", { href: `/jobs/${job.id}` }, job.name), recipe(job), labels(job)]],
  status: (job) => [[job.status, job.progress?.percent, standing(job)], () => [badge(job.status), progress(job)]],
  verdict: (job) => [[job.verdict?.outcome, job.headline?.metric], () => verdict(job)],
  kept: (job) => [keptOf(job), () => kept(job)],
  size: (job) => [sizeOf(job), () => size(job)],
  created: (job) => [ago(job.created_at), () => when(job.created_at)],
  ended: (job) => [job.finished_at && ago(job.finished_at), () => job.finished_at && [when(job.finished_at), h("p", { class: "note" }, took(job))]],
};

const HINTED = new Set(["verdict", "kept", "size"]);

/**
 * The columns of the table.
 *
 * @param picked the `Selection`; `changed` is called when a row has changed its job; `apply` with a new query string
 */
export function columns(picked, changed, apply) {
  const shown = Object.entries(CELLS).map(([name, cell]) => {
    const title = t(`jobs.column.${name}`);
    return { name, cell, title, hint: HINTED.has(name) ? t(`jobs.hint.${name}`) : null, ...sorting(name, title, apply) };
  });
  const act = { name: "act", silent: true, title: t("jobs.column.act"), cell: (job) => [job.status, () => actions(job, changed)] };
  return [picked.column, ...shown, act];
}

/** Method, data and networks of a job in a line; the method is a filter. */
function recipe(job) {
  const networks = [job.teacher, job.student].filter(Boolean).join(" → ");
  const method = h("a", { href: `/jobs?${new URLSearchParams({ method: job.method })}`, "data-method": job.method }, job.method);
  return h("p", { class: "recipe" }, method, [job.dataset, networks].filter(Boolean).map((text) => ` · ${text}`));
}

/** Labels, each a filter. */
function labels(job) {
  const link = ([name, value]) => h("li", {}, h("a", { class: "label", href: `/jobs?${new URLSearchParams({ [`label.${name}`]: value })}`,
    title: t("jobs.filterBy", { label: labelText(name, value) }), "data-label": name, "data-value": value }, labelText(name, value)));
  const all = Object.entries(job.labels);
  return all.length > 0 && h("ul", { class: "labels" }, all.map(link));
}

const ago = (time) => t("age.ago", { age: age(since(time)) });
const when = (time) => h("time", { datetime: time, title: moment(time) }, ago(time));
const took = (job) => job.started_at && t("jobs.took", { time: age((Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000) });

/** Where a job stands, in a few words below its status. */
export function standing(job) {
  if (job.status === "queued") return t("jobs.waits", { class: job.resource_class });
  if (job.status === "failed") return job.error?.code.replaceAll("_", " ");
  if (!isActive(job.status)) return null;
  const left = job.status === "running" && job.progress?.eta_seconds ? t("jobs.left", { time: roughly(job.progress.eta_seconds) }) : null;
  const share = job.progress ? percent(job.progress.percent / 100, 0) : null;
  return [job.phase && t(`phase.${job.phase}`), share, left].filter(Boolean).join(" · ");
}

/** The bar of a job that a worker has, and the words below it. */
export function progress(job) {
  const text = standing(job);
  return [
    isActive(job.status) && plainBar(job.progress?.percent ?? 0, t("jobs.progressOf", { name: job.name })),
    text && h("p", { class: "note" }, text),
  ];
}

function actions(job, changed) {
  if (!may("jobs:write")) return null;
  const click = async () => (await cancel(job)) && changed();
  return h("div", { class: "acts" },
    ALLOWED.cancel.has(job.status) && h("button", { class: "button small plain", type: "button", title: t("action.cancel"), "aria-label": t("jobs.cancelOf", { name: job.name }), on: { click } }, icon("stop")),
    h("a", { class: "button small plain", href: `/new?from=${job.id}`, title: t("jobs.clone") }, icon("copy"), h("span", { class: "hidden" }, t("jobs.clone"))));
}

/** Whether the list should be read again soon. */
export const moves = (job) => isActive(job.status) || job.status === "queued";
