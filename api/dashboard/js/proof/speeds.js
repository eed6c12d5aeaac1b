/** How fast the delivered files answer, by batch size and by threads. */

import { chart } from "../chart/figure.js";
import { h } from "../lib/dom.js";
import { colour } from "../lib/colours.js";
import { count, milliseconds } from "../lib/format.js";
import { t } from "../lib/text.js";
import { select } from "../ui/form.js";
import { modelsOf } from "./given.js";

const DASHES = ["solid", "dash", "dot", "dashdot"];
const MARKS = { teacher: "square-open", alone: "diamond", student: "circle" };

const WIDE = 50; // from here on, ticks between the powers of ten would stand too close

/** Figure -> how it reads. */
const FIGURES = { p50: milliseconds, p95: milliseconds, throughput: (value) => t("speeds.rate", { n: count(Math.round(value)) }) };

/** The chart, with a choice of the figure beside its title. */
export function speedChart(state) {
  const control = select(Object.keys(FIGURES).map((name) => [name, t(`speeds.${name}`)]), "p50", { "aria-label": t("speeds.which") });
  control.addEventListener("change", () => drawing.update());
  const drawing = chart(() => {
    const lines = linesOf(state);
    const name = control.value;
    return {
      title: headline(lines, name),
      note: t("speeds.note", { runtime: lines[0]?.speeds[0].runtime }),
      wait: "",
      legend: lines.map(({ role, threads, dash, label }) => ({ hue: role, label, dashed: dash !== "solid", thin: threads > 1 })),
      traces: () => lines.map((line) => trace(line, name)),
      axes: () => axes(lines, name),
      table: () => tabulated(lines),
    };
  }, h("div", {}, control), "h3");
  return drawing;
}

/** One line for each network and number of threads, along the batch sizes. The student alone has the student's graph. */
function linesOf(state) {
  return modelsOf(state).filter(([role, { speeds }]) => role !== "alone" && speeds?.length).flatMap(([role, { speeds }]) => {
    const threads = [...new Set(speeds.map((speed) => speed.threads))].sort((a, b) => a - b);
    return threads.map((n, index) => ({
      role, threads: n, dash: DASHES[index % DASHES.length], label: t("speeds.line", { role: t(`role.${role}`), n }),
      speeds: speeds.filter((speed) => speed.threads === n).sort((a, b) => a.batch - b.batch),
    }));
  });
}

/** The student at its best, as the figure goes. */
function headline(lines, name) {
  const all = lines.filter(({ role }) => role === "student").flatMap(({ speeds }) => speeds);
  if (!all.length) return t("speeds.title");
  const best = all.toSorted((a, b) => (name === "throughput" ? b[name] - a[name] : a[name] - b[name]))[0];
  return t(name === "throughput" ? "speeds.most" : "speeds.least", { value: FIGURES[name](best[name]), batch: best.batch, n: best.threads });
}

function trace({ role, dash, label, speeds }, name) {
  return {
    type: "scatter", mode: "lines+markers", name: label,
    x: speeds.map(({ batch }) => batch), y: speeds.map((speed) => speed[name]),
    line: { color: colour(role), width: 2, dash }, marker: { symbol: MARKS[role], size: 7 },
  };
}

function axes(lines, name) {
  const batches = [...new Set(lines.flatMap(({ speeds }) => speeds.map(({ batch }) => batch)))].sort((a, b) => a - b);
  const values = lines.flatMap(({ speeds }) => speeds.map((speed) => speed[name]));
  const wide = Math.max(...values) > WIDE * Math.min(...values);
  return {
    x: { title: t("speeds.batch"), type: "log", tickmode: "array", tickvals: batches, ticktext: batches.map(String) },
    y: { title: t(`speeds.axis.${name}`), type: "log", dtick: wide ? 1 : "D2", tickformat: "~g", hoverformat: ".3s" },
  };
}

function tabulated(lines) {
  return {
    header: [t("speeds.network"), t("speeds.threads"), t("speeds.batch"), ...Object.keys(FIGURES).map((name) => t(`speeds.${name}`))],
    rows: lines.flatMap(({ role, threads, speeds }) => speeds.map((speed) => [t(`role.${role}`), String(threads), String(speed.batch), ...Object.entries(FIGURES).map(([name, words]) => words(speed[name]))])),
  };
}
