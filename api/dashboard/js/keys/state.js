/** How a key stands: it works, it ends soon, or it opens nothing any more. */

import { h } from "../lib/dom.js";
import { age, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { session } from "../net/session.js";
import { icon } from "../ui/icons.js";

const SOON_SECONDS = 7 * 86_400;

/** State -> icon and tone. */
const LOOKS = { works: ["succeeded", "good"], ending: ["warning", "warn"], expired: ["skipped", "even"], revoked: ["cancelled", "even"] };

/** `works`, `ending`, `expired` or `revoked`. */
export function stateOf(key) {
  if (key.revoked_at) return "revoked";
  const left = leftOf(key);
  if (left <= 0) return "expired";
  return left < SOON_SECONDS ? "ending" : "works";
}

export const hasEnded = (key) => ["expired", "revoked"].includes(stateOf(key));

/** Whether this session was opened with the key. */
export const isOwn = (key) => session().key_id === key.id;

/** The state as an icon and words. */
export function stateBadge(key) {
  const state = stateOf(key);
  const [drawing, tone] = LOOKS[state];
  return h("span", { class: `badge ${tone}` }, icon(drawing), t(`keys.state.${state}`, { time: age(leftOf(key)) }));
}

const leftOf = (key) => (key.expires_at ? -since(key.expires_at) : Infinity);
