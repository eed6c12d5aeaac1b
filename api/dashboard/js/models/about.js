/** What a version is, as its card says: kind, architecture, input, classes, size. */

import { h, redraw } from "../lib/dom.js";
import { count, whole } from "../lib/format.js";
import { t } from "../lib/text.js";

const CLASSES = 12;

export function about(state) {
  const body = h("div");
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("model.about"))), body);
  const update = () => redraw(body, [state.version.card, state.version.options], () => facts(state.version));
  return { element, update };
}

/** The card, or, before there is one, what was asked for. */
function facts({ card, options }) {
  const known = card ?? { ...options, kind: options.format };
  const rows = {
    kind: known.kind && t(`models.kind.${known.kind}`),
    architecture: known.architecture,
    options: optionsOf(known),
    task: known.task && t(`task.${known.task}`),
    input: known.input && inputOf(known.input),
    classes: known.classes?.length ? classesOf(known.classes) : card?.num_outputs && t("model.unnamed", { n: card.num_outputs }),
    normalisation: known.mean?.length ? t("model.normalised", { mean: rounded(known.mean), std: rounded(known.std) }) : null,
    parameters: card && (card.parameters === null ? t("model.uncounted") : count(card.parameters)),
    macs: card?.macs ? t("model.macsOf", { n: count(card.macs) }) : null,
  };
  const said = Object.entries(rows).filter(([, value]) => value);
  return h("dl", { class: "about" }, said.map(([name, value]) => h("div", {}, h("dt", {}, t(`model.fact.${name}`)), h("dd", {}, value))));
}

function optionsOf({ options = {} }) {
  const chosen = Object.entries(options).filter(([, value]) => value !== null);
  return chosen.map(([name, value]) => t("model.option", { name, value: String(value) })).join(", ");
}

const rounded = (numbers) => numbers.map((number) => Number(number.toPrecision(3))).join(", ");

function inputOf({ kind, shape }) {
  return t("model.inputOf", { kind: t(`model.input.${kind}`), shape: shape.map(whole).join(" × ") });
}

function classesOf(classes) {
  const words = [whole(classes.length), h("span", { class: "note" }, ` ${classes.slice(0, CLASSES).join(", ")}${classes.length > CLASSES ? " …" : ""}`)];
  if (classes.length <= CLASSES) return words;
  return h("details", {}, h("summary", {}, words), h("p", { class: "note" }, classes.join(", ")));
}
