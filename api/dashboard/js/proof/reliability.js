/** How far confidence can be believed: for each stretch of confidence, how often the networks were right. */

import { chart } from "../chart/figure.js";
import { colour } from "../lib/colours.js";
import { NONE, percent, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { modelsOf } from "./given.js";

const MARKS = { teacher: "square-open", alone: "diamond", student: "circle" };
const SIGNS = { teacher: "square", alone: "diamond", student: "circle" };
const LARGEST = 16;
const SMALLEST = 5;

export function reliabilityChart(state) {
  return chart(() => {
    const shown = modelsOf(state).filter(([, { reliability }]) => reliability);
    const list = shown.map(([role, { reliability }]) => t("reliability.of", { who: t(`role.${role}`).toLowerCase(), error: percent(reliability.error) }));
    return {
      title: t("reliability.title", { list: list.reverse().join(", ") }),
      note: t("reliability.note"),
      wait: "",
      legend: [...shown.map(([role]) => ({ hue: role, label: t(`role.${role}`), mark: SIGNS[role] })), { hue: "muted", label: t("reliability.right"), thin: true, dashed: true }],
      traces: () => [diagonal(), ...shown.map(line)],
      axes,
      table: () => tabulated(shown),
    };
  }, null, "h3");
}

const diagonal = () => ({ type: "scatter", mode: "lines", hoverinfo: "skip", x: [0, 100], y: [0, 100], line: { color: colour("muted"), width: 1, dash: "dash" } });

/** The area of a mark is the share of the examples that it stands for. */
function line([role, { reliability }]) {
  const bins = reliability.bins.filter(({ examples }) => examples > 0);
  const most = Math.max(...bins.map(({ examples }) => examples));
  return {
    type: "scatter", mode: "lines+markers", name: t(`role.${role}`),
    x: bins.map(({ confidence }) => 100 * confidence), y: bins.map(({ accuracy }) => 100 * accuracy),
    line: { color: colour(role), width: 1.5, dash: role === "teacher" ? "dash" : "solid" },
    marker: { symbol: MARKS[role], color: colour(role), size: bins.map(({ examples }) => Math.max(SMALLEST, LARGEST * Math.sqrt(examples / most))) },
    customdata: bins.map(({ examples }) => whole(examples)),
    hovertemplate: `%{fullData.name}<br>${t("reliability.hover", { confidence: "%{x}", accuracy: "%{y}", n: "%{customdata}" })}<extra></extra>`,
  };
}

function axes() {
  const axis = { range: [-3, 103], dtick: 20, hoverformat: ".1f" };
  return { x: { title: t("reliability.confidence"), ...axis }, y: { title: t("reliability.accuracy"), ...axis }, hovermode: "closest" };
}

function tabulated(shown) {
  const [[, { reliability: first }]] = shown;
  const who = (word) => ([role]) => t(word, { who: t(`role.${role}`) });
  const at = (index) => ([, { reliability }]) => {
    const { examples, accuracy } = reliability.bins[index] ?? { examples: 0, accuracy: null };
    return examples ? t("reliability.cell", { share: percent(accuracy), n: whole(examples) }) : NONE;
  };
  return {
    header: [t("reliability.bin"), ...shown.map(who("reliability.column"))],
    rows: first.bins.map(({ low, high }, index) => [t("reliability.range", { low: percent(low, 0), high: percent(high, 0) }), ...shown.map(at(index))]),
  };
}
