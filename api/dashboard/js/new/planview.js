/** What would run, and what it costs: the runs in order, the sizes, and what the service warns of or refuses. */

import { h, redraw } from "../lib/dom.js";
import { bytes, count, roughly, times, whole } from "../lib/format.js";
import { hueOf, roleOf } from "../lib/colours.js";
import { t } from "../lib/text.js";
import { runName } from "../job/accuracy.js";
import { notice, problemNotice, sentence } from "../ui/notice.js";
import { scroller } from "../ui/scroll.js";

const BYTES = 4; // of a number as float32

export function planView() {
  const trouble = h("div", { class: "stack" });
  const facts = h("dl", { class: "planfacts" });
  const runs = scroller();
  const chosen = h("div");
  const note = h("p", { class: "note" });
  const element = h("section", { class: "panel plan" }, h("header", {}, h("h2", {}, t("plan.title"))), trouble, facts, runs, chosen, note);

  /** @param lost the faults that have no field */
  function update({ plan, problem }, lost) {
    redraw(trouble, [problem?.message, problem?.requestId, lost, plan?.warnings], () => [problem && refusal(problem, lost), plan?.warnings.length ? warned(plan.warnings) : null]);
    if (!plan) return;
    redraw(facts, [plan.networks, plan.estimate, plan.delivers], () => factsOf(plan));
    redraw(runs, [plan.runs, plan.networks], () => table(plan));
    redraw(chosen, plan.auto, () => plan.auto && candidates(plan.auto));
    redraw(note, plan.estimate, () => t("plan.assumes", { assumes: plan.estimate.assumes, resource: plan.resource_class }));
  }

  return { element, update };
}

function refusal(problem, lost) {
  if (problem.status === 0) return null; // the frame says so
  if (!problem.errors.length) return problemNotice(problem);
  return notice("bad", h("h2", {}, t("plan.refused", { n: problem.errors.length })),
    lost.length ? h("ul", {}, lost.map(({ pointer, detail }) => h("li", {}, pointer && h("code", {}, pointer), " ", sentence(detail)))) : h("p", {}, t("plan.atFields")));
}

function warned(warnings) {
  const line = ({ pointer, message }) => h("li", {}, sentence(message), pointer && h("code", { class: "note" }, ` ${pointer}`));
  return notice("warn", h("h2", {}, t("plan.warned", { n: warnings.length })), h("ul", {}, warnings.map(line)));
}

function factsOf({ networks: { student, teacher }, estimate }) {
  const smaller = teacher?.parameters && student.parameters ? t("plan.smaller", { times: times(teacher.parameters / student.parameters), teacher: count(teacher.parameters) }) : "";
  return [
    fact(t("plan.time"), estimate.train_seconds === null ? t("plan.unknown") : roughly(estimate.train_seconds), t("plan.steps", { steps: whole(estimate.steps) })),
    fact(t("plan.student"), count(student.parameters), smaller),
    fact(t("plan.file"), bytes(BYTES * student.parameters), t("plan.fileNote")),
    fact(t("plan.macs"), count(student.macs), teacher?.macs ? t("plan.against", { teacher: count(teacher.macs) }) : ""),
  ];
}

const fact = (title, figure, note) => h("div", {}, h("dt", {}, title), h("dd", {}, h("strong", {}, figure), h("span", { class: "note" }, note)));

function table({ runs, networks }) {
  const head = [t("plan.run"), t("plan.learns"), t("plan.epochs"), t("plan.stepsColumn"), t("plan.parameters")];
  return h("table", { class: "figures small" },
    h("caption", { class: "hidden" }, t("plan.runs")),
    h("thead", {}, h("tr", {}, head.map((title, index) => h("th", { scope: "col", class: index > 1 && "number" }, title)))),
    h("tbody", {}, runs.map((run) => h("tr", {},
      h("th", { scope: "row" }, h("span", { class: `swatch ${roleOf(run.name) === "teacher" ? "dashed" : ""}`, vars: { hue: `var(--${hueOf(run.name)})` } }), " ", runName(run.name)),
      h("td", {}, run.learners.map((name) => networks[name]?.architecture ?? name).join(", ")),
      h("td", { class: "number" }, whole(run.training.epochs)),
      h("td", { class: "number" }, whole(run.training.epochs * run.steps_per_epoch)),
      h("td", { class: "number" }, count(run.learners.reduce((sum, name) => sum + (networks[name]?.parameters ?? 0), 0)))))));
}

/** Which student the planner took from the catalogue, and what else it looked at. */
function candidates({ candidates: all, considered, assumes }) {
  const taken = all.find((one) => one.chosen);
  const named = (one) => (one.width ? t("network.wide", { architecture: one.architecture, width: one.width }) : one.architecture);
  return h("details", {}, h("summary", {}, t("plan.auto", { name: named(taken), n: considered })),
    scroller(h("table", { class: "figures small" }, h("tbody", {}, all.map((one) => h("tr", {},
      h("th", { scope: "row" }, named(one)), h("td", { class: "number" }, count(one.parameters)), h("td", {}, sentence(one.reason))))))),
    h("p", { class: "note" }, sentence(assumes)));
}
