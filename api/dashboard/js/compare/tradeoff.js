/** What a point of score costs: every measured network by score and cost, and the front that none of them beats. */

import { chart } from "../chart/figure.js";
import { escaped } from "../chart/stages.js";
import { colour } from "../lib/colours.js";
import { NONE, bytes, count, milliseconds } from "../lib/format.js";
import { bounds, drawn, figure } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { choice } from "./choice.js";
import { MARKS, brief } from "./groups.js";
import { labelled } from "./labels.js";
import { chosen } from "./selection.js";
import { front, interval, mean } from "./statistics.js";

/** Role -> its sign; the colours are the same as everywhere. */
const ROLES = { teacher: "square", alone: "diamond", student: "circle" };

/** Cost -> [its value of a network, how it reads, how the axis writes it]. */
const COSTS = {
  parameters: [(model) => model.parameters, count, { tickformat: "~s" }],
  bytes: [(model) => model.bytes, bytes, { tickformat: "~s" }],
  latency: [(model) => model.latency_ms?.p50, milliseconds, { tickformat: "~g" }],
};

const LOG_FROM = 8;
const LONG = 1000; // from here on, ticks between the powers of ten would stand too close
const PALE = 0.4;
const LONGEST_NAME = 24;

/** @param scene gives `{ set }`: the members that are drawn, and their metric */
export function tradeoff(scene) {
  const drawing = chart(() => described(scene().set), choice("cost", () => drawing.update()));
  return drawing;
}

function described({ members, metric }) {
  const cost = chosen("cost");
  const points = pointsOf(members, COSTS[cost][0]);
  const best = new Set(front(points, metric.higher_is_better !== false));
  const roles = Object.keys(ROLES).filter((role) => points.some((point) => point.role === role));
  return {
    title: t(points.length ? "tradeoff.title" : "tradeoff.none", { n: best.size, all: points.length, title: metric.title, cost: t(`tradeoff.cost.${cost}`) }),
    note: noteOf(points, members, cost),
    wait: t("tradeoff.wait"),
    legend: [...roles.map((role) => ({ hue: role, label: t(`role.${role}`), mark: `${ROLES[role]} point` })), { hue: "muted", label: t("tradeoff.front"), thin: true }],
    traces: points.length ? () => [step(points, best, metric), ...roles.flatMap((role) => marks(role, points, best, metric, cost))] : null,
    axes: () => axes(points, metric, cost),
    table: () => tableOf(points, best, metric, cost),
  };
}

/** One point for each member and role; the same network measured by several jobs is one point. */
function pointsOf(members, costOf) {
  const known = new Map();
  for (const { name, entries } of members) {
    for (const role of Object.keys(ROLES)) {
      const models = entries.map(({ job }) => job.result?.models[role]).filter((model) => model && costOf(model));
      if (!models.length) continue;
      const point = { role, n: models.length, cost: mean(models.map(costOf)), score: mean(models.map((model) => model.score)), ends: endsOf(models) };
      const key = JSON.stringify(point);
      known.set(key, { ...point, names: [...(known.get(key)?.names ?? []), name] });
    }
  }
  return [...known.values()];
}

/** Over seeds where there are enough; of one run, over its test examples; of two there is none. */
function endsOf(models) {
  return models.length === 1 ? models[0].interval : interval(models.map((model) => model.score));
}

function noteOf(points, members, cost) {
  const speeds = members.flatMap(({ entries }) => entries).flatMap(({ job }) => Object.values(job.result?.models ?? {})).map((model) => model.latency_ms).filter(Boolean);
  const ways = new Set(speeds.map(({ batch, threads, runtime }) => t("tradeoff.way", { batch, threads, runtime })));
  const latency = cost === "latency" && (ways.size > 1 ? t("tradeoff.ways") : [...ways][0]);
  return [
    t("tradeoff.note"),
    points.some(({ n, ends }) => n > 1 && ends) && t("tradeoff.overSeeds"),
    points.some(({ n, ends }) => n === 1 && ends) && t("tradeoff.overExamples"),
    latency,
  ].filter(Boolean).join(" ");
}

/** What the best networks reach at each cost. */
function step(points, best, metric) {
  const line = [...best];
  const most = Math.max(...points.map(({ cost }) => cost));
  return {
    type: "scatter", mode: "lines", hoverinfo: "skip", line: { shape: "hv", color: colour("muted"), width: 1 },
    x: [...line.map(({ cost }) => cost), most], y: [...line, line.at(-1)].map(({ score }) => drawn(score, metric)),
  };
}

/** The points of a role: those of the front, and paler those that others beat. */
function marks(role, points, best, metric, cost) {
  const named = role === "student" ? namedOf(points, best) : new Map();
  return [true, false].map((isBest) => {
    const shown = points.filter((point) => point.role === role && best.has(point) === isBest);
    return {
      type: "scatter",
      mode: "markers+text",
      name: t(`role.${role}`),
      x: shown.map((point) => point.cost),
      y: shown.map(({ score }) => drawn(score, metric)),
      error_y: reach(shown, metric, role),
      opacity: isBest ? 1 : PALE,
      marker: { size: 11, symbol: MARKS[ROLES[role]], color: colour(role), line: { width: 1, color: colour("panel") } },
      text: shown.map((point) => (named.has(point) ? escaped(nameOf(point)) : "")),
      textposition: shown.map((point) => named.get(point) ?? "top right"),
      textfont: { color: colour("ink") },
      cliponaxis: false,
      hovertext: shown.map((point) => hover(point, metric, cost)),
      hovertemplate: "%{hovertext}<extra></extra>",
    };
  });
}

const nameOf = ({ names }) => brief(names.join(", "), LONGEST_NAME);

/** The students whose names stand in the chart, those of the front before others. */
function namedOf(points, best) {
  const students = points.filter(({ role }) => role === "student").sort((a, b) => best.has(b) - best.has(a) || b.score - a.score);
  return labelled(students, nameOf, points, isWide(points));
}

function reach(shown, metric, role) {
  const arm = (side) => shown.map(({ score, ends }) => (ends ? Math.abs(drawn(ends[side], metric) - drawn(score, metric)) : 0));
  return { type: "data", symmetric: false, array: arm(1), arrayminus: arm(0), color: colour(role), thickness: 1.5, width: 4 };
}

function hover(point, metric, cost) {
  const score = point.ends ? t("tradeoff.scored", { score: figure(point.score, metric), ends: bounds(point.ends, metric) }) : figure(point.score, metric);
  return [who(point), score, COSTS[cost][1](point.cost)].map(escaped).join("<br>");
}

const who = ({ role, names }) => t("tradeoff.who", { role: t(`role.${role}`), names: names.join(", ") });

function axes(points, metric, cost) {
  const log = isWide(points);
  const title = t(log ? "tradeoff.axisLog" : "tradeoff.axis", { cost: t(`view.cost.${cost}`) });
  return {
    x: { title, ...COSTS[cost][2], ...(log ? { type: "log", dtick: isWide(points, LONG) ? 1 : "D2" } : { rangemode: "tozero" }) },
    y: { title: t("tradeoff.score", { title: metric.title, unit: metric.unit && `, ${metric.unit}` }) },
    hovermode: "closest",
    uirevision: cost,
  };
}

/** Whether the costs reach so far that small ones would be pressed together. */
function isWide(points, from = LOG_FROM) {
  const costs = points.map(({ cost }) => cost);
  return Math.max(...costs) > from * Math.min(...costs);
}

function tableOf(points, best, metric, cost) {
  const header = [t("tradeoff.network"), t("tradeoff.scoreColumn"), t("tradeoff.interval"), t(`view.cost.${cost}`), t("tradeoff.onFront")];
  const rows = [...points].sort((a, b) => a.cost - b.cost).map((point) => [
    who(point), figure(point.score, metric), point.ends ? bounds(point.ends, metric) : NONE, COSTS[cost][1](point.cost), best.has(point) ? t("tradeoff.yes") : NONE,
  ]);
  return { header, rows };
}
