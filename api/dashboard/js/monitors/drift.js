/** The drift of the given data over time, in multiples of chance, beside the job's own test split and the threshold. */

import { chart } from "../chart/figure.js";
import { colour } from "../lib/colours.js";
import { NONE, moment } from "../lib/format.js";
import { difference, figure, named } from "../lib/metric.js";
import { t } from "../lib/text.js";

/** `7.5×`, two digits: 1 is the edge of chance. */
export const multiple = (ratio) => (typeof ratio === "number" ? `${Number(ratio.toPrecision(2))}×` : NONE);

/** @param shown gives `{ monitor, rows }` as they are now, the oldest row first */
export function driftChart(shown) {
  return chart(() => {
    const { monitor, rows } = shown();
    const distance = monitor.drift.distance;
    const points = rows.filter(({ figures }) => typeof figures?.ratio?.[distance] === "number");
    const last = points.at(-1);
    return {
      title: last ? t("monitors.title", { ratio: multiple(last.figures.ratio[distance]), limit: multiple(last.figures.limit) }) : t("monitors.noDrift"),
      note: t(`monitors.distance.${distance}`),
      wait: t("monitors.wait"),
      legend: [
        { hue: "student", label: t("monitors.given") },
        { hue: "muted", label: t("monitors.own"), thin: true },
        { hue: "warn", label: t("monitors.threshold"), dashed: true },
      ],
      traces: points.length ? () => traces(points, distance) : null,
      axes: () => ({ x: { title: t("monitors.time"), type: "date", ...(points.length && { range: span(points) }) }, y: { title: t("monitors.axis"), rangemode: "tozero", hoverformat: ".2g" } }),
      table: () => table(rows, distance),
    };
  }, null, "h4");
}

const HOUR_MS = 3_600_000;

/** From a little before the first measurement to a little after the last: a line needs room, also with one point. */
function span(points) {
  const times = points.map(({ ended_at: ended }) => Date.parse(ended));
  const margin = Math.max(HOUR_MS, (times.at(-1) - times[0]) / 20);
  return [times[0] - margin, times.at(-1) + margin].map((time) => new Date(time).toISOString());
}

function traces(points, distance) {
  const [from, to] = span(points);
  const x = points.map(({ ended_at: ended }) => ended);
  const base = (name, hue, width, dash) => ({ type: "scatter", name, line: { color: colour(hue), width, dash } });
  const level = (name, y, ...looks) => ({ ...base(name, ...looks), mode: "lines", x: [from, ...x, to], y: [y[0], ...y, y.at(-1)] });
  return [
    level(t("monitors.threshold"), points.map(({ figures }) => figures.limit), "warn", 1.5, "dash"),
    level(t("monitors.own"), points.map(({ figures }) => figures.own?.[distance] ?? null), "muted", 1, "solid"),
    { ...base(t("monitors.given"), "student", 2, "solid"), mode: "lines+markers", x, y: points.map(({ figures }) => figures.ratio[distance]), marker: { size: 7, color: colour("student") } },
  ];
}

function table(rows, distance) {
  const cells = ({ figures, ended_at: ended, created_at: created, dataset_version: version, status }) => [
    moment(ended ?? created), String(version), t(`monitors.outcome.${status}`), multiple(figures?.ratio?.[distance]), multiple(figures?.own?.[distance]),
    figures ? figure(figures.now.score, named(figures.metric)) : NONE, figures ? difference(figures.change.score, named(figures.metric)) : NONE,
  ];
  const header = [t("monitors.time"), t("monitors.version"), t("monitors.outcome"), t("monitors.given"), t("monitors.own"), t("monitors.score"), t("monitors.change")];
  return { header, rows: [...rows].reverse().map(cells) };
}
