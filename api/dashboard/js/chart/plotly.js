/** The drawing library, loaded when the first chart comes into sight; and what all charts have in common. */

import { colour } from "../lib/colours.js";

const ADDRESS = "/vendor/plotly.min.js";

let loading = null;

/** Plotly itself; the script is asked for once. */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = ADDRESS;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error(ADDRESS));
    };
    document.head.append(script);
  });
  return loading;
}

export const CONFIG = { displayModeBar: false, responsive: true, showTips: false };

/** The layout of every chart; `axes` overrules the two axes, `more` everything. */
export function layout({ x = {}, y = {}, ...more }) {
  const ink = colour("muted");
  const axis = { gridcolor: colour("line"), linecolor: colour("line"), zeroline: false, tickfont: { color: ink }, ticks: "",
    title: { font: { color: ink, size: 12 }, standoff: 8 }, automargin: true };
  const touch = matchMedia("(pointer: coarse)").matches;
  return {
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink },
    margin: { l: 48, r: 16, t: 20, b: 40 },
    showlegend: false,
    hovermode: "x unified",
    hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("line"), font: { color: colour("ink") } },
    dragmode: touch ? false : "zoom",
    xaxis: merged(axis, { ...x, fixedrange: touch }),
    yaxis: merged(axis, { ...y, fixedrange: touch }),
    ...more,
  };
}

function merged(axis, own) {
  const text = own.title ? { ...axis.title, text: own.title } : undefined;
  return { ...axis, ...own, title: text };
}
