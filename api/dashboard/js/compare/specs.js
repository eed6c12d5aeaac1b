/** What the specs differ in, and nothing else: a row for each place, a column for each job. */

import { h, redraw } from "../lib/dom.js";
import { ABSENT, differences } from "../lib/diff.js";
import { t } from "../lib/text.js";
import { choice } from "./choice.js";
import { brief } from "./groups.js";
import { chosen } from "./selection.js";
import { scroller } from "../ui/scroll.js";

const SAID = ["/name"]; // the head of the column

/** @param scene gives `{ jobs, owners }`: every job for itself, and by its id the member whose colour it wears */
export function specs(scene) {
  const title = h("h2");
  const body = scroller();
  const note = h("p", { class: "note" });
  const element = h("section", { class: "panel specs" }, h("header", {}, title, choice("places", update)), body, note);

  function update() {
    const { jobs, owners } = scene();
    const documents = jobs.map(({ entries: [{ job }] }) => (chosen("places") === "written" ? job.spec : job.plan.spec));
    const places = differences(documents).filter(({ pointer }) => !SAID.includes(pointer));
    const heads = jobs.map(({ id, name }) => ({ ...owners.get(id), id, name }));
    const shown = [heads.map(({ id, name, hue, mark }) => [id, name, hue, mark]), documents];
    redraw(title, shown, () => t("specs.title", { n: places.length }));
    redraw(body, shown, () => places.length > 0 && grid(heads, places));
    redraw(note, [jobs.length, places.length], () => noteOf(jobs, places));
  }

  return { element, update };
}

function grid(heads, places) {
  const head = ({ id, name, hue, mark }) => h("th", { scope: "col" },
    h("div", { class: "who" }, h("span", { class: `swatch ${mark}`, vars: { hue: `var(--${hue})` } }), h("a", { href: `/jobs/${id}` }, name)));
  return h("table", { class: "figures pinned" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("specs.place")), heads.map(head))),
    h("tbody", {}, places.map(({ pointer, values }) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, pointer)), values.map(cell)))));
}

function cell(value) {
  if (value === ABSENT) return h("td", { class: "muted" }, t("specs.absent"));
  const [short, whole] = [brief(value), brief(value, Infinity)];
  return h("td", {}, h("code", { title: short === whole ? null : whole }, short));
}

function noteOf(jobs, places) {
  if (jobs.length < 2) return t("specs.one");
  return places.length ? t("specs.note") : t("specs.same");
}
