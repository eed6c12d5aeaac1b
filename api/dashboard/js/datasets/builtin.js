/** Datasets that come with the service, below those that users brought. */

import { h, fill } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { search } from "../net/api.js";
import { everything } from "../net/listing.js";
import { problemNotice } from "../ui/notice.js";
import { table } from "../ui/table.js";
import { shapeOf } from "./shape.js";

const CELLS = {
  name: (one) => [one.name, () => [h("span", { class: "known" }, one.name), h("p", { class: "note" }, one.title)]],
  shape: (one) => [one.input_shape, () => shapeOf({ kind: "image", shape: one.input_shape })],
  examples: (one) => [[one.train, one.test], () => [whole(one.train + one.test), h("p", { class: "note" }, one.test ? t("datasets.trainAndTest", { train: whole(one.train), test: whole(one.test) }) : t("datasets.noTest"))]],
  classes: (one) => [one.num_classes, () => whole(one.num_classes)],
  licence: (one) => [one.licence, () => one.licence],
  where: (one) => [one.needs_folder, () => (one.needs_folder ? h("span", { class: "note" }, t("datasets.needsFolder")) : h("a", { href: `/new${search({ dataset: one.name })}` }, t("datasets.use")))],
};
const NUMBERS = new Set(["examples", "classes"]);

/** @returns {element, stop} */
export function builtin() {
  const left = new AbortController();
  const rows = table({ label: t("datasets.builtin"), id: (one) => one.name, kind: "datasets",
    columns: Object.entries(CELLS).map(([name, cell]) => ({ name, cell, number: NUMBERS.has(name), title: t(`datasets.column.${name}`) })) });
  const element = h("section", { class: "builtin" }, h("h2", {}, t("datasets.builtin")), h("p", { class: "note" }, t("datasets.builtinHint")), rows.element);
  everything("/v1/datasets:builtin", {}, left.signal).then((found) => rows.update(found), (problem) => left.signal.aborted || fill(rows.element, problemNotice(problem)));
  return { element, stop: () => left.abort() };
}
