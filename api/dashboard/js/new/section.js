/** A part of the form: a heading, what most people choose, and everything else behind one more step. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";

/** @param lead a sentence below the heading */
export function section(title, lead, ...content) {
  return h("section", { class: "panel part" }, h("header", {}, h("h2", {}, title), lead && h("p", { class: "note" }, lead)), h("div", { class: "stack" }, content));
}

/** What few people need. */
export const more = (...content) => h("details", { class: "further" }, h("summary", {}, t("new.more")), h("div", { class: "stack" }, content));
