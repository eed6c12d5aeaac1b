/** How well each network does on the validation split, epoch by epoch. */

import { chart, byEpoch } from "../chart/figure.js";
import { stageMarks, stagesOf } from "../chart/stages.js";
import { colour, hueOf, roleOf } from "../lib/colours.js";
import { percent } from "../lib/format.js";
import { has, t } from "../lib/text.js";

/** A run by its name for people. */
export function runName(run) {
  return has(`run.${run}`) ? t(`run.${run}`) : run;
}

const ORDER = ["teacher", "alone", "distil"];
const rank = (run) => (ORDER.indexOf(run) + ORDER.length) % ORDER.length;

/** The validation accuracy of every run, the distilled student last, so that it is drawn on top. */
function lines(series) {
  return [...series.series.values()]
    .filter((line) => line.split === "validation" && line.name === "accuracy" && line.values.length)
    .sort((a, b) => rank(a.run) - rank(b.run));
}

const best = (line) => Math.max(...line.values.filter((value) => value !== null));

/** The chart; it reads `state.series` whenever it is told to update. */
export function accuracyChart(state) {
  return chart(() => {
    const shown = lines(state.series);
    return {
      title: shown.length ? t("accuracy.title", { list: sentence(shown) }) : t("accuracy.none"),
      note: [t(shown.length > 2 ? "accuracy.note" : "accuracy.split"), floorOf(shown) && t("accuracy.floor")].filter(Boolean).join(" "),
      wait: t("accuracy.wait"),
      legend: shown.map((line) => ({ hue: hueOf(line.run), label: runName(line.run), dashed: roleOf(line.run) === "teacher" })),
      traces: shown.length ? () => shown.map(trace) : null,
      axes: () => ({
        x: { title: t("chart.epoch"), rangemode: "tozero" },
        y: { title: t("accuracy.axis"), hoverformat: ".1f", ...floorOf(shown) },
        ...(shown.some((line) => line.run === "distil") && stageMarks(stagesOf(state.job.plan, "distil"), false)),
      }),
      table: () => ({
        header: [t("chart.epochColumn"), ...shown.map((line) => runName(line.run))],
        rows: byEpoch(shown, (value) => percent(value)),
      }),
    };
  });
}

const ENOUGH = 20;

/** The first epochs tell little and would press everything else against the top: the axis begins at the tenth part. */
function floorOf(shown) {
  const values = shown.flatMap((line) => line.values).filter((value) => value !== null).sort((a, b) => a - b);
  const [low, high] = [100 * values[Math.floor(values.length / 10)], 100 * values.at(-1)];
  const margin = 0.06 * (high - low);
  const clips = values.length >= ENOUGH && 100 * values[0] < low - margin && margin > 0;
  return clips ? { range: [low - margin, high + margin] } : null;
}

function sentence(shown) {
  return [...shown].reverse().map((line) => t("accuracy.of", { who: runName(line.run).toLowerCase(), share: percent(best(line)) })).join(", ");
}

function trace(line) {
  const dashed = roleOf(line.run) === "teacher";
  return {
    type: "scatter",
    mode: line.values.length > 60 ? "lines" : "lines+markers",
    name: runName(line.run),
    x: line.epochs,
    y: line.values.map((value) => (value === null ? null : 100 * value)),
    line: { color: colour(hueOf(line.run)), width: 2, dash: dashed ? "dash" : "solid" },
    marker: { size: 5 },
  };
}
