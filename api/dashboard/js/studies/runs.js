/** Every run of a study: arms downwards, seeds across, each with its status, its score, and the way to its job. */

import { h, redraw } from "../lib/dom.js";
import { NONE } from "../lib/format.js";
import { figure } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { scroller } from "../ui/scroll.js";
import { badge } from "../ui/status.js";

export function runs(state) {
  const body = scroller();
  const element = h("section", { class: "panel seedruns" }, h("header", {}, h("h2", {}, t("runs.title"))), body);
  return { element, update: () => redraw(body, state.results, () => grid(state.results, state.metric)) };
}

function grid({ arms, seeds }, metric) {
  return h("table", { class: "figures pinned" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("arms.column.arm")), seeds.map((seed) => h("th", { scope: "col" }, t("runs.seed", { seed }))))),
    h("tbody", {}, arms.map((arm) => h("tr", {}, h("th", { scope: "row" }, arm.name), seeds.map((seed) => cell(arm, seed, metric))))));
}

function cell(arm, seed, metric) {
  const run = arm.runs.find((one) => one.seed === seed);
  if (!run) return h("td", {}, h("span", { class: "note" }, NONE));
  const label = t("runs.label", { arm: arm.name, seed, status: t(`status.${run.status}`) });
  const shown = badge(run.status);
  return h("td", {}, run.job_id ? h("a", { href: `/jobs/${run.job_id}`, "aria-label": label }, shown) : shown,
    typeof run.score === "number" && h("p", { class: "score" }, figure(run.score, metric)));
}
