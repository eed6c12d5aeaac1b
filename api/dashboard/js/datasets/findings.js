/** What the inspection found: items that cannot be used, what is warned of, examples that are there twice. */

import { h, redraw } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { sentence } from "../ui/notice.js";
import { splitsOf } from "./shape.js";
import { shortened } from "./shortened.js";

const FIRST = 5;

export function findings(state) {
  const body = h("div", { class: "stack" });
  const element = h("section", { class: "panel findings" }, h("header", {}, h("h2", {}, t("findings.title"))), body);
  const update = () => {
    element.hidden = !state.report;
    redraw(body, [state.version.number, state.version.status], () => state.report && draw(state.report));
  };
  return { element, update };
}

function draw(report) {
  const found = [report.faults.total > 0 && faults(report), warnings(report.warnings), twins(report)].flat().filter(Boolean);
  if (!found.length && report.state !== "refused") return h("p", { class: "badge good" }, icon("succeeded"), t("findings.none"));
  return [found, unchecked(report)];
}

const finding = (drawing, tone, title, ...content) => h("div", { class: "finding" }, h("p", { class: `badge ${tone}` }, icon(drawing), title), content);

function faults({ faults: { total, by_code: codes, listed }, state }) {
  const title = t(state === "refused" ? "findings.faults" : "findings.quarantined", { n: total, number: whole(total) });
  const kinds = Object.entries(codes).map(([code, number]) => t("findings.code", { code: code.replaceAll("_", " "), number: whole(number) }));
  const row = ({ item, message }) => h("tr", {}, h("th", { scope: "row" }, item), h("td", {}, sentence(message)));
  const table = (some) => h("div", { class: "scroll tall", tabindex: 0 }, h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("findings.item")), h("th", { scope: "col" }, t("findings.wrong")))), h("tbody", {}, some.map(row))));
  return finding(state === "refused" ? "failed" : "warning", state === "refused" ? "bad" : "warn", title, kinds.length > 1 && h("p", { class: "note" }, kinds.join(", ")),
    shortened(listed, FIRST, table), listed.length < total && h("p", { class: "note" }, t("findings.listed", { number: whole(listed.length), total: whole(total) })));
}

/** Warnings of one kind stand together, such as the channels that never change. */
function warnings(all) {
  const kinds = [...Map.groupBy(all, ({ code }) => code).values()];
  return kinds.map((some) => finding("warning", "warn", sentence(some[0].message), pairs(some[0]),
    some.length > 1 && h("details", {}, h("summary", {}, t("findings.like", { n: some.length - 1 })), h("ul", {}, some.slice(1).map((one) => h("li", {}, sentence(one.message), pairs(one)))))));
}

/** Names of examples that belong together: the same in two splits, or nearly so. */
function pairs({ pairs: names, splits }) {
  if (!names?.length) return null;
  const heads = splits?.length === 2 ? splits.map((split) => t(`split.${split}`)) : [t("findings.one"), t("findings.other")];
  const table = (some) => h("table", { class: "figures small" }, h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, some.map((pair) => h("tr", {}, pair.map((name) => h("td", {}, name))))));
  return h("details", {}, h("summary", {}, t("findings.pairs", { n: names.length })), h("div", { class: "scroll tall", tabindex: 0 }, table(names)));
}

function twins({ duplicates }) {
  if (!duplicates) return [];
  return splitsOf(duplicates.within).filter((split) => duplicates.within[split] > 0)
    .map((split) => finding("copy", "even", t(`findings.within.${split}`, { n: duplicates.within[split], number: whole(duplicates.within[split]) })));
}

function unchecked({ duplicates }) {
  return duplicates?.near?.checked === false && h("p", { class: "note" }, t("findings.unchecked"));
}
