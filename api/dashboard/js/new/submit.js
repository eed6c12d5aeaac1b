/** The bar at the foot of the page: how the plan stands, and the button that makes it a job. */

import { h, redraw } from "../lib/dom.js";
import { count, roughly } from "../lib/format.js";
import { t } from "../lib/text.js";
import { may } from "../net/session.js";
import { icon } from "../ui/icons.js";

export function submitBar(submit, startOver) {
  const state = h("p", { class: "planstate" });
  const button = h("button", { class: "button primary", type: "button", disabled: !may("jobs:write") }, icon("play"), t("new.submit"));
  const again = h("button", { class: "button", type: "button", on: { click: startOver } }, t("new.startOver"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    await submit();
    button.disabled = false;
  });

  function update(answer) {
    redraw(state, [answer.problem?.message, answer.plan?.estimate, answer.plan?.warnings], () => said(answer));
  }

  return { element: h("div", { class: "submitbar" }, state, again, button), update };
}

function said({ plan, problem }) {
  if (problem?.status === 0) return h("span", { class: "note" }, t("problem.offline"));
  if (problem) return [h("span", { class: "badge bad" }, icon("failed"), t("new.refused")), h("span", { class: "note" }, t("new.refusedHint"))];
  if (!plan) return h("span", { class: "note" }, t("new.planning"));
  const { train_seconds: seconds } = plan.estimate;
  const fine = plan.warnings.length ? ["warn", "warning", t("new.warnings", { n: plan.warnings.length })] : ["good", "succeeded", t("new.ready")];
  return [h("span", { class: `badge ${fine[0]}` }, icon(fine[1]), fine[2]),
    h("span", { class: "note" }, seconds === null ? "" : t("new.costs", { time: roughly(seconds), student: count(plan.networks.student.parameters) }))];
}
