/** One picture with what is asked for: its class, labels or values, its boxes, or the classes of its mask. */

import { h, s } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { figure } from "./figures.js";
import { hueOf } from "./hues.js";

export function pictureCard(sample, card) {
  const [, height, width] = card.input.shape;
  const answer = answerOf(sample, card);
  return h("figure", {},
    h("div", { class: "frame" }, h("img", { src: sample.url, alt: t("samples.alt", { name: sample.name, answer }), loading: "lazy", width, height }),
      card.task === "detection" && boxes(sample.target, card, width, height)),
    h("figcaption", {}, h("strong", {}, answer), h("span", { class: "note", title: sample.name }, sample.name)));
}

/** Boxes in the pixels of the dataset, whatever size the picture is shown in; each says its class to a pointer. */
function boxes(target, card, width, height) {
  return s("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, target.map(([name, left, top, right, bottom]) =>
    s("rect", { x: left, y: top, width: right - left, height: bottom - top, stroke: hueOf(card.target.classes.indexOf(name)) }, s("title", {}, name))));
}

/** What the example asks for, in words. */
export function answerOf({ target }, { task }) {
  if (task === "regression") return valuesOf(target);
  if (task === "detection") return counted(target.map(([name]) => name));
  if (Array.isArray(target)) return target.join(", ") || t("samples.none");
  return String(target);
}

/** `17.5`, or `width 3.1, height 4` where there are several values. */
function valuesOf(target) {
  const named = Object.entries(target);
  return named.length === 1 ? figure(named[0][1]) : named.map(([name, value]) => t("samples.value", { name, value: figure(value) })).join(", ");
}

function counted(names) {
  const groups = Object.entries(Object.groupBy(names, (name) => name));
  return groups.map(([name, all]) => t("samples.counted", { number: all.length, name })).join(", ") || t("samples.noBoxes");
}
