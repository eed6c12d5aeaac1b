/** How each job learns: one line a job, or the mean of a group's seeds with the band of its confidence interval. */

import { byEpoch, chart } from "../chart/figure.js";
import { escaped } from "../chart/stages.js";
import { h } from "../lib/dom.js";
import { colour } from "../lib/colours.js";
import { loss } from "../lib/format.js";
import { better, drawn, figure } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { stretches } from "../ui/progress.js";
import { choice } from "./choice.js";
import { MARKS } from "./groups.js";
import { chosen } from "./selection.js";
import { interval, mean } from "./statistics.js";

const CROWD = 8;
const MARKED = 12;

/** @param scene gives `{ set }`: the members that are drawn, and their metric */
export function curves(scene) {
  const controls = h("div", { class: "choices" }, ["run", "value", "along"].map((name) => choice(name, () => drawing.update())));
  const drawing = chart(() => described(scene().set), controls);
  return drawing;
}

function described({ members, metric }) {
  const [run, isLoss, along] = [chosen("run"), chosen("value") === "loss", chosen("along")];
  const shown = members.map((one) => line(one, run, isLoss ? "loss" : metric.name, along)).filter((one) => one.xs.length);
  const text = isLoss ? loss : (value) => figure(value, metric);
  const scale = isLoss ? (value) => value : (value) => (value === null ? null : drawn(value, metric));
  return {
    title: headline(shown, run, isLoss, metric),
    note: noteOf(shown, run, isLoss),
    wait: t("curves.wait", { run: t(`run.${run}`) }),
    legend: shown.map(({ hue, mark, name }) => ({ hue, mark, label: name })),
    traces: shown.length ? () => shown.flatMap((one) => traces(one, scale, isLoss || metric.unit !== "%")) : null,
    axes: () => ({
      x: { title: t(`curves.along.${along}`), rangemode: "tozero" },
      y: { title: isLoss ? t("curves.loss") : t("curves.score", { title: metric.title, unit: metric.unit && `, ${metric.unit}` }), hoverformat: isLoss || !metric.unit ? ".3g" : ".1f" },
      hovermode: shown.length > CROWD ? "closest" : "x unified",
      uirevision: [run, isLoss, along].join(),
    }),
    table: () => ({
      header: [t(`curves.column.${along}`), ...shown.map(({ name }) => name)],
      rows: byEpoch(shown.map(({ xs, ys }) => ({ epochs: xs, values: ys })), text),
    }),
  };
}

/** Only scores have a best one: losses of different methods are sums of different terms. */
function headline(shown, run, isLoss, metric) {
  const who = t(`run.${run}`);
  if (isLoss || !shown.length) return t(isLoss ? "curves.titleLoss" : "curves.titleScore", { run: who, title: metric.title });
  const peak = (one) => better(metric)(...one.ys);
  const top = better(metric)(...shown.map(peak));
  const names = shown.filter((one) => peak(one) === top).map(({ name }) => name).join(", ");
  return t(shown.length > 1 ? "curves.best" : "curves.only", { run: who, title: metric.title, names, value: figure(top, metric) });
}

function noteOf(shown, run, isLoss) {
  const methods = new Set(shown.flatMap(({ entries }) => entries.map(({ job }) => job.method)));
  return [
    t("curves.split"),
    shown.some(({ band }) => band) && t("curves.band"),
    isLoss && run === "distil" && methods.size > 1 && t("curves.terms"),
  ].filter(Boolean).join(" ");
}

/** The line of a member: what its seeds have in common, with `each` of them and a `band` where there are enough. */
function line(member, run, name, along) {
  const each = alive(member.entries).map(({ job, series }) => points(series.get(run, "validation", name), job, run, along)).filter((one) => one.size);
  const xs = each.length ? [...each[0].keys()].filter((x) => each.every((one) => one.has(x))) : [];
  const at = xs.map((x) => each.map((one) => one.get(x)));
  const band = at.map((values) => interval(values));
  return { ...member, xs, ys: at.map(mean), each: each.length > 1 ? each : [], band: band[0] ? band : null };
}

/** What stopped in mid-run would cut the mean of the others short. */
function alive(entries) {
  const going = entries.filter(({ job }) => job.status !== "failed" && job.status !== "cancelled");
  return going.length ? going : entries;
}

/** The measured points of a series along the chosen axis; steps are counted from the beginning of the run. */
function points(series, job, run, along) {
  if (!series) return new Map();
  const before = along === "step" ? startOf(job.plan, run) : 0;
  const xs = along === "step" ? series.steps.map((step) => step - before) : series.epochs;
  return new Map(xs.map((x, index) => [x, series.values[index]]).filter(([x, value]) => x !== null && value !== null));
}

function startOf(plan, run) {
  const all = stretches(plan);
  return all.slice(0, all.findIndex((one) => one.run === run)).reduce((sum, { steps }) => sum + steps, 0);
}

function traces(one, scale, open) {
  const ink = colour(one.hue);
  const thin = one.each.map((points) => ({
    type: "scatter", mode: "lines", hoverinfo: "skip", x: [...points.keys()], y: [...points.values()].map(scale), line: { color: ink, width: 1 }, opacity: 0.35,
  }));
  return [...(one.band ? shade(one, ink, scale, open) : []), ...thin, {
    type: "scatter",
    mode: "lines+markers",
    name: escaped(one.name),
    x: one.xs,
    y: one.ys.map(scale),
    line: { color: ink, width: 2 },
    marker: { size: 6, symbol: MARKS[one.mark], maxdisplayed: MARKED },
  }];
}

/** The area between the ends of the interval; a share beyond 0 and 100 % cannot be, so it is not drawn. */
function shade({ xs, band }, ink, scale, open) {
  const kept = (value) => scale(open ? value : Math.min(1, Math.max(0, value)));
  const edge = { type: "scatter", mode: "lines", hoverinfo: "skip", x: xs, line: { width: 0, color: ink } };
  return [
    { ...edge, y: band.map(([low]) => kept(low)) },
    { ...edge, y: band.map(([, high]) => kept(high)), fill: "tonexty", fillcolor: ink.replace("rgb(", "rgba(").replace(")", ", 0.14)") },
  ];
}
