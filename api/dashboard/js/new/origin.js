/** A job that is made from another one: what it began with, and what is different now. */

import { h, redraw } from "../lib/dom.js";
import { ABSENT, differences } from "../lib/diff.js";
import { t } from "../lib/text.js";
import { scroller } from "../ui/scroll.js";

/** @param parent the job that is cloned, or null */
export function originPart(draft, parent) {
  const list = scroller();
  const link = parent && h("a", { href: `/jobs/${parent.id}` }, parent.name);
  const element = h("section", { class: "panel origin", hidden: !parent }, h("h2", {}, t("origin.title")), h("p", { class: "note" }, t("origin.text"), " ", link), list);
  const update = () => parent && redraw(list, draft.spec, () => changes(differences([parent.spec, draft.spec])));
  return { element, update };
}

function changes(found) {
  if (!found.length) return h("p", { class: "muted" }, t("origin.same"));
  return h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, [t("origin.place"), t("origin.before"), t("origin.now")].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, found.map(({ pointer, values }) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, pointer)), values.map((value) => h("td", {}, valueOf(value)))))));
}

const valueOf = (value) => (value === ABSENT ? h("span", { class: "muted" }, t("origin.default")) : h("code", {}, typeof value === "string" ? value : JSON.stringify(value)));
