/** One dataset as a row of the list. */

import { h } from "../lib/dom.js";
import { age, bytes, moment, since, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { badge } from "../ui/status.js";
import { shapeOf, total } from "./shape.js";

/** Name of the column -> what its cell shows of a dataset, as [key, drawing]. */
const CELLS = {
  name: (one) => [[one.name, one.description], () => [h("a", { href: `/datasets/${one.id}` }, one.name), one.description && h("p", { class: "note brief" }, one.description)]],
  status: (one) => [[one.status, one.latest], () => [badge(one.status), behind(one)]],
  task: (one) => [[one.task, one.summary], () => one.task && [h("span", {}, t(`task.${one.task}`)), one.summary && h("p", { class: "note" }, shapeOf(one.summary.input))]],
  examples: (one) => [one.summary, () => one.summary && [whole(total(one.summary.examples)), h("p", { class: "note" }, splitsOf(one.summary.examples))]],
  classes: (one) => [one.summary, () => one.summary?.classes && whole(one.summary.classes)],
  size: (one) => [one.summary, () => one.summary && bytes(one.summary.bytes)],
  versions: (one) => [one.versions, () => String(one.versions)],
  created: (one) => [ageOf(one), () => h("time", { datetime: one.created_at, title: moment(one.created_at) }, ageOf(one))],
};
const NUMBERS = new Set(["examples", "classes", "size", "versions"]);

/** The columns of the table. */
export const columns = () => Object.entries(CELLS).map(([name, cell]) => ({ name, cell, number: NUMBERS.has(name), title: t(`datasets.column.${name}`) }));

/** A dataset whose newest version is not ready may have an older one that is. */
function behind({ status, latest }) {
  return status !== "ready" && latest !== null && h("p", { class: "note" }, t("datasets.behind", { number: latest }));
}

/** `1,400 / 200 / 400`: training, validation and test examples. */
function splitsOf(examples) {
  return ["train", "validation", "test"].filter((split) => split in examples).map((split) => t(`datasets.short.${split}`, { number: whole(examples[split]) })).join(" · ");
}

const ageOf = (one) => t("age.ago", { age: age(since(one.created_at)) });
