/** What of the log is shown: by action, key, target and time; it lives in the address, so that a view can be sent to somebody. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { search } from "../net/api.js";
import { everything } from "../net/listing.js";
import { field, select, text } from "../ui/form.js";
import { ACTIONS } from "./entry.js";

const TYPING_MS = 350;
const NAMES = ["action", "key", "target", "from", "until"];
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** What the address asks for. */
export function filterOf(address = location.search) {
  const query = new URLSearchParams(address);
  return Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
}

/** The same in the words of the service; days are those of the reader's time zone. */
export function queryOf({ action, key, target, from, until }) {
  return { action, key_id: key, target, created_after: startOf(from), created_before: startOf(until, 1) };
}

function startOf(day, later = 0) {
  if (!DAY.test(day)) return null;
  const start = new Date(`${day}T00:00:00`);
  start.setDate(start.getDate() + later);
  return Number.isNaN(start.getTime()) ? null : start.toISOString();
}

/**
 * The fields above the table.
 *
 * @param apply called with the new query string
 */
export function filters(apply) {
  const first = filterOf();
  const all = ["", t("audit.any")];
  const controls = {
    action: select([all, ...ACTIONS.map((action) => [action, t(`audit.action.${action}`)])]),
    key: select([all]),
    target: text("", { type: "search", placeholder: "job_…" }),
    from: text("", { type: "date" }),
    until: text("", { type: "date" }),
  };
  for (const [name, control] of Object.entries(controls)) control.value = first[name];
  everything("/v1/api_keys").then((keys) => choose(controls.key, keys, first.key), () => {});

  const send = () => apply(search(Object.fromEntries(NAMES.map((name) => [name, controls[name].value.trim()]))));
  let typing = null;
  for (const control of Object.values(controls)) control.addEventListener("change", send);
  controls.target.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(send, TYPING_MS);
  });
  return h("div", { class: "panel sieve", role: "search" }, NAMES.map((name) => field({ label: t(`audit.${name}`) }, controls[name])));
}

/** The keys of the project, once they are known. */
function choose(control, keys, chosen) {
  control.append(...keys.map((key) => h("option", { value: key.id }, `${key.name} (${key.hint}…)`)));
  control.value = chosen;
}
