/** How far a study is, what it has cost, and what it may cost. */

import { h, redraw } from "../lib/dom.js";
import { duration, roughly, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { sentence } from "../ui/notice.js";
import { badge } from "../ui/status.js";
import { ended, progress, tried, waits } from "./columns.js";

const HOUR = 3600;

export function standing(state) {
  const body = h("div", { class: "stack" });
  const element = h("section", { class: "panel standing" }, h("header", {}, h("h2", {}, t("standing.title"))), body);
  return { element, update: () => redraw(body, [state.study.jobs, state.study.status, state.study.waits_for, state.study.reason, state.used, state.results.teachers], () => drawn(state)) };
}

function drawn(state) {
  const { study } = state;
  return [
    progress(study),
    study.waits_for && h("p", {}, waits(study)),
    study.status === "failed" && study.reason && h("p", { class: "bad" }, sentence(study.reason)),
    h("dl", { class: "facts" },
      fact("standing.jobs", t("standing.of", { n: whole(ended(study)), all: whole(study.jobs.planned) }), counts(study)),
      fact("standing.used", duration(state.used), t("standing.estimated", { time: roughly(study.seconds) })),
      fact("standing.hours", ...budgeted(study)),
      fact("standing.tried", tried(study.arms, study.seeds), t("standing.seeds", { n: state.results.seeds.length, list: state.results.seeds.join(", ") }))),
    state.results.teachers.length > 0 && h("div", {}, h("h3", {}, t("standing.teachers")), h("ul", { class: "plainlist" }, state.results.teachers.map(teacher))),
  ];
}

const fact = (title, figure, note) => h("div", {}, h("dt", {}, t(title)), h("dd", {}, h("strong", {}, figure), h("span", { class: "note" }, note)));

/** Every status that some job has. */
function counts({ jobs }) {
  const said = Object.entries(jobs).filter(([status, n]) => status !== "planned" && n > 0).map(([status, n]) => t("standing.count", { n: whole(n), status: t(`status.${status}`).toLowerCase() }));
  return said.join(", ") || t("standing.noJobs");
}

/** The hours before the number of jobs, which mostly says no more than the plan. */
function budgeted({ budget }) {
  const allowed = [budget.device_hours && t("standing.hoursOf", { time: duration(HOUR * budget.device_hours) }), budget.jobs_at_most && t("standing.jobsOf", { n: budget.jobs_at_most, number: whole(budget.jobs_at_most) })].filter(Boolean);
  const [first, ...rest] = allowed;
  return first ? [first, [...rest, t("standing.hoursNote")].join("; ")] : [t("standing.unbounded"), ""];
}

function teacher({ name, job_id: job, status, model_id: model, seconds, error }) {
  return h("li", {},
    h("span", {}, name), badge(status),
    job && h("a", { href: `/jobs/${job}` }, t("standing.job")), model && h("a", { href: `/models/${model}` }, t("standing.model")),
    seconds && h("span", { class: "note" }, duration(seconds)), error && h("span", { class: "note" }, error.message));
}
