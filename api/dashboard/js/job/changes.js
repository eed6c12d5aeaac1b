/** Where a job's spec differs from that of the job it was made from. */

import { h, redraw } from "../lib/dom.js";
import { ABSENT, differences } from "../lib/diff.js";
import { NONE } from "../lib/format.js";
import { t } from "../lib/text.js";
import { toYaml } from "../lib/yaml.js";
import { scroller } from "../ui/scroll.js";

/** The parent is known once it was read; one that is gone has nothing to compare with. */
export const hasParent = (state) => state.parent !== null;

export function changes(state) {
  const body = h("div");
  const element = h("section", { class: "panel changes" }, h("header", {}, h("h3", {}, t("changes.title"))), body);
  return { element, update: () => redraw(body, [state.parent?.id, state.job.spec], () => state.parent && draw(state.parent, state.job)) };
}

function draw(parent, job) {
  const link = h("a", { href: `/jobs/${parent.id}` }, parent.name);
  const found = differences([parent.spec, job.spec]);
  if (!found.length) return h("p", {}, t("changes.none"), " ", link);
  const head = (text) => h("th", { scope: "col" }, text);
  return scroller(h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, head(t("changes.place")), head(link), head(t("changes.here")))),
    h("tbody", {}, found.map(({ pointer, values }) => h("tr", {},
      h("th", { scope: "row", class: "mono" }, pointer.slice(1).replaceAll("/", ".")), values.map((value) => h("td", { class: "mono" }, said(value))))))));
}

const said = (value) => (value === ABSENT ? NONE : toYaml(value).trimEnd());
