/** What a group's seeds say together: mean, spread and interval of the test score, and what distillation gained. */

import { h, redraw } from "../lib/dom.js";
import { NONE, count, milliseconds, percent } from "../lib/format.js";
import { better, bounds, difference, drawn, figure, tickOf } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { download, toCsv } from "./csv.js";
import { ENOUGH, deviation, interval, mean } from "./statistics.js";
import { scroller } from "../ui/scroll.js";

/** Fields of the file, in order. */
const FIELDS = ["group", "dataset", "metric", "n", "mean", "standard_deviation", "interval_low", "interval_high",
  "minus_alone", "minus_alone_low", "minus_alone_high", "gap_closed", "parameters", "latency_p50_ms"];

/** Column -> what its cell shows of a row: `[text, text below]`. */
const CELLS = {
  n: ({ n, jobs }) => [n === jobs ? String(n) : t("seeds.nOf", { n, jobs })],
  mean: ({ mean, metric }) => [figure(mean, metric)],
  deviation: ({ deviation, metric }) => [spread(deviation, metric)],
  interval: ({ ends, metric }) => [ends ? bounds(ends, metric) : NONE],
  alone: ({ gain, gainEnds, metric }) => [gain === null ? NONE : difference(gain, metric), gainEnds && reach(gainEnds, metric)],
  gap: ({ gap }) => [percent(gap, 0)],
  parameters: ({ parameters }) => [count(parameters)],
  latency: ({ latency }) => [milliseconds(latency)],
};

/** @param scene gives `{ groups, members }`; groups that are not drawn wear no colour */
export function seeds(scene) {
  const title = h("h2");
  const body = scroller();
  const note = h("p", { class: "note" });
  let rows = [];
  const save = h("button", { class: "button small", type: "button", on: { click: () => download("distillery-seeds.csv", toCsv(records(rows))) } }, icon("download"), t("seeds.save"));
  const element = h("section", { class: "panel seeds" }, h("header", {}, title, save), body, note);

  function update() {
    const { groups, members } = scene();
    rows = groups.map((group) => ({ ...rowOf(group), coloured: members.includes(group) }));
    save.disabled = !rows.some(({ n }) => n);
    redraw(title, rows, () => headline(rows));
    redraw(body, rows, () => grid(rows));
    redraw(note, rows, () => noteOf(rows));
  }

  return { element, update };
}

/** The figures of a group; null is what is not known. */
function rowOf({ name, hue, mark, metric, entries }) {
  const results = entries.map(({ job }) => job.result).filter((result) => typeof result?.models.student?.score === "number");
  const scores = results.map(({ models }) => models.student.score);
  const gains = results.filter(({ models }) => models.alone).map(({ models }) => models.student.score - models.alone.score);
  const speeds = results.map(({ models }) => models.student.latency_ms?.p50).filter((speed) => typeof speed === "number");
  return {
    name, hue, mark, metric, dataset: entries[0].job.dataset, jobs: entries.length, n: scores.length,
    mean: mean(scores), deviation: deviation(scores), ends: interval(scores), gain: mean(gains), gainEnds: interval(gains),
    gap: gapOf(results, metric), parameters: mean(results.map(({ models }) => models.student.parameters)), latency: mean(speeds),
  };
}

/** The mean gain as a share of the mean gap: single runs have gaps of nearly nothing, and shares of those are noise. */
function gapOf(results, metric) {
  const whole = results.filter(({ models }) => models.alone && models.teacher);
  const sign = metric.higher_is_better === false ? -1 : 1;
  const [teacher, alone, student] = ["teacher", "alone", "student"].map((role) => sign * mean(whole.map(({ models }) => models[role].score)));
  return whole.length && teacher > alone ? (student - alone) / (teacher - alone) : null;
}

/** A best group is named only among those that have enough seeds. */
function headline(rows) {
  const measured = rows.filter(({ ends }) => ends);
  const kinds = new Set(measured.map(({ metric, dataset }) => `${metric.name} ${dataset}`));
  if (measured.length < 2 || kinds.size > 1) return t("seeds.title");
  const [{ metric }] = measured;
  const top = better(metric)(...measured.map(({ mean }) => mean));
  return t("seeds.best", { title: metric.title, name: measured.find((row) => row.mean === top).name, value: figure(top, metric) });
}

function grid(rows) {
  const columns = Object.keys(CELLS);
  const head = (name) => h("th", { scope: "col", class: "number", title: t(`seeds.hint.${name}`) }, t(`seeds.column.${name}`));
  return h("table", { class: "figures pinned" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("seeds.column.group")), columns.map(head))),
    h("tbody", {}, rows.map((row) => h("tr", {}, groupCell(row), columns.map((name) => cell(CELLS[name](row)))))));
}

function groupCell({ name, hue, mark, coloured, metric, dataset }) {
  const sign = coloured && h("span", { class: `swatch ${mark}`, vars: { hue: `var(--${hue})` } });
  return h("th", { scope: "row" }, h("div", { class: "who" }, sign, h("div", {}, name, h("span", { class: "note" }, t("seeds.by", { dataset, title: metric.title })))));
}

const cell = ([text, below]) => h("td", { class: "number" }, text, below && h("span", { class: "note" }, below));

/** A spread has no sign; shares are told in points. */
function spread(value, metric) {
  if (value === null) return NONE;
  return metric.unit === "%" ? t("unit.points", { n: drawn(value, metric).toFixed(1) }) : figure(value, metric);
}

function reach(ends, metric) {
  const [low, high] = ends.map((end) => tickOf(drawn(end, metric), metric));
  return t("seeds.reach", { low, high });
}

function noteOf(rows) {
  const few = rows.filter(({ n }) => n < ENOUGH).length;
  return [
    t("seeds.note"),
    few > 0 && t("seeds.few", { n: few, all: rows.length, enough: ENOUGH }),
    rows.some(({ n, jobs }) => n < jobs) && t("seeds.open"),
    rows.some(({ ends, metric }) => metric.unit === "%" && ends && (ends[0] < 0 || ends[1] > 1)) && t("seeds.beyond"),
  ].filter(Boolean).join(" ");
}

const records = (rows) => [FIELDS, ...rows.map((row) => [row.name, row.dataset, row.metric.name, row.n, row.mean, row.deviation,
  ...(row.ends ?? [null, null]), row.gain, ...(row.gainEnds ?? [null, null]), row.gap, row.parameters, row.latency])];
