/** How the machine did: learning rate, examples a second and memory of every run, small and beside each other. */

import { byEpoch, chart } from "../chart/figure.js";
import { lineTrace } from "../chart/lines.js";
import { hueOf, roleOf } from "../lib/colours.js";
import { bytes, loss, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { rank, runName } from "./accuracy.js";

const MEGA = 1e6;

/** Chart -> [split, metric, words of a value, factor for the axis, what the title says of all values, log axis]. */
const CHARTS = {
  rate: ["train", "lr", loss, 1, highest],
  speed: ["machine", "examples_per_second", whole, 1, median],
  memory: ["machine", "memory_bytes", bytes, 1 / MEGA, highest],
  device: ["machine", "device_memory_bytes", bytes, 1 / MEGA, highest],
};

function linesOf(state, [split, name]) {
  return [...state.series.series.values()].filter((line) => line.split === split && line.name === name && line.values.length).sort((a, b) => rank(a.run) - rank(b.run));
}

/** The charts that have something to show, each as `[has, part]`. */
export function machineCharts(state) {
  return Object.keys(CHARTS).map((name) => [() => linesOf(state, CHARTS[name]).length > 0, small(state, name)]);
}

function small(state, name) {
  const [split, metric, words, factor, sum] = CHARTS[name];
  const drawing = chart(() => {
    const lines = linesOf(state, [split, metric]).map((line) => ({ ...line, hue: hueOf(line.run), label: runName(line.run), dashed: roleOf(line.run) === "teacher" }));
    const newest = lines.at(-1);
    const scaled = (line) => ({ ...line, values: line.values.map((value) => value === null ? null : factor * value) });
    return {
      title: newest ? t(`machine.${name}Title`, { run: newest.label, value: words(sum(newest.values)), most: words(highest(lines.flatMap(({ values }) => values))) }) : "",
      note: t(`machine.${name}Note`),
      wait: t("balance.wait"),
      legend: lines.map(({ hue, label, dashed }) => ({ hue, label, dashed })),
      traces: lines.length ? () => lines.map((line) => lineTrace(scaled(line))) : null,
      axes: () => ({ x: { title: t("chart.epoch"), rangemode: "tozero" }, y: { title: t(`machine.${name}Axis`), rangemode: "tozero", hoverformat: ".3g" } }),
      table: () => ({ header: [t("chart.epochColumn"), ...lines.map(({ label }) => label)], rows: byEpoch(lines, words) }),
    };
  }, null, "h3");
  drawing.element.style.setProperty("--plot", "200px");
  return drawing;
}

function highest(values) {
  return values.reduce((most, value) => Math.max(most, value ?? most), -Infinity);
}

function median(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
