/** One job as a row of the table; it is updated in place, so that focus stays where it is. */

import { h, redraw } from "../lib/dom.js";
import { age, moment, percent, points, roughly, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { cancel } from "../job/actions.js";
import { may } from "../net/session.js";
import { icon } from "../ui/icons.js";
import { plainBar } from "../ui/progress.js";
import { ALLOWED, OUTCOMES, badge, isActive, isFinal } from "../ui/status.js";

/** The columns: name of the class, and what the cell shows as [key, drawing]. */
const CELLS = {
  status: (job) => [job.status, () => badge(job.status)],
  name: (job) => [job.name, () => [h("a", { href: `/jobs/${job.id}` }, job.name), h("p", {}, who(job))]],
  progress: (job) => [[job.status, job.phase, job.progress?.percent, leftOf(job)], () => progress(job)],
  verdict: (job) => [job.verdict?.outcome, () => verdict(job)],
  kept: (job) => [keptOf(job), () => kept(job)],
  age: (job) => [ageOf(job), () => h("time", { datetime: job.created_at, title: moment(job.created_at) }, ageOf(job))],
  act: (job) => [job.status, () => action(job)],
};

export const COLUMNS = Object.keys(CELLS);

/** A row and the function that brings it up to date. */
export function makeRow(changed) {
  const cells = COLUMNS.map((name) => [name, h("td", { class: name, role: "cell" })]);
  const row = h("tr", { role: "row" }, cells.map(([, cell]) => cell));
  const update = (job) => {
    for (const [name, cell] of cells) {
      const [key, draw] = CELLS[name]({ ...job, changed });
      redraw(cell, [key], draw);
    }
  };
  return { row, update };
}

/** Method, data and networks of a job in a line. */
function who(job) {
  const networks = [job.teacher, job.student].filter(Boolean).join(" → ");
  return [job.method, job.dataset, networks].filter(Boolean).join(" · ");
}

const ageOf = (job) => t("age.ago", { age: age(since(job.created_at)) });

function leftOf(job) {
  if (job.status === "running" && job.progress?.eta_seconds) return t("jobs.left", { time: roughly(job.progress.eta_seconds) });
  if (isActive(job.status) && job.phase) return t(`phase.${job.phase}`);
  if (job.status === "failed" && job.error) return job.error.code.replaceAll("_", " ");
  if (job.status === "succeeded") return t("jobs.took", { time: age((Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000) });
  return "";
}

function progress(job) {
  const value = job.status === "succeeded" ? 100 : job.progress?.percent ?? (isActive(job.status) || job.status === "failed" ? 0 : undefined);
  if (value === undefined) return null;
  const text = [percent(value / 100, 0), leftOf(job)].filter(Boolean).join(" · ");
  return [plainBar(value, t("jobs.progressOf", { name: job.name }), isFinal(job.status)), h("p", {}, text)];
}

function verdict(job) {
  if (!job.verdict) return null;
  const [drawing, tone] = OUTCOMES[job.verdict.outcome] ?? OUTCOMES["no baseline"];
  const difference = job.verdict.difference;
  return [
    h("span", { class: `badge ${tone}` }, icon(drawing), t(`verdict.${job.verdict.outcome}`)),
    typeof difference === "number" && h("p", { class: "note" }, points(difference)),
  ];
}

/** The distilled student's latest validation accuracy, and as a share of its teacher's. */
function keptOf(job) {
  const of = (run) => job.metrics?.[`${run}.validation`]?.values?.accuracy;
  const [student, teacher] = [of("distil"), of("teacher")];
  return student === undefined || job.status === "failed" || job.status === "cancelled" ? null : { student, share: teacher ? student / teacher : null };
}

function kept(job) {
  const found = keptOf(job);
  if (!found) return null;
  return [percent(found.student), found.share !== null && h("p", { class: "note" }, t("jobs.share", { share: percent(found.share, 0) }))];
}

function action(job) {
  if (!may("jobs:write") || !ALLOWED.cancel.has(job.status)) return null;
  const click = async () => (await cancel(job)) && job.changed();
  return h("button", { class: "button small", type: "button", "aria-label": t("jobs.cancelOf", { name: job.name }), on: { click } },
    t("action.cancel"));
}

/** Whether the list should be read again soon. */
export const moves = (job) => isActive(job.status) || job.status === "queued";
