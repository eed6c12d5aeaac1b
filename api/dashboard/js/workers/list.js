/** The workers that were heard from lately, each in a card that stays where it is; one that went away is announced. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { announce } from "../ui/announce.js";
import { card } from "./card.js";

/** @returns {element, update}: `update(workers, jobs)` with the project's active jobs by id */
export function workerList() {
  const list = h("ul", { class: "workers" });
  const instead = h("div");
  const cards = new Map();

  function update(workers, jobs) {
    for (const [id, { element, host }] of cards) {
      if (workers.some((worker) => worker.id === id)) continue;
      element.remove();
      cards.delete(id);
      announce(t("workers.gone", { name: host }));
    }
    for (const worker of workers) {
      const known = cards.get(worker.id) ?? { ...card(), host: worker.facts.host ?? worker.id };
      cards.set(worker.id, known);
      known.update(worker, jobs);
      if (!known.element.isConnected) list.append(known.element);
    }
    redraw(instead, workers.length, () => !workers.length && none());
  }

  return { element: h("div", {}, list, instead), update };
}

const none = () => h("section", { class: "panel start" }, h("h3", {}, t("workers.none")), h("p", { class: "muted" }, t("workers.noneHint")), h("code", {}, "distill worker"));
