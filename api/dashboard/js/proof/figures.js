/** Every figure of the task, of every network, with its interval. */

import { h, redraw } from "../lib/dom.js";
import { bounds, figure, metricOf } from "../lib/metric.js";
import { has, t } from "../lib/text.js";
import { scroller } from "../ui/scroll.js";
import { modelsOf } from "./given.js";

/** Figures that are no shares of one. */
const NUMBERS = new Set(["matthews", "rmse", "mae", "r2", "pearson", "spearman", "perplexity"]);

export function figuresPanel(state) {
  const body = scroller();
  const element = h("section", { class: "panel everyfigure" }, h("header", {}, h("h3", {}, t("figures.title"))), body, h("p", { class: "note" }, t("figures.note")));
  return { element, update: () => redraw(body, modelsOf(state), () => table(modelsOf(state), metricOf(state.job))) };
}

function table(shown, metric) {
  const names = [...new Set(shown.flatMap(([, model]) => Object.keys(model.metrics)))].sort((a, b) => (b === metric.name) - (a === metric.name));
  return h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("figures.figure")), shown.map(([role]) => h("th", { scope: "col", class: "number" }, t(`role.${role}`))))),
    h("tbody", {}, names.map((name) => h("tr", {}, h("th", { scope: "row" }, titleOf(name)), shown.map(([, model]) => cell(model, name))))));
}

const titleOf = (name) => (has(`metric.${name}`) ? t(`metric.${name}`) : has(`figure.${name}`) ? t(`figure.${name}`) : name.replaceAll("_", " "));

function cell({ metrics, intervals }, name) {
  const metric = { unit: NUMBERS.has(name) ? "" : "%" };
  const ends = intervals?.[name];
  return h("td", { class: "number" }, figure(metrics[name], metric), ends && h("span", { class: "note" }, bounds(ends, metric)));
}
