/** Who beats the reference: each arm's mean difference over the seeds that both have, with its interval. */

import { chart } from "../chart/figure.js";
import { colour } from "../lib/colours.js";
import { NONE } from "../lib/format.js";
import { difference, drawn } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { probability, reach } from "./arms.js";

const SURE = 0.05;
const ROW = 32;

const isSure = ({ difference: { p_corrected: p } }) => typeof p === "number" && p < SURE;

export function differences(state) {
  const drawing = chart(() => {
    const { results, metric } = state;
    const sign = metric.higher_is_better === false ? -1 : 1;
    const shown = results.arms.filter((arm) => typeof arm.difference?.difference === "number").sort((a, b) => sign * (b.difference.difference - a.difference.difference));
    drawing.element.style.setProperty("--plot", `${Math.max(208, 88 + ROW * shown.length)}px`);
    const sure = shown.filter(isSure);
    return {
      title: shown.length ? t("differences.title", { n: sure.length, all: shown.length, reference: results.reference }) : t("differences.none", { reference: results.reference }),
      note: t("differences.note"),
      wait: t("differences.wait"),
      legend: [{ hue: "student", label: t("differences.sure"), mark: "dot" }, { hue: "muted", label: t("differences.unsure"), mark: "ring" }],
      traces: shown.length ? () => [trace(sure, metric, true), trace(shown.filter((arm) => !isSure(arm)), metric, false)] : null,
      axes: () => axes(shown, results.reference, metric),
      table: () => tabulated(shown, metric),
    };
  });
  return drawing;
}

function trace(shown, metric, sure) {
  const hue = colour(sure ? "student" : "muted");
  const arm = (side) => shown.map(({ difference: { difference: middle, interval } }) => (interval ? Math.abs(drawn(interval[side] - middle, metric)) : 0));
  return {
    type: "scatter", mode: "markers", name: t(sure ? "differences.sure" : "differences.unsure"),
    x: shown.map((one) => drawn(one.difference.difference, metric)), y: shown.map(({ name }) => name),
    error_x: { type: "data", symmetric: false, array: arm(1), arrayminus: arm(0), color: hue, thickness: 1.5, width: 4 },
    marker: { symbol: sure ? "circle" : "circle-open", size: 10, color: hue, line: { width: 2, color: hue } },
    text: shown.map((one) => [difference(one.difference.difference, metric), one.difference.interval && reach(one.difference.interval, metric)].filter(Boolean).join("<br>")),
    hovertemplate: "%{y}<br>%{text}<extra></extra>",
  };
}

function axes(shown, reference, metric) {
  return {
    x: { title: t("differences.axis", { reference, title: metric.title, unit: metric.unit && `, ${t("differences.points")}` }), zeroline: true, zerolinecolor: colour("ink"), rangemode: "tozero" },
    y: { type: "category", categoryorder: "array", categoryarray: shown.map(({ name }) => name), range: [shown.length - 0.5, -0.5], showgrid: false },
    hovermode: "closest",
    margin: { l: 48, r: 24, t: 8, b: 40 },
  };
}

function tabulated(shown, metric) {
  return {
    header: [t("arms.column.arm"), t("differences.pairs"), t("differences.mean"), t("differences.interval"), t("differences.p"), t("differences.corrected")],
    rows: shown.map(({ name, difference: found }) => [
      name, String(found.n), difference(found.difference, metric), found.interval ? reach(found.interval, metric) : NONE, probability(found.p_value), probability(found.p_corrected),
    ]),
  };
}
