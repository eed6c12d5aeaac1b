/** The objective of a plan: its stages along the top, as wide as they are long, and a picture of the one that is chosen. */

import { h, redraw } from "../lib/dom.js";
import { hueOf } from "../lib/colours.js";
import { t } from "../lib/text.js";
import { runName } from "../job/accuracy.js";
import { tabs } from "../ui/tabs.js";
import { picture } from "./picture.js";
import { termsTable } from "./terms.js";
import { pieceWords } from "./words.js";

const WORDS = "objective-words";

/** @returns {element, update}: `update(plan)` shows another plan, on the same stage where it has one of that name */
export function objectiveView() {
  const place = h("div", {}, h("p", { class: "muted" }, t("objective.none")));
  let chosen = null;

  function draw(plan) {
    const stages = plan.runs.flatMap((run) => run.stages.map((stage) => ({ run, stage, name: `${run.name} ${stage.name}`.replaceAll(/\W+/g, "-") })));
    const first = stages.find(({ run }) => run.name === "distil") ?? stages.at(-1);
    if (!stages.some(({ name }) => name === chosen)) chosen = first.name;
    const show = (name) => stageOf(plan, stages.find((one) => one.name === name));
    return tabs({ label: t("objective.stages"), kind: "stages", chosen, show, changed: (name) => (chosen = name), tabs: stages.map(face) }).element;
  }

  const update = (plan) => plan && redraw(place, [plan.runs, plan.networks, plan.paths], () => draw(plan));
  return { element: place, update };
}

function face({ run, stage, name }) {
  return { name, vars: { epochs: stage.epochs, hue: `var(--${hueOf(run.name)})` }, face: [
    h("span", { class: "of" }, runName(run.name)), h("strong", {}, stage.name), h("span", { class: "note" }, t("objective.epochs", { n: stage.epochs }))] };
}

function stageOf(plan, { run, stage }) {
  return [picture(plan, run, stage, WORDS), h("p", { class: "note" }, remarks(plan, stage)), termsTable(stage, WORDS)];
}

/** What the picture cannot show. */
function remarks(plan, { upto, balance, writing, quantise }) {
  const weighed = Object.entries(balance).filter(([, { kind }]) => kind !== "fixed");
  return [
    upto && t("objective.upto", { layer: upto }),
    ...weighed.map(([learner, kind]) => t("objective.balance", { learner, balance: pieceWords(kind) })),
    writing && t("objective.writing", { by: writing.writer }),
    quantise && t("objective.quantise"),
    plan.delivers !== "student" && t("objective.delivers", { name: plan.delivers }),
  ].filter(Boolean).join(" ");
}
