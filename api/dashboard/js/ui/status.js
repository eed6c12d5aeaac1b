/** A status of a job, or of what was brought, as an icon and a word; which statuses belong together; what each allows. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { icon } from "./icons.js";

/** Status -> icon, tone, and whether the icon turns. */
const LOOKS = {
  queued: ["queued", ""],
  waiting: ["queued", ""],
  starting: ["starting", "live", true],
  running: ["running", "live", true],
  pausing: ["paused", "warn"],
  paused: ["paused", "warn"],
  cancelling: ["cancelled", ""],
  succeeded: ["succeeded", "good"],
  failed: ["failed", "bad"],
  cancelled: ["cancelled", ""],
  validating: ["running", "live", true],
  ready: ["succeeded", "good"],
};

/** Filter -> the statuses that it stands for. */
export const GROUPS = {
  active: ["starting", "running", "pausing", "cancelling"],
  queued: ["queued"],
  paused: ["paused"],
  succeeded: ["succeeded"],
  failed: ["failed"],
  cancelled: ["cancelled"],
};

const FINAL = new Set(["succeeded", "failed", "cancelled"]);

/** What can be asked of a job in each status. */
export const ALLOWED = {
  pause: new Set(["queued", "starting", "running"]),
  resume: new Set(["paused"]),
  cancel: new Set(["queued", "starting", "running", "pausing", "paused"]),
  retry: new Set(["failed", "cancelled"]),
};

export const isFinal = (status) => FINAL.has(status);
export const isActive = (status) => GROUPS.active.includes(status);

/** The badge of a status. */
export function badge(status, extra = "") {
  const [drawing, tone, turns] = LOOKS[status] ?? ["unknown", ""];
  return h("span", { class: `badge ${tone} ${extra}`.trim() }, icon(drawing, turns ? "turning" : ""), t(`status.${status}`));
}

/** Outcome of a verdict -> icon and tone. */
export const OUTCOMES = {
  better: ["better", "good"],
  "no difference": ["even", "even"],
  worse: ["worse", "bad"],
  "no baseline": ["unknown", "even"],
};
