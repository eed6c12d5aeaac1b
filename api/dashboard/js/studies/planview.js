/** What a study would run, and what it costs: its arms, its teachers, how many jobs, and what stands in its way. */

import { h, redraw } from "../lib/dom.js";
import { count, duration, roughly, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { notice, sentence } from "../ui/notice.js";
import { scroller } from "../ui/scroll.js";
import { changesOf } from "./arms.js";
import { tried } from "./columns.js";

export function planView() {
  const [warned, facts, arms, note] = [h("div", { class: "stack" }), h("dl", { class: "facts" }), scroller(), h("p", { class: "note" })];
  const element = h("section", { class: "panel plan standing" }, h("header", {}, h("h2", {}, t("plan.title"))), facts, warned, arms, note);

  function update(plan) {
    element.hidden = !plan;
    if (!plan) return;
    redraw(facts, [plan.jobs, plan.seconds, plan.seeds, plan.arms.length], () => factsOf(plan));
    redraw(warned, plan.warnings, () => plan.warnings.length > 0 && notice("warn", h("h2", {}, t("plan.warned", { n: plan.warnings.length })), h("ul", {}, plan.warnings.map(({ message }) => h("li", {}, sentence(message))))));
    redraw(arms, [plan.arms, plan.teachers, plan.reference], () => table(plan));
    redraw(note, plan.assumes, () => t("studyplan.assumes", { assumes: plan.assumes }));
  }

  return { element, update };
}

function factsOf({ jobs, seconds, arms, search, seeds, teachers, rounds }) {
  return [
    fact("studyplan.jobs", whole(jobs), t("studyplan.made", { tried: tried(search?.count ?? arms.length, seeds.length), teachers: whole(teachers.length) })),
    fact("studyplan.time", roughly(seconds), t("studyplan.timeNote")),
    fact("studyplan.seeds", seeds.join(", "), rounds.length > 1 ? t("studyplan.rounds", { list: rounds.join(", ") }) : t("studyplan.every")),
  ];
}

const fact = (title, figure, note) => h("div", {}, h("dt", {}, t(title)), h("dd", {}, h("strong", {}, figure), h("span", { class: "note" }, note)));

function table({ arms, teachers, reference }) {
  const head = ["arm", "student", "parameters", "one", "teacher"].map((name) => h("th", { scope: "col", class: NUMBERS.has(name) && "number" }, t(`studyplan.column.${name}`)));
  const row = (arm) => h("tr", {},
    h("th", { scope: "row" }, h("div", { class: "who" }, arm.name, arm.name === reference && h("span", { class: "label" }, t("arms.reference")), arm.apart.length > 0 && h("span", { class: "label" }, t("arms.apart"))), h("span", { class: "note" }, changesOf(arm))),
    h("td", {}, arm.student), h("td", { class: "number" }, count(arm.parameters)), h("td", { class: "number" }, duration(arm.seconds)), h("td", {}, arm.teacher ?? ""));
  const shared = (one) => h("tr", {}, h("th", { scope: "row" }, one.name, h("span", { class: "note" }, t("studyplan.once"))), h("td"), h("td"), h("td", { class: "number" }, duration(one.seconds)), h("td"));
  return h("table", { class: "figures small" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, teachers.map(shared), arms.map(row)));
}

const NUMBERS = new Set(["parameters", "one"]);
