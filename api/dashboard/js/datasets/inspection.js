/** How a version that is not ready stands: a worker is looking at it, or has refused it and says why and what helps. */

import { h, fill, redraw } from "../lib/dom.js";
import { percent } from "../lib/format.js";
import { has, t } from "../lib/text.js";
import { timeline } from "../job/timeline.js";
import { may } from "../net/session.js";
import { notice, sentence } from "../ui/notice.js";
import { plainBar } from "../ui/progress.js";
import { badge } from "../ui/status.js";

export function inspection(state) {
  const element = h("div", { class: "stack" });
  const live = looking(state);
  const update = () => {
    const { version, inspection: job } = state;
    if (job) live.update(job);
    redraw(element, [version.number, version.status, version.error, Boolean(job)], () => [version.status === "failed" && refused(state), job && live.element]);
  };
  return { element, update };
}

function refused({ id, version: { number, error, job_id: job } }) {
  const remedy = `dataset.remedy.${error?.code}`;
  return notice("bad", h("h2", {}, t("dataset.refused", { number })), h("p", {}, sentence(error?.message ?? t("dataset.refusedSilently"))),
    error && h("p", { class: "note" }, t("error.code", { code: error.code })),
    has(remedy) && h("p", {}, t(remedy)),
    h("p", { class: "acts" }, may("jobs:write") && h("a", { class: "button small", href: `/datasets/${id}?new=1&version=${number}` }, t("dataset.again")),
      h("a", { class: "button small", href: `/jobs/${job}` }, t("dataset.itsLog"))));
}

/** The phases with the present one, a bar, and the way to the job that does it. */
function looking({ version }) {
  const shown = { job: null, events: [] };
  const [status, phases, bar, text] = [h("span"), h("div"), h("div"), h("span")];
  const element = h("section", { class: "panel looking" }, h("header", {}, h("h2", {}, t("dataset.looking")), status), phases, bar,
    h("p", { class: "note" }, text, " ", h("a", { href: `/jobs/${version.job_id}` }, t("dataset.itsLog"))));
  let steps = null;

  function update(job) {
    shown.job = job;
    if (!steps) fill(phases, (steps = timeline(shown)).element);
    steps.update();
    const share = job.progress?.percent ?? 0;
    redraw(status, job.status, () => badge(job.status));
    redraw(bar, share, () => plainBar(share, t("dataset.lookingBar")));
    fill(text, job.status === "queued" ? t("dataset.waiting") : t("dataset.goes", { percent: percent(share / 100, 0) }));
  }

  return { element, update };
}
