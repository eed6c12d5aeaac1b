/** Lines over the epochs of a run, and a named level that they are read against. */

import { colour } from "../lib/colours.js";

/** A trace of `{label, hue, epochs, values}`. */
export function lineTrace({ label, hue, epochs, values, dashed = false }) {
  return {
    type: "scatter",
    mode: values.length < 4 ? "lines+markers" : "lines",
    name: label,
    x: epochs,
    y: values,
    line: { color: colour(hue), width: 2, dash: dashed ? "dash" : "solid" },
    marker: { size: 5 },
  };
}

/** Shape and words of a level across the plot, to be spread into a layout; the words stand above the plot, clear of the lines. */
export function levelAt(y, text) {
  const across = { xref: "paper", yref: "y" };
  return {
    shapes: [{ ...across, type: "line", x0: 0, x1: 1, y0: y, y1: y, line: { width: 1, color: colour("ink") } }],
    annotations: [{ xref: "paper", yref: "paper", x: 1, y: 1, xanchor: "right", yanchor: "bottom", showarrow: false, text, font: { size: 11 } }],
  };
}
