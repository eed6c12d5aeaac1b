/** The phases of a job from left to right: done with their time, the present one, and those ahead. */

import { h, redraw, setAttribute } from "../lib/dom.js";
import { duration } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { isActive, isFinal } from "../ui/status.js";

const PHASES = {
  distillation: ["prepare", "teacher", "train", "evaluate", "export", "report"],
  reevaluation: ["prepare", "evaluate"],
  inspection: ["prepare", "unpack", "scan", "read", "check"],
};

const ICONS = { done: "succeeded", now: "running", failed: "failed", stopped: "paused", skipped: "skipped", ahead: "ahead" };

export function timeline(state) {
  const steps = PHASES[state.job.kind].map((phase) => step(state, phase));
  const element = h("ol", { class: "phases", "aria-label": t("phases.title") }, steps.map((item) => item.element));
  return { element, update: () => steps.forEach((item) => item.update()) };
}

function step(state, phase) {
  const sign = h("span", { class: "sign" });
  const time = h("span", { class: "note" });
  const element = h("li", {}, sign, h("div", {}, h("strong", {}, t(`phase.${phase}`)), time));
  const update = () => {
    const kind = kindOf(state.job, phase);
    setAttribute(element, "class", kind);
    setAttribute(element, "aria-current", kind === "now" && "step");
    redraw(sign, kind, () => [icon(ICONS[kind], kind === "now" ? "turning" : ""), h("span", { class: "hidden" }, t(`phase.${kind}`))]);
    redraw(time, timeOf(state, phase, kind), () => timeOf(state, phase, kind));
  };
  return { element, update };
}

function kindOf(job, phase) {
  const phases = PHASES[job.kind];
  const [at, here] = [phases.indexOf(job.phase), phases.indexOf(phase)];
  if (job.status === "succeeded") return phase in job.durations ? "done" : "skipped";
  if (here === at && isActive(job.status)) return "now";
  if (here === at) return job.status === "failed" ? "failed" : "stopped";
  if (here < at) return phase in job.durations ? "done" : "skipped";
  return isFinal(job.status) ? "skipped" : "ahead";
}

function timeOf(state, phase, kind) {
  if (kind === "ahead" || kind === "skipped") return t(`phase.${kind}`);
  const spent = state.job.durations[phase] ?? 0;
  return duration(kind === "now" ? liveSeconds(state, phase, spent) : spent);
}

/** Time in the present phase: what earlier stretches of it took, and what has gone by since the latest one began. */
function liveSeconds(state, phase, spent) {
  const began = state.events.findLast((event) => event.type === "phase");
  if (began?.data.phase !== phase) return spent || null;
  return spent + Math.max(0, (Date.now() - Date.parse(began.created_at)) / 1000);
}
