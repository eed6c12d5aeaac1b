/** The terms of a stage in words: what the picture shows, for those who read it. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { LABELS } from "./columns.js";
import { hueOfTerm } from "./picture.js";
import { pieceWords, placesOf, quantity, sourcesOf } from "./words.js";
import { scroller } from "../ui/scroll.js";

export function termsTable(stage, id) {
  const head = [t("objective.term"), t("objective.who"), t("objective.where"), t("objective.distance"), t("objective.weight")];
  return scroller(h("table", { class: "figures small terms", id },
    h("caption", { class: "hidden" }, t("objective.words")),
    h("thead", {}, h("tr", {}, head.map((title, index) => h("th", { scope: "col", class: index === 4 && "number" }, title)))),
    h("tbody", {}, stage.terms.map((term, index) => row(term, index + 1)))));
}

function row(term, number) {
  const names = { to: term.to, source: sourcesOf(term).join(" + ") };
  const adapter = term.adapter && term.adapter.kind !== "none" && t("objective.through", { adapter: pieceWords(term.adapter) });
  return h("tr", {},
    h("th", { scope: "row" }, h("span", { class: "dot", vars: { hue: `var(--${hueOfTerm(number)})` } }, number), " ", term.name.replaceAll("_", " ")),
    h("td", {}, t(term.source === LABELS ? "objective.fromLabels" : "objective.from", names)),
    h("td", {}, h("code", {}, placesOf(term)), adapter && h("p", { class: "note" }, adapter)),
    h("td", {}, pieceWords(term.distance)),
    h("td", { class: "number" }, quantity(term.weight)));
}
