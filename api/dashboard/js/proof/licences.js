/** Under which licence teacher, data and result stand, and whether what is made from them may be handed on. */

import { h, redraw } from "../lib/dom.js";
import { NONE } from "../lib/format.js";
import { has, t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { scroller } from "../ui/scroll.js";
import { licencesOf } from "./given.js";

/** What a licence says of derivatives -> icon and tone. */
const SAYS = { allowed: ["succeeded", "good"], forbidden: ["failed", "bad"] };

export function licencesPanel(state) {
  const body = scroller();
  const element = h("section", { class: "panel licences" }, h("header", {}, h("h3", {}, t("licences.title"))), body);
  return { element, update: () => redraw(body, licencesOf(state), () => table(licencesOf(state))) };
}

const subject = (of) => (has(`licences.of.${of}`) ? t(`licences.of.${of}`) : of);
const said = (word) => (has(`licences.derivatives.${word}`) ? t(`licences.derivatives.${word}`) : word);

function table(found) {
  const head = (name) => h("th", { scope: "col" }, t(`licences.column.${name}`));
  return h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, ["of", "licence", "derivatives"].map(head))),
    h("tbody", {}, found.map(row)));
}

function row({ of, name, licence, derivatives, notes, via = [], permission = null }) {
  const [drawing, tone] = SAYS[derivatives] ?? ["warning", "warn"];
  return h("tr", {},
    h("th", { scope: "row" }, subject(of), h("span", { class: "note" }, name), via.length > 0 && h("span", { class: "note" }, t("licences.through", { via: via.join(", ") }))),
    h("td", {}, licence ?? NONE),
    h("td", {}, h("span", { class: `badge ${tone}` }, icon(drawing), said(derivatives)),
      permission && h("p", { class: "note" }, t("licences.permitted", { permission })),
      notes.map((note) => h("p", { class: "note" }, note))));
}
