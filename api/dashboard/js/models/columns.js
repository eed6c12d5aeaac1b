/** One model as a row of the list. */

import { h } from "../lib/dom.js";
import { NONE, age, count, moment, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { badge } from "../ui/status.js";

/** Name of the column -> what its cell shows of a model, as [key, drawing]. */
const CELLS = {
  name: (model) => [[model.name, model.description], () => [
    h("a", { href: `/models/${model.id}` }, model.name), model.description && h("p", { class: "note brief" }, model.description)]],
  status: (model) => [[model.status, model.latest, model.versions], () => [badge(model.status), behind(model)]],
  what: (model) => [[model.kind, model.architecture], () => model.kind && what(model)],
  task: (model) => [model.task, () => model.task && t(`task.${model.task}`)],
  parameters: (model) => [model.parameters, () => (model.kind ? (model.parameters === null ? NONE : count(model.parameters)) : null)],
  versions: (model) => [model.versions, () => String(model.versions)],
  aliases: (model) => [model.aliases, () => Object.entries(model.aliases).map(([alias, number]) =>
    h("span", { class: "label" }, t("models.alias", { alias, number })))],
  created: (model) => [ageOf(model), () => h("time", { datetime: model.created_at, title: moment(model.created_at) }, ageOf(model))],
};
const NUMBERS = new Set(["parameters", "versions"]);

/** The columns of the table. */
export const columns = () => Object.entries(CELLS).map(([name, cell]) => ({ name, cell, number: NUMBERS.has(name), title: t(`models.column.${name}`) }));

function what({ kind, architecture }) {
  const words = t(`models.kind.${kind}`);
  return architecture ? [h("span", {}, architecture), h("p", { class: "note" }, words)] : words;
}

/** A model whose newest version is not ready may have an older one that is. */
function behind({ status, latest }) {
  return status !== "ready" && latest !== null && h("p", { class: "note" }, t("models.behind", { number: latest }));
}

const ageOf = (model) => t("age.ago", { age: age(since(model.created_at)) });
