/** The frame of a chart: a title that says what to see, a legend outside the plot, and the figures as a table. */

import { h, fill, redraw, setAttribute } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { scroller } from "../ui/scroll.js";
import { onTheme } from "../ui/theme.js";
import { CONFIG, layout, plotly } from "./plotly.js";

const REDRAW_MS = 900;

/**
 * A chart that draws itself when it is seen and at most about once a second.
 *
 * @param describe gives `{title, note, wait, legend, traces, axes, table}` for the present data; the last three are
 *   functions, and `traces` is null while there is nothing to draw: then the words of `wait` are shown
 * @param controls what stands beside the title
 * @param heading the level of the title: below a section's own heading it is `h3`
 * @returns {element, update, stop}
 */
export function chart(describe, controls = null, heading = "h2") {
  const title = h(heading);
  const note = h("p", { class: "note" });
  const legend = h("ul", { class: "legend" });
  const plot = h("div", { class: "plot", role: "img" });
  const empty = h("p", { class: "plot empty" });
  const figures = scroller();
  const details = h("details", {}, h("summary", {}, t("chart.figures")), figures);
  const element = h("section", { class: "panel chart" }, h("header", {}, title, controls), note, legend, plot, empty, details);
  let [seen, timer, drawnAt, shown] = [false, null, 0, null];

  function draw() {
    timer = null;
    drawnAt = performance.now();
    shown = describe();
    fill(title, shown.title);
    fill(note, shown.traces ? shown.note : "");
    fill(empty, shown.wait);
    empty.hidden = Boolean(shown.traces);
    redraw(legend, shown.legend, () => shown.legend.map(entry));
    plot.hidden = legend.hidden = details.hidden = !shown.traces;
    setAttribute(plot, "aria-label", shown.title);
    if (shown.traces) render(shown).catch(() => fill(plot, h("p", { class: "note" }, t("chart.failed"))));
    if (details.open) tabulate();
  }

  async function render({ traces, axes }) {
    const library = await plotly();
    await library.react(plot, traces(), layout(axes()), CONFIG);
    plot.dataset.drawn = "true";
  }

  function tabulate() {
    const { header, rows } = shown.table();
    redraw(figures, [header, rows], () => tableOf(header, rows));
  }

  function update() {
    if (seen && timer === null) timer = setTimeout(draw, Math.max(0, REDRAW_MS - (performance.now() - drawnAt)));
  }

  details.addEventListener("toggle", () => details.open && shown && tabulate());
  const watcher = new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    update();
  }, { rootMargin: "200px" });
  watcher.observe(element);
  const forget = onTheme(update);
  return {
    element,
    update,
    stop() {
      clearTimeout(timer);
      watcher.disconnect();
      forget();
      window.Plotly?.purge(plot);
    },
  };
}

function entry({ hue, label, dashed, thin, mark }) {
  const kind = ["swatch", dashed && "dashed", thin && "thin", mark].filter(Boolean).join(" ");
  return h("li", {}, h("span", { class: kind, vars: { hue: `var(--${hue})` } }), label);
}

/** A table of figures: the first column names the row, the others are numbers. */
function tableOf(header, rows) {
  const cell = (text, index) => (index ? h("td", { class: "number" }, text) : h("th", { scope: "row" }, text));
  return h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, header.map((text, index) => h("th", { scope: "col", class: index && "number" }, text)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell)))));
}

const MOST_ROWS = 60;

/** Rows by epoch for several series, at most sixty of them; `text` says a value. */
export function byEpoch(lines, text) {
  const columns = lines.map((line) => new Map(line.epochs.map((epoch, index) => [epoch, line.values[index]])));
  const epochs = [...new Set(lines.flatMap((line) => line.epochs))].filter((epoch) => epoch !== null).sort((a, b) => a - b);
  const stride = Math.ceil(epochs.length / MOST_ROWS) || 1;
  const kept = epochs.filter((_, index) => (index + 1) % stride === 0 || index === epochs.length - 1);
  return kept.map((epoch) => [String(epoch), ...columns.map((column) => text(column.get(epoch)))]);
}
