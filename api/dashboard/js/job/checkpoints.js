/** The states of the training that are kept, and a job that goes on from one of them. */

import { h, redraw } from "../lib/dom.js";
import { bytes, moment, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { idempotencyKey, post } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { icon } from "../ui/icons.js";
import { problemNotice } from "../ui/notice.js";
import { go } from "../router.js";
import { runName } from "./accuracy.js";
import { scroller } from "../ui/scroll.js";

export const hasCheckpoints = (state) => state.checkpoints.length > 0;

export function checkpoints(state) {
  const trouble = h("div");
  const body = scroller();
  const element = h("section", { class: "panel checkpoints" }, h("header", {}, h("h3", {}, t("checkpoints.title"))), h("p", { class: "note" }, t("checkpoints.note")), trouble, body);
  const fail = (problem) => redraw(trouble, [problem.message, Date.now()], () => problemNotice(problem));
  return { element, update: () => redraw(body, state.checkpoints, () => table(state, fail)) };
}

function table({ id, checkpoints: found }, fail) {
  const head = (name) => h("th", { scope: "col", class: ["step", "size"].includes(name) && "number" }, t(`checkpoints.${name}`));
  const row = (checkpoint) => h("tr", {},
    h("th", { scope: "row", class: "number" }, whole(checkpoint.step)),
    h("td", {}, checkpoint.run ? runName(checkpoint.run) : ""),
    h("td", { class: "number" }, bytes(checkpoint.bytes)),
    h("td", { class: "nowrap" }, moment(checkpoint.created_at)),
    h("td", {}, checkpoint.attempt || t("checkpoints.brought")),
    h("td", { class: "number" }, checkpoint.damaged ? h("span", { class: "badge bad" }, icon("failed"), t("checkpoints.damaged")) : may("jobs:write") && onward(id, checkpoint, fail)));
  return h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, ["step", "run", "size", "time", "attempt"].map(head), h("td"))),
    h("tbody", {}, found.map(row)));
}

function onward(job, { id, step }, fail) {
  const button = h("button", { class: "button small", type: "button", "aria-label": t("checkpoints.goOnFrom", { step: whole(step) }) }, icon("play"), t("checkpoints.goOn"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const made = await post(`/v1/jobs/${job}/checkpoints/${id}/continue`, undefined, { "Idempotency-Key": idempotencyKey() });
      announce(t("checkpoints.made", { step: whole(step) }));
      go(`/jobs/${made.id}`);
    } catch (problem) {
      button.disabled = false;
      fail(problem);
    }
  });
  return button;
}
