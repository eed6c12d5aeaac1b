/** What a point of score costs: every arm by its mean score and its size or speed, and the front that none of them beats. */

import { chart } from "../chart/figure.js";
import { escaped } from "../chart/stages.js";
import { front } from "../compare/statistics.js";
import { labelled } from "../compare/labels.js";
import { colour } from "../lib/colours.js";
import { NONE, bytes, count, milliseconds } from "../lib/format.js";
import { bounds, drawn, figure } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { select } from "../ui/form.js";

/** Cost -> [its value of an arm, how it reads, how the axis writes it]. */
const COSTS = {
  parameters: [(arm) => arm.parameters, count, { tickformat: "~s" }],
  bytes: [(arm) => arm.bytes, (value) => bytes(Math.round(value)), { tickformat: "~s" }],
  latency: [(arm) => arm.latency_ms, milliseconds, { tickformat: "~g" }],
};
const WIDE = 8;

/** The chart, with a choice of the cost beside its title. */
export function pareto(state) {
  const control = select(Object.keys(COSTS).map((name) => [name, t(`pareto.${name}`)]), "parameters", { "aria-label": t("pareto.which") });
  control.addEventListener("change", () => drawing.update());
  const drawing = chart(() => described(state, control.value), control);
  return drawing;
}

function described(state, cost) {
  const { metric } = state;
  const points = state.measured.filter((arm) => typeof COSTS[cost][0](arm) === "number").map((arm) => ({ arm, name: arm.name, cost: COSTS[cost][0](arm), score: arm.summary.mean, ends: arm.summary.interval }));
  const best = front(points.filter(({ arm }) => arm.comparable), metric.higher_is_better !== false);
  return {
    title: points.length ? t("pareto.title", { n: best.length, all: points.length, names: best.map(({ name }) => name).join(", ") }) : t("pareto.none"),
    note: [t("pareto.note"), points.some(({ arm }) => !arm.comparable) && t("pareto.apart")].filter(Boolean).join(" "),
    wait: t("pareto.wait"),
    legend: [{ hue: "student", label: t("pareto.best"), mark: "dot" }, { hue: "muted", label: t("pareto.beaten"), mark: "ring" }],
    traces: points.length ? () => [step(best, points, metric), marks(best, points, metric, cost, true), marks(points.filter((point) => !best.includes(point)), points, metric, cost, false)] : null,
    axes: () => axes(points, metric, cost),
    table: () => tabulated(points, best, metric, cost),
  };
}

/** What the best arms reach at each cost. */
function step(best, points, metric) {
  const most = Math.max(...points.map(({ cost }) => cost));
  return {
    type: "scatter", mode: "lines", hoverinfo: "skip", line: { shape: "hv", color: colour("muted"), width: 1 },
    x: [...best.map(({ cost }) => cost), most], y: [...best, ...best.slice(-1)].map(({ score }) => drawn(score, metric)),
  };
}

function marks(shown, points, metric, cost, isBest) {
  const hue = colour(isBest ? "student" : "muted");
  const arm = (side) => shown.map(({ score, ends }) => (ends ? Math.abs(drawn(ends[side] - score, metric)) : 0));
  const named = labelled([...shown].sort((a, b) => b.score - a.score), ({ name }) => name, points, isWide(points));
  return {
    type: "scatter", mode: "markers+text", name: t(isBest ? "pareto.best" : "pareto.beaten"),
    x: shown.map((point) => point.cost), y: shown.map(({ score }) => drawn(score, metric)),
    error_y: { type: "data", symmetric: false, array: arm(1), arrayminus: arm(0), color: hue, thickness: 1.5, width: 4 },
    marker: { symbol: isBest ? "circle" : "circle-open", size: 11, color: hue, line: { width: isBest ? 0 : 2, color: hue } },
    text: shown.map((point) => (named.has(point) ? escaped(point.name) : "")), textposition: shown.map((point) => named.get(point) ?? "top right"),
    textfont: { color: colour("ink") }, cliponaxis: false,
    hovertext: shown.map((point) => [point.name, figure(point.score, metric), COSTS[cost][1](point.cost)].map(escaped).join("<br>")),
    hovertemplate: "%{hovertext}<extra></extra>",
  };
}

/** Whether the costs reach so far that small ones would be pressed together. */
function isWide(points) {
  const costs = points.map(({ cost }) => cost);
  return Math.max(...costs) > WIDE * Math.min(...costs);
}

function axes(points, metric, cost) {
  const log = isWide(points);
  return {
    x: { title: t(`pareto.axis.${cost}`), ...COSTS[cost][2], ...(log && { type: "log", dtick: "D2" }) },
    y: { title: t("pareto.score", { title: metric.title, unit: metric.unit && `, ${metric.unit}` }) },
    hovermode: "closest",
    uirevision: cost,
  };
}

function tabulated(points, best, metric, cost) {
  return {
    header: [t("arms.column.arm"), t("pareto.scoreColumn"), t("pareto.interval"), t(`pareto.${cost}`), t("pareto.onFront")],
    rows: points.toSorted((a, b) => a.cost - b.cost).map((point) => [
      point.name, figure(point.score, metric), point.ends ? bounds(point.ends, metric) : NONE, COSTS[cost][1](point.cost), best.includes(point) ? t("pareto.yes") : NONE,
    ]),
  };
}
