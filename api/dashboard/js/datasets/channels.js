/** Each channel or column over the training split: mean, deviation and range. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { figure } from "./figures.js";
import { shortened } from "./shortened.js";
import { scroller } from "../ui/scroll.js";

const FIRST = 8;
const FIGURES = ["mean", "std", "min", "max"];

export function channels(state) {
  const body = h("div");
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("channels.title"))), body);
  const update = () => {
    const found = state.report?.channels ?? [];
    element.hidden = !found.length;
    redraw(body, [state.version.number, found.length], () => [shortened(found, FIRST, table), state.version.card?.input.kind === "image" && h("p", { class: "note" }, t("channels.pixels"))]);
  };
  return { element, update };
}

function table(some) {
  const row = (one) => h("tr", {}, h("th", { scope: "row" }, one.channel), FIGURES.map((name) => h("td", { class: "number" }, figure(one[name]))));
  return scroller(h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("channels.name")), FIGURES.map((name) => h("th", { scope: "col", class: "number" }, t(`channels.${name}`))))), h("tbody", {}, some.map(row))));
}
