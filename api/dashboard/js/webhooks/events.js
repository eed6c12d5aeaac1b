/** What an endpoint can hear of, and how it and its messages stand. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";

export const EVENTS = [
  "job.started", "job.paused", "job.succeeded", "job.failed", "job.cancelled",
  "monitor.drifted", "monitor.stopped",
  "study.waiting", "study.succeeded", "study.failed", "study.cancelled",
];

/** Status of a message -> icon and tone. */
const LOOKS = { pending: ["queued", ""], delivered: ["succeeded", "good"], failed: ["failed", "bad"] };

/** Whether an endpoint is told of anything. */
export function switchBadge(endpoint) {
  const [drawing, tone] = endpoint.enabled ? LOOKS.delivered : ["paused", "warn"];
  return h("span", { class: `badge ${tone}` }, icon(drawing), t(endpoint.enabled ? "webhooks.on" : "webhooks.off"));
}

/** The status of a message as an icon and a word. */
export function deliveryBadge(delivery) {
  const [drawing, tone] = LOOKS[delivery.status];
  return h("span", { class: `badge ${tone}` }, icon(drawing), t(`webhooks.status.${delivery.status}`));
}

/** What the last try came to: `204`, or the error that stood in the way; null before the first one. */
export function lastAnswer({ tries }) {
  const last = tries.at(-1);
  return last ? (last.status ?? last.error) : null;
}
