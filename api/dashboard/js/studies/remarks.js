/** What is not as one would expect: arms that were stopped or cannot be compared, runs that failed, each with its reason. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { notice, sentence } from "../ui/notice.js";

export function remarks(state) {
  const element = h("div");

  function update() {
    const found = [stopped(state.results), apart(state.results), lost(state.results)].filter(({ lines }) => lines.length);
    element.hidden = !found.length;
    redraw(element, found, () => notice("warn", found.map(({ title, lines }) => [h("h2", {}, t(title)), h("ul", {}, lines.map(line))])));
  }

  return { element, update };
}

function line({ name, reason, job }) {
  return h("li", {}, job ? h("a", { href: `/jobs/${job}` }, name) : h("strong", {}, name), ": ", sentence(reason));
}

const stopped = ({ arms }) => ({ title: "remarks.stopped", lines: arms.filter((arm) => arm.stopped).map(({ name, stopped: why }) => ({ name, reason: why.reason })) });

const apart = ({ arms, reference }) => ({
  title: "remarks.apart",
  lines: arms.filter((arm) => !arm.comparable && arm.name !== reference).map(({ name, apart: reasons }) => ({ name, reason: reasons.join("; ") })),
});

const LOST = new Set(["failed", "cancelled"]);

function lost({ arms }) {
  const lines = arms.flatMap((arm) => arm.runs.filter(({ status }) => LOST.has(status)).map((run) => ({
    name: t("remarks.run", { arm: arm.name, seed: run.seed }), job: run.job_id, reason: run.reason ?? t(`status.${run.status}`),
  })));
  return { title: "remarks.lost", lines };
}
