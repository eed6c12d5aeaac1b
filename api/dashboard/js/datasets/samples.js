/** Some examples of each split to look at: pictures in a grid, series as lines, tables and texts as tables. */

import { h, fill, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { splitsOf } from "./shape.js";
import { classHues } from "./hues.js";
import { pictureCard } from "./pictures.js";
import { seriesCard } from "./seriescard.js";
import { rowsTable } from "./rowstable.js";

export function samples(state) {
  const [buttons, body, legend] = [h("div", { class: "splits", role: "group", "aria-label": t("samples.splits") }), h("div"), h("ul", { class: "legend" })];
  const element = h("section", { class: "panel samples" }, h("header", {}, h("h2", {}, t("samples.title")), buttons), legend, body);
  let chosen = null;

  function choose(split) {
    chosen = split;
    for (const button of buttons.children) button.setAttribute("aria-pressed", String(button.value === (split ?? "")));
    const shown = state.samples.filter((sample) => chosen === null || sample.split === chosen);
    fill(body, view(shown, state.version.card));
  }

  function draw() {
    const splits = splitsOf(Object.groupBy(state.samples, ({ split }) => split));
    const button = (split) => h("button", { class: "button small", type: "button", value: split ?? "", on: { click: () => choose(split) } }, split ? t(`split.${split}`) : t("samples.all"));
    fill(buttons, splits.length > 1 && [null, ...splits].map(button));
    fill(legend, classHues(state.version.card).map(([name, hue]) => h("li", {}, h("span", { class: "swatch block", vars: { hue } }), name)));
    choose(null);
    return [];
  }

  const drawn = h("span", { hidden: true });
  const update = () => {
    element.hidden = !state.samples.length;
    redraw(drawn, [state.version.number, state.samples.length], () => (state.samples.length ? draw() : []));
  };
  return { element, update };
}

function view(shown, card) {
  if (card.input.kind === "image") return h("div", { class: "grid pictures" }, shown.map((sample) => pictureCard(sample, card)));
  if (card.input.kind === "series") return h("div", { class: "grid series" }, shown.map((sample) => seriesCard(sample, card)));
  return rowsTable(shown, card);
}
