/** The stages of a run on a chart's time axis: as bands, or as lines where each begins. */

import { colour } from "../lib/colours.js";
import { t } from "../lib/text.js";

/** The stages of a run with the epochs where they begin and end. */
export function stagesOf(plan, run) {
  let epoch = 0;
  const found = plan?.runs?.find((candidate) => candidate.name === run)?.stages ?? [];
  return found.map(({ name, epochs }) => ({ name, from: epoch, to: (epoch += epochs) }));
}

/** Shapes and names for a layout; a single stage needs none. */
export function stageMarks(stages, bands) {
  if (stages.length < 2) return {};
  return {
    shapes: bands ? stages.map(band).filter((_, index) => index % 2 === 0) : stages.slice(1).map(line),
    annotations: (bands ? stages : stages.slice(1)).map(label),
  };
}

const span = { xref: "x", yref: "paper", y0: 0, y1: 1, layer: "below" };

const band = ({ from, to }) => ({ ...span, type: "rect", x0: from, x1: to, fillcolor: colour("sunken"), line: { width: 0 } });

const line = ({ from }) => ({ ...span, type: "line", x0: from, x1: from, line: { width: 1, dash: "dot", color: colour("edge") } });

const label = ({ name, from }) => ({
  x: from, xref: "x", xanchor: "left", y: 1, yref: "paper", yanchor: "bottom", showarrow: false, font: { size: 11 },
  text: escaped(t("chart.stage", { name })),
});

/** Plotly reads a little markup in its texts; a name is text. */
export function escaped(text) {
  return text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
}
