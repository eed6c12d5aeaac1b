/** What each arm came to over its seeds: mean, spread, interval, the paired difference to the reference, size and speed. */

import { h, redraw } from "../lib/dom.js";
import { NONE, bytes, count, duration, milliseconds } from "../lib/format.js";
import { better, bounds, difference, drawn, figure, tickOf } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { scroller } from "../ui/scroll.js";

/** Status of an arm -> icon and tone. */
const LOOKS = { running: ["running", "live"], waiting: ["queued", ""], done: ["succeeded", "good"], stopped: ["stop", "warn"], incomplete: ["warning", "warn"] };

/** Column -> what its cell shows of an arm: `[text, text below]`. */
const CELLS = {
  n: ({ summary }, { seeds }) => [t("arms.nOf", { n: summary?.n ?? 0, all: seeds.length })],
  mean: ({ summary }, _, metric) => [figure(summary?.mean, metric)],
  deviation: ({ summary }, _, metric) => [spread(summary?.sd, metric)],
  interval: ({ summary }, _, metric) => [summary?.interval ? bounds(summary.interval, metric) : NONE],
  difference: (arm, { reference }, metric) => against(arm, reference, metric),
  p: ({ difference: found }) => [probability(found?.p_corrected), typeof found?.p_value === "number" && t("arms.plain", { p: probability(found.p_value) })],
  parameters: ({ parameters, student }) => [count(parameters), student],
  bytes: (arm) => [bytes(arm.bytes === null ? null : Math.round(arm.bytes))],
  latency: (arm) => [milliseconds(arm.latency_ms)],
  seconds: (arm) => [duration(arm.seconds)],
};

export function arms(state) {
  const [title, body, note] = [h("h2"), scroller(), h("p", { class: "note" })];
  const element = h("section", { class: "panel arms" }, h("header", {}, title), body, note);

  function update() {
    const { results, metric } = state;
    redraw(title, results, () => headline(state));
    redraw(body, results, () => grid(results, metric));
    redraw(note, results, () => [t("arms.note", { reference: results.reference }), ...results.notes.map((one) => ` ${one.charAt(0).toUpperCase()}${one.slice(1)}.`)]);
  }

  return { element, update };
}

/** The best arm is named among those that have an interval and can be compared. */
function headline({ measured, metric, results }) {
  const sure = measured.filter(({ summary, comparable }) => summary.interval && comparable);
  if (sure.length < 2) return t("arms.title");
  const top = better(metric)(...sure.map(({ summary }) => summary.mean));
  const best = sure.find(({ summary }) => summary.mean === top);
  return t(results.complete ? "arms.best" : "arms.bestSoFar", { title: metric.title, value: figure(top, metric), name: best.name });
}

function grid(results, metric) {
  const columns = Object.keys(CELLS);
  const head = (name) => h("th", { scope: "col", class: "number", title: t(`arms.hint.${name}`) }, t(`arms.column.${name}`, { title: capital(metric.title), reference: results.reference }));
  const row = (arm) => h("tr", {}, name(arm, results), h("td", {}, state(arm)), columns.map((column) => cell(CELLS[column](arm, results, metric))));
  return h("table", { class: "figures pinned" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("arms.column.arm")), h("th", { scope: "col" }, t("arms.column.state")), columns.map(head))),
    h("tbody", {}, results.arms.map(row)));
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const cell = ([text, below]) => h("td", { class: "number" }, text, below && h("span", { class: "note" }, below));

function name(arm, { reference }) {
  const marks = [arm.name === reference && t("arms.reference"), arm.pareto && t("arms.front"), !arm.comparable && t("arms.apart")].filter(Boolean);
  return h("th", { scope: "row" }, h("div", { class: "who" }, arm.name, marks.map((mark) => h("span", { class: "label" }, mark))),
    h("span", { class: "note" }, changesOf(arm)));
}

/** What the arm changes of the base, in a line. */
export function changesOf({ method, changes }) {
  const said = Object.entries(changes).map(([pointer, value]) => t("arms.change", { place: pointer.split("/").at(-1), value: typeof value === "string" ? value : JSON.stringify(value) }));
  return said.join(", ") || method;
}

function state({ status }) {
  const [drawing, tone] = LOOKS[status] ?? ["unknown", ""];
  return h("span", { class: `badge ${tone}` }, icon(drawing, status === "running" ? "turning" : ""), t(`arms.status.${status}`));
}

/** A spread has no sign; shares are told in points. */
function spread(value, metric) {
  if (typeof value !== "number") return NONE;
  return metric.unit === "%" ? t("unit.points", { n: drawn(value, metric).toFixed(1) }) : figure(value, metric);
}

function against(arm, reference, metric) {
  if (arm.name === reference) return [NONE];
  if (!arm.comparable) return [t("arms.notCompared")];
  const found = arm.difference;
  return found ? [difference(found.difference, metric), found.interval && reach(found.interval, metric)] : [NONE];
}

/** The ends of a difference's interval. */
export function reach(ends, metric) {
  const [low, high] = ends.map((end) => tickOf(drawn(end, metric), metric));
  return t("arms.reach", { low, high });
}

/** A p-value, no finer than anybody should believe. */
export function probability(value) {
  if (typeof value !== "number") return NONE;
  return value < 0.001 ? "<\u00a00.001" : value.toFixed(3);
}
