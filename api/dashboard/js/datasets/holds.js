/** What a version holds: its splits and how they were cut, its classes or values, sizes, tokens, and the digest of its content. */

import { h, redraw } from "../lib/dom.js";
import { bytes, duration, percent, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { figure } from "./figures.js";
import { digest } from "./files.js";
import { shapeOf, splitsOf, total } from "./shape.js";
import { sourceOf } from "./versions.js";
import { scroller } from "../ui/scroll.js";

const SIZES = 3;

export function holds(state) {
  const body = h("div", { class: "stack" });
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("dataset.holds"))), body);
  const update = () => {
    element.hidden = !state.version.card;
    redraw(body, [state.version.number, state.version.status], () => state.version.card && [splits(state.version), facts(state), h("p", { class: "note" }, cutOf(state.version))]);
  };
  return { element, update };
}

function splits({ card }) {
  const shown = splitsOf(card.splits);
  const all = total(Object.fromEntries(shown.map((split) => [split, card.splits[split].count])));
  const head = ["split", "count", "share", card.grouped && "groups"].filter(Boolean);
  const row = (split) => h("tr", {}, h("th", { scope: "row" }, t(`split.${split}`)), h("td", { class: "number" }, whole(card.splits[split].count)),
    h("td", { class: "number" }, percent(card.splits[split].count / all, 0)), card.grouped && h("td", { class: "number" }, whole(card.splits[split].groups)));
  return scroller(h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col", class: name !== "split" && "number" }, t(`split.column.${name}`))))), h("tbody", {}, shown.map(row))));
}

function facts(state) {
  const { version, report } = state;
  const { card } = version;
  const found = [
    ["input", shapeOf(card.input)],
    card.task === "regression" ? ["values", valuesOf(card.target)] : card.target.classes.length > 0 && ["classes", whole(card.target.classes.length)],
    report?.sizes && ["sizes", sizesOf(report.sizes)],
    report?.boxes && ["boxes", t("dataset.boxes", { total: whole(report.boxes.total), most: whole(report.boxes.most), clipped: whole(report.boxes.clipped), small: whole(report.boxes.too_small) })],
    report?.runs && ["runs", t("dataset.runs", { n: report.runs, number: whole(report.runs), samples: whole(report.samples) })],
    card.input.rate_hz && ["rate", t("dataset.rate", { rate: card.input.rate_hz })],
    card.input.vocabulary && ["vocabulary", t("dataset.entries", { number: whole(card.input.vocabulary) })],
    card.flip !== null && card.input.kind === "image" && ["flip", t(card.flip ? "dataset.flips" : "dataset.flipsNot")],
    ["size", bytes(version.bytes)],
    ["source", sourceOf(version)],
    ["took", duration((Date.parse(version.ended_at) - Date.parse(version.created_at)) / 1000)],
    ["sha256", digest(version.sha256, t("dataset.shaOf", { name: t("dataset.version", { number: version.number }) }))],
  ];
  return h("dl", { class: "plainfacts" }, found.filter(Boolean).map(([name, value]) => [h("dt", {}, t(`dataset.fact.${name}`)), h("dd", {}, value)]));
}

function valuesOf({ classes, mean, std }) {
  return classes.map((name, index) => t("dataset.value", { name, mean: figure(mean[index]), std: figure(std[index]) })).join("; ");
}

function sizesOf(sizes) {
  const shown = sizes.slice(0, SIZES).map(({ height, width, count }) => t("dataset.sizeOf", { height: whole(height), width: whole(width), count: whole(count) }));
  return [...shown, sizes.length > SIZES && t("dataset.moreSizes", { n: sizes.length - SIZES })].filter(Boolean).join(", ");
}

/** What was to be cut: only splits that were not given are. */
function cutOf({ card, options: { cut } }) {
  const parts = ["validation", "test"].filter((split) => cut[split] !== null).map((split) => t(`split.cut.${split}`, { share: percent(cut[split], 0) }));
  const said = parts.length ? t("split.asked", { list: parts.join(", "), seed: cut.seed }) : t("split.given");
  return [said, card.grouped && t("split.grouped")].filter(Boolean).join(" ");
}
