/** Small drawings that stand beside a word and never for it. */

import { s } from "../lib/dom.js";

const PATHS = {
  queued: "M8 1.750a6.250 6.250 0 1 0 0 12.500a6.250 6.250 0 0 0 0-12.500M8 4.500V8l2.500 1.500",
  starting: "M8 1.750a6.250 6.250 0 0 1 6.250 6.250M8 14.250A6.250 6.250 0 0 1 1.750 8",
  running: "M8 1.750a6.250 6.250 0 1 1-6.250 6.250",
  paused: "M8 1.750a6.250 6.250 0 1 0 0 12.500a6.250 6.250 0 0 0 0-12.500M6.500 5.750v4.500M9.500 5.750v4.500",
  succeeded: "M8 1.750a6.250 6.250 0 1 0 0 12.500a6.250 6.250 0 0 0 0-12.500M5.250 8.250l2 2l3.500-4",
  failed: "M8 1.750a6.250 6.250 0 1 0 0 12.500a6.250 6.250 0 0 0 0-12.500M6 6l4 4M10 6l-4 4",
  cancelled: "M8 1.750a6.250 6.250 0 1 0 0 12.500a6.250 6.250 0 0 0 0-12.500M3.750 12.250l8.500-8.500",
  ahead: "M8 4.750a3.250 3.250 0 1 0 0 6.500a3.250 3.250 0 0 0 0-6.500",
  skipped: "M4.500 8h7",
  better: "M8 13V3.500M4 7l4-4l4 4",
  worse: "M8 3v9.500M4 9l4 4l4-4",
  even: "M3.500 6h9M3.500 10h9",
  unknown: "M6 6a2 2 0 1 1 3 1.800c-.7.400-1 .8-1 1.700M8 12v.2",
  warning: "M8 2L1.500 13.500h13zM8 6.500v3.250M8 11.500v.2",
  download: "M8 2v8M4.750 7l3.250 3.250L11.250 7M2.500 13.500h11",
  copy: "M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3",
  pause: "M5.500 3v10M10.500 3v10",
  play: "M4.500 2.750v10.500l8.500-5.250z",
  stop: "M3.750 3.750h8.500v8.500h-8.500z",
  retry: "M13.250 8a5.250 5.250 0 1 1-1.500-3.700M12.250 1.500v3h-3",
  sun: "M8 5a3 3 0 1 0 0 6a3 3 0 0 0 0-6M8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  moon: "M13.500 9.750A6 6 0 1 1 6.250 2.500a4.750 4.750 0 0 0 7.250 7.250z",
  leave: "M6.500 2.500h-4v11h4M10 5l3 3l-3 3M13 8H6",
  search: "M7 2.500a4.500 4.500 0 1 0 0 9a4.500 4.500 0 0 0 0-9M10.250 10.250l3.500 3.500",
  cross: "M3.500 3.500l9 9M12.500 3.500l-9 9",
};

/** An icon by name, hidden from screen readers. */
export function icon(name, extra = "") {
  return s(
    "svg",
    { class: `icon ${extra}`.trim(), viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "aria-hidden": "true",
      "stroke-width": "1.6", "stroke-linecap": "round", "stroke-linejoin": "round" },
    s("path", { d: PATHS[name] }),
  );
}
