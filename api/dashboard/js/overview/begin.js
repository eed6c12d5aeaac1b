/** What somebody sees who has no job yet: what this is for, and the way to the first one. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { may } from "../net/session.js";

const STEPS = [["teacher", "/models"], ["data", "/datasets"], ["student", "/new"]];

export function begin() {
  const step = ([name, href]) => h("li", {}, h("h3", {}, h("a", { href }, t(`begin.${name}`))), h("p", { class: "muted" }, t(`begin.${name}Text`)));
  return h("section", { class: "panel begin" },
    h("h2", {}, t("begin.title")),
    h("p", { class: "muted" }, t("begin.text")),
    h("ol", {}, STEPS.map(step)),
    may("jobs:write") && h("p", {}, h("a", { class: "button primary", href: "/new" }, t("begin.go"))));
}
