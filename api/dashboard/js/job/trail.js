/** What a prompted path changed about its teacher, and whether that serves the student. */

import { h, redraw } from "../lib/dom.js";
import { loss, percent, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { scroller } from "../ui/scroll.js";

const LIGHTS = { green: ["succeeded", "good"], amber: ["warning", "warn"], red: ["failed", "bad"] };
const MOST_CLASSES = 100;

const trailsOf = (state) => Object.entries(state.job.result?.diagnostics?.trails ?? {});

export const hasTrails = (state) => trailsOf(state).length > 0;

export function trails(state) {
  const element = h("div", { class: "stack" });
  return { element, update: () => redraw(element, trailsOf(state), () => trailsOf(state).map(panel)) };
}

function panel([name, trail]) {
  const [drawing, tone] = LIGHTS[trail.light];
  const { accuracy, divergence, flipped } = trail;
  return h("section", { class: "panel trail" },
    h("header", {}, h("h3", {}, t("trail.title", { name, of: trail.of })), h("span", { class: `badge ${tone}` }, icon(drawing), t(`trail.${trail.light}`))),
    h("p", {}, trail.reason),
    h("dl", { class: "facts" },
      fact("trail.accuracy", t("trail.pair", { own: percent(accuracy.prompted), other: percent(accuracy.teacher) })),
      fact("trail.distance", t("trail.pair", { own: nats(divergence.student_from_prompted), other: nats(divergence.student_from_teacher) })),
      fact("trail.flipped", t("trail.of", { n: whole(flipped.count), all: whole(trail.examples) })),
      fact("trail.balance", t("trail.gainedLost", { gained: flipped.gained, lost: flipped.lost }))),
    h("details", {}, h("summary", {}, t("trail.classes")), scroller(classes(trail.classes))));
}

const nats = (value) => t("trail.nats", { value: loss(value) });

const fact = (title, figure) => h("div", {}, h("dt", {}, t(title)), h("dd", {}, h("strong", {}, figure)));

function classes(found) {
  const rows = found.toSorted((a, b) => (b.divergence ?? -1) - (a.divergence ?? -1)).slice(0, MOST_CLASSES);
  const row = ({ name, examples, divergence }) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number" }, whole(examples)), h("td", { class: "number" }, loss(divergence)));
  const head = (text, number) => h("th", { scope: "col", class: number && "number" }, text);
  return h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, head(t("classes.class")), head(t("classes.examples"), true), head(t("trail.moved"), true))), h("tbody", {}, rows.map(row)));
}
