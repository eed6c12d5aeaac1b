/** How a version that is not ready stands: a worker is looking at it, or has refused it and says why. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { notice, sentence } from "../ui/notice.js";
import { plainBar } from "../ui/progress.js";
import { badge, isFinal } from "../ui/status.js";

export function inspection(state) {
  const element = h("div", { class: "stack" });
  const update = () => {
    const { version, inspection: job } = state;
    redraw(element, [version.status, version.error, job?.status, job?.phase, job?.progress?.percent], () => [
      version.status === "failed" && refused(version), version.status === "validating" && looking(version, job)]);
  };
  return { element, update };
}

function refused({ number, error, job_id: job }) {
  return notice("bad", h("h2", {}, t("model.refused", { number })), h("p", {}, sentence(error?.message ?? t("model.refusedSilently"))),
    h("p", { class: "note" }, t("model.refusedHint"), " ", h("a", { href: `/jobs/${job}` }, t("model.itsLog"))));
}

function looking({ job_id: id }, job) {
  const percent = job?.progress?.percent ?? 0;
  return h("section", { class: "panel looking" }, h("header", {}, h("h2", {}, t("model.looking")), job && badge(job.status)),
    plainBar(percent, t("model.lookingBar"), Boolean(job && isFinal(job.status))),
    h("p", { class: "note" }, [job?.phase && t(`phase.${job.phase}`), t("model.lookingHint")].filter(Boolean).join(" · "), " ", h("a", { href: `/jobs/${id}` }, t("model.itsLog"))));
}
