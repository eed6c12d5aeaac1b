/** The jobs that are compared, as small cards: colour, name, how each stands, and the way out of the comparison. */

import { h, redraw } from "../lib/dom.js";
import { percent } from "../lib/format.js";
import { difference, metricOf } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { OUTCOMES, badge, isActive } from "../ui/status.js";
import { place } from "../ui/table.js";

/** @param remove called with the job that shall go */
export function strip(remove) {
  const list = h("ul", { class: "strip", "aria-label": t("compare.jobs") });
  const cards = new Map();

  /** @param owners job id -> the member whose colour it wears */
  function update(entries, owners) {
    const shown = entries.map(({ job }) => {
      const card = cards.get(job.id) ?? make(job, remove);
      cards.set(job.id, card);
      const { hue, mark, name } = owners.get(job.id);
      redraw(card.body, [hue, mark, name, job.name, job.status, job.progress?.percent, job.verdict], () => face(job, { hue, mark, name }));
      return card.element;
    });
    const ids = new Set(entries.map(({ job }) => job.id));
    for (const id of cards.keys()) if (!ids.has(id)) cards.delete(id);
    place(list, shown);
    list.hidden = !shown.length;
  }

  return { element: list, update };
}

function make(job, remove) {
  const body = h("div", {});
  const label = t("compare.remove", { name: job.name });
  const out = h("button", { class: "button small plain tiny", type: "button", "aria-label": label, title: label, on: { click: () => remove(job) } }, icon("cross"));
  return { body, element: h("li", { "data-job": job.id }, body, out) };
}

function face(job, { hue, mark, name }) {
  const parts = [job.method, t("compare.seed", { seed: job.plan.spec.training.seed })];
  return [
    h("p", { class: "who" }, h("span", { class: `swatch ${mark}`, title: name, vars: { hue: `var(--${hue})` } }),
      h("a", { href: `/jobs/${job.id}` }, job.name), h("span", { class: "note nowrap" }, parts.join(" · "))),
    h("p", { class: "stand" }, job.verdict ? verdict(job) : [badge(job.status), isActive(job.status) && job.progress && h("span", { class: "note" }, percent(job.progress.percent / 100, 0))]),
  ];
}

function verdict(job) {
  const [drawing, tone] = OUTCOMES[job.verdict.outcome] ?? OUTCOMES["no baseline"];
  const gained = job.verdict.difference;
  return [
    badge(job.status),
    h("span", { class: `badge ${tone}` }, icon(drawing), t(`verdict.${job.verdict.outcome}`)),
    typeof gained === "number" && h("span", { class: "note" }, difference(gained, metricOf(job))),
  ];
}
