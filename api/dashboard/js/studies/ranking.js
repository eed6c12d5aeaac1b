/** Teachers in their order: how good the same student becomes with each, and what the gap between them says. */

import { h, redraw } from "../lib/dom.js";
import { NONE, count, percent } from "../lib/format.js";
import { bounds, difference, figure, named } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { scroller } from "../ui/scroll.js";
import { reach } from "./arms.js";

export function ranking(state) {
  const [answer, body, note] = [h("h2"), scroller(), h("p", { class: "note" })];
  const element = h("section", { class: "panel ranking arms" }, h("header", {}, answer), body, note);

  function update() {
    const found = state.results.ranking;
    element.hidden = !found;
    if (!found) return;
    redraw(answer, found, () => said(found));
    redraw(body, found, () => grid(found));
    redraw(note, found, () => t("ranking.note"));
  }

  return { element, update };
}

function said({ code, best, tied, largest, largest_is_best: wins }) {
  const told = [t(`ranking.answer.${code}`, { best, names: [best, ...tied].join(", ") })];
  if (wins === false) told.push(t("ranking.notLargest", { largest }));
  else if (wins === null && tied.includes(largest)) told.push(t("ranking.noBetter", { largest }));
  return told.join(" ");
}

const COLUMNS = ["place", "mean", "interval", "behind", "parameters", "gap", "agreement", "divergence"];

function grid(found) {
  const metric = named(found.metric);
  const head = (name) => h("th", { scope: "col", class: "number", title: t(`ranking.hint.${name}`) }, t(`ranking.column.${name}`));
  return h("table", { class: "figures pinned" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("ranking.teacher")), COLUMNS.map(head))),
    h("tbody", {}, found.teachers.map((one) => h("tr", {}, name(one), cells(one, metric).map(([text, below]) => h("td", { class: "number" }, text, below && h("span", { class: "note" }, below)))))));
}

function name({ name: called, tie, gate }) {
  const marks = [tie && t("ranking.tie"), gate?.passed === false && t("ranking.refused")].filter(Boolean);
  return h("th", { scope: "row" }, h("div", { class: "who" }, called, marks.map((mark) => h("span", { class: "label" }, mark))), gate?.passed === false && h("span", { class: "note" }, gate.message));
}

function cells({ place, student, behind, parameters, probe }, metric) {
  const lag = behind?.difference ?? null;
  return [
    [place ?? NONE],
    [figure(student?.mean, metric)],
    [student?.interval ? bounds(student.interval, metric) : NONE],
    [lag === null ? NONE : difference(lag, metric), behind?.interval && reach(behind.interval, metric)],
    [count(parameters)],
    [difference(probe?.gap, metric), probe?.wide && t("ranking.wide")],
    [percent(probe?.agreement)],
    [typeof probe?.divergence === "number" ? probe.divergence.toPrecision(2) : NONE],
  ];
}
