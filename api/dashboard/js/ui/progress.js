/** The bar of a job: one stretch for each network that is trained, as long as its steps, in its own colour. */

import { h } from "../lib/dom.js";
import { hueOf } from "../lib/colours.js";
import { t } from "../lib/text.js";
import { whole } from "../lib/format.js";

/** The steps of each run of a plan, in order. */
export function stretches(plan) {
  return (plan?.runs ?? []).map((run) => ({
    run: run.name,
    steps: run.steps_per_epoch * run.training.epochs,
    epochs: run.training.epochs,
  }));
}

/** A bar without knowledge of runs, for lists. */
export function plainBar(percent, label, over = false) {
  const part = h("span", { vars: { full: `${percent}%` } }, h("i"));
  part.style.flex = "1";
  return h("div", { class: `bar${over ? " over" : ""}`, ...meter(percent, label) }, part);
}

/** A bar with one stretch for each run. */
export function runBar(plan, step) {
  let before = 0;
  const parts = stretches(plan).map(({ run, steps }) => {
    const share = Math.min(1, Math.max(0, (step - before) / steps));
    before += steps;
    const part = h("span", { vars: { full: `${100 * share}%`, hue: `var(--${hueOf(run)})` } }, h("i"));
    part.style.flex = String(steps);
    return part;
  });
  const label = t("progress.steps", { step: whole(step), total: whole(before) });
  return h("div", { class: "bar", ...meter(before ? (100 * step) / before : 0, label) }, parts);
}

function meter(percent, label) {
  const now = Math.round(10 * percent) / 10;
  return { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": now, "aria-label": label };
}
