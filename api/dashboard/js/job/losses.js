/** What a run learns from: each term of its loss, stage by stage; validation solid, training thin. */

import { chart, byEpoch } from "../chart/figure.js";
import { stageMarks, stagesOf } from "../chart/stages.js";
import { h, redraw } from "../lib/dom.js";
import { TERMS, colour } from "../lib/colours.js";
import { loss } from "../lib/format.js";
import { t } from "../lib/text.js";
import { runName } from "./accuracy.js";

const LOG_FROM = 20;

/** The chart, with a choice of runs beside its title. */
export function lossChart(state) {
  let chosen = null;
  const select = h("select", { "aria-label": t("losses.run") });
  const drawing = chart(describe, select, "h3");
  select.addEventListener("change", () => {
    chosen = select.value;
    drawing.update();
  });

  function describe() {
    const runs = (state.job.plan?.runs ?? []).map((run) => run.name);
    const started = runs.filter((run) => state.series.of(run, "train").length);
    const run = chosen ?? started.at(-1) ?? runs.at(-1);
    redraw(select, runs, () => runs.map((name) => h("option", { value: name }, runName(name))));
    select.hidden = runs.length < 2;
    select.value = run;
    return described(state, run);
  }

  return drawing;
}

function described(state, run) {
  const names = termNames(state.series, run);
  const shown = names.flatMap((name, index) => linesOf(state.series, run, name, index));
  const stages = stagesOf(state.job.plan, run);
  const solid = shown.filter((line) => line.split === "validation");
  return {
    title: shown.length ? headline(state.series, run, stages) : t("losses.none", { run: runName(run) }),
    note: t("losses.note"),
    wait: t(state.series.isLoaded ? "losses.wait" : "list.loading"),
    legend: names.map((name, index) => ({ hue: hue(name, index), label: termName(name) })),
    traces: shown.length ? () => shown.map(trace) : null,
    axes: () => axes(shown, stages),
    table: () => ({
      header: [t("chart.epochColumn"), ...solid.map((line) => termName(line.name))],
      rows: byEpoch(solid, loss),
    }),
  };
}

/** The whole loss first; left out where one term is all of it. */
function termNames(series, run) {
  const names = [...new Set(["train", "validation"].flatMap((split) => series.of(run, split).map((line) => line.name)))];
  const terms = names.filter((name) => name.startsWith("term."));
  return terms.length === 1 || !names.includes("loss") ? terms : ["loss", ...terms];
}

const termName = (name) => (name === "loss" ? t("losses.total") : name.replace(/^term\./, "").replaceAll("_", " "));
const hue = (name, index) => (name === "loss" ? "ink" : TERMS[(index + TERMS.length - 1) % TERMS.length]);

function linesOf(series, run, name, index) {
  return ["train", "validation"].map((split) => series.get(run, split, name)).filter(Boolean).map((line) => ({ ...line, hue: hue(name, index) }));
}

/** The loss means something else in each stage, so it is compared within the latest one. */
function headline(series, run, stages) {
  const line = series.get(run, "train", "loss");
  if (!line?.values.length) return t("losses.none", { run: runName(run) });
  const now = line.epochs.at(-1);
  const stage = stages.findLast((candidate) => now > candidate.from) ?? stages[0];
  const first = line.epochs.findIndex((epoch) => epoch > (stage?.from ?? 0));
  const values = { run: runName(run), stage: stage?.name, from: loss(line.values[Math.max(0, first)]), to: loss(line.values.at(-1)) };
  return t(stages.length > 1 ? "losses.inStage" : "losses.title", values);
}

function trace(line) {
  const solid = line.split === "validation";
  return {
    type: "scatter",
    mode: line.values.length < (solid ? 60 : 3) ? "lines+markers" : "lines",
    name: t(solid ? "losses.validation" : "losses.training", { term: termName(line.name) }),
    x: line.epochs,
    y: line.values,
    line: { color: colour(line.hue), width: solid ? 2 : 1 },
    opacity: solid ? 1 : 0.65,
    marker: { size: 4 },
    connectgaps: false,
  };
}

/** The smallest of many; spread arguments have a limit that a long job would reach. */
const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

function axes(shown, stages) {
  const values = shown.flatMap((line) => line.values).filter((value) => value);
  const [low, high] = [least(values), -least(values.map((value) => -value))];
  const log = low > 0 && high > LOG_FROM * low;
  const scale = log ? { type: "log", dtick: 1, title: t("losses.axisLog") } : { title: t("losses.axis") };
  return { x: { title: t("chart.epoch"), rangemode: "tozero" }, y: { ...scale, tickformat: "~g", hoverformat: ".3g" }, ...stageMarks(stages, true) };
}
