/** How well each network does on the validation split, epoch by epoch. */

import { chart, byEpoch } from "../chart/figure.js";
import { stageMarks, stagesOf } from "../chart/stages.js";
import { colour, hueOf, roleOf } from "../lib/colours.js";
import { better, drawn, figure, metricOf } from "../lib/metric.js";
import { has, t } from "../lib/text.js";

/** A run by its name for people. */
export function runName(run) {
  return has(`run.${run}`) ? t(`run.${run}`) : run;
}

const ORDER = ["teacher", "alone", "distil"];
/** The order of runs: those that we do not know before the distilled student. */
export const rank = (run) => (ORDER.indexOf(run) + ORDER.length) % ORDER.length;

/** The deciding figure of every run on the validation split, the distilled student last, so that it is drawn on top. */
function lines(series, metric) {
  return [...series.series.values()]
    .filter((line) => line.split === "validation" && line.name === metric.name && line.values.length)
    .sort((a, b) => rank(a.run) - rank(b.run));
}

const best = (line, metric) => better(metric)(...line.values.filter((value) => value !== null));

/** The chart; it reads `state.series` whenever it is told to update. */
export function accuracyChart(state) {
  return chart(() => {
    const metric = metricOf(state.job);
    const shown = lines(state.series, metric);
    return {
      title: t(shown.length ? "accuracy.title" : "accuracy.none", { title: metric.title, list: sentence(shown, metric) }),
      note: [t(shown.length > 2 ? "accuracy.note" : "accuracy.split"), floorOf(shown, metric) && t("accuracy.floor")].filter(Boolean).join(" "),
      wait: t(state.series.isLoaded ? "accuracy.wait" : "list.loading"),
      legend: shown.map((line) => ({ hue: hueOf(line.run), label: runName(line.run), dashed: roleOf(line.run) === "teacher" })),
      traces: shown.length ? () => shown.map((line) => trace(line, metric)) : null,
      axes: () => ({
        x: { title: t("chart.epoch"), rangemode: "tozero" },
        y: { title: t("accuracy.axis", { title: metric.title, unit: metric.unit && `, ${metric.unit}` }), hoverformat: metric.unit ? ".1f" : ".3g", ...floorOf(shown, metric) },
        ...(shown.some((line) => line.run === "distil") && stageMarks(stagesOf(state.job.plan, "distil"), false)),
      }),
      table: () => ({
        header: [t("chart.epochColumn"), ...shown.map((line) => runName(line.run))],
        rows: byEpoch(shown, (value) => figure(value, metric)),
      }),
    };
  }, null, "h3");
}

const ENOUGH = 20;

/** The first epochs tell little and would press everything else against the top: the axis begins at the tenth part. */
function floorOf(shown, metric) {
  if (!metric.higher_is_better) return null;
  const values = shown.flatMap((line) => line.values).filter((value) => value !== null).sort((a, b) => a - b);
  const [low, high] = [values[Math.floor(values.length / 10)], values.at(-1)].map((value) => drawn(value, metric));
  const margin = 0.06 * (high - low);
  const clips = values.length >= ENOUGH && drawn(values[0], metric) < low - margin && margin > 0;
  return clips ? { range: [low - margin, high + margin] } : null;
}

function sentence(shown, metric) {
  return [...shown].reverse().map((line) => t("accuracy.of", { who: runName(line.run).toLowerCase(), share: figure(best(line, metric), metric) })).join(", ");
}

function trace(line, metric) {
  const dashed = roleOf(line.run) === "teacher";
  return {
    type: "scatter",
    mode: line.values.length > 60 ? "lines" : "lines+markers",
    name: runName(line.run),
    x: line.epochs,
    y: line.values.map((value) => (value === null ? null : drawn(value, metric))),
    line: { color: colour(hueOf(line.run)), width: 2, dash: dashed ? "dash" : "solid" },
    marker: { size: 5 },
  };
}
