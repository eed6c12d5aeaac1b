/** Examples that are rows or texts, as a table of them. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { figure } from "./figures.js";
import { answerOf } from "./pictures.js";
import { scroller } from "../ui/scroll.js";

const COLUMNS = 8;

export function rowsTable(shown, card) {
  const columns = card.input.kind === "table" ? ofTable(card) : ofTexts(shown, card);
  const head = ({ title, number }) => h("th", { scope: "col", class: number && "number" }, title);
  const row = (sample) => h("tr", {}, columns.map(({ cell, number }, place) => h(place ? "td" : "th", { scope: place ? null : "row", class: number ? "number" : "words" }, cell(sample))));
  return [scroller(h("table", { class: "figures small" }, h("thead", {}, h("tr", {}, columns.map(head))), h("tbody", {}, shown.map(row)))),
    card.input.kind === "table" && card.input.shape[0] > COLUMNS && h("p", { class: "note" }, t("samples.moreColumns", { n: card.input.shape[0] - COLUMNS }))];
}

const split = () => ({ title: t("split.column.split"), cell: (sample) => t(`split.${sample.split}`) });

const answer = (card) => ({ title: t("samples.target"), cell: (sample) => answerOf(sample, card) });

function ofTable(card) {
  const column = (title, place) => ({ title, number: true, cell: (sample) => figure(sample.inputs[place]) });
  return [{ title: t("samples.row"), cell: (sample) => sample.name }, split(), answer(card), ...card.input.channels.slice(0, COLUMNS).map(column)];
}

/** Texts by the names that the service gives them; what is written for a source is in one of them, not in the ids of its target. */
function ofTexts(shown, card) {
  const names = ["text", "pair", "source", "reference"].filter((name) => shown.some((sample) => name in sample));
  return [...names.map((name) => ({ title: t(`samples.${name}`), cell: (sample) => sample[name] ?? "" })), card.task !== "generation" && answer(card), split()].filter(Boolean);
}
