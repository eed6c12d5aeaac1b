/** A key is made, replaced and ended: each asks what it has to know, and shows a new key once. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { idempotencyKey, post, remove } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { choices } from "../ui/choices.js";
import { confirmed, shown } from "../ui/dialog.js";
import { field, form, select, text } from "../ui/form.js";
import { notice } from "../ui/notice.js";
import { showSecret } from "../ui/secret.js";
import { isOwn } from "./state.js";

const SCOPES = ["jobs:read", "jobs:write", "metrics", "admin", "operate"];
const USUAL = ["jobs:read", "jobs:write"];
const DAYS = [["7", "week"], ["30", "month"], ["90", "quarter"], ["365", "year"], ["", "never"]];
const HOURS = [["0", "none"], ["1", "hour"], ["24", "day"], ["168", "week"], ["720", "month"]];

/** Make a key; nobody is offered a scope that they lack. Gives whether one was made. */
export function create(path = "/v1/api_keys", grantable = may) {
  const name = text("", { maxlength: 120 });
  const scopes = choices({ label: t("keys.scopes"), pointer: "/scopes" },
    SCOPES.filter((scope) => grantable(scope)).map((scope) => [scope, h("strong", {}, scope), t(`scope.${scope}`)]), USUAL);
  const days = select(DAYS.map(([value, words]) => [value, t(`keys.days.${words}`)]), "90");
  return ordered(t("keys.create"), t("keys.make"), [
    field({ label: t("keys.name"), hint: t("keys.nameHint"), pointer: "/name" }, name),
    scopes.element,
    field({ label: t("keys.expiry"), pointer: "/expires_in_days" }, days),
  ], path, () => ({ name: name.value.trim(), scopes: scopes.values(), expires_in_days: Number(days.value) || null }));
}

/** Replace a key by one that may do the same. Gives whether it was. */
export function rotate(key) {
  const hours = select(HOURS.map(([value, words]) => [value, t(`keys.overlap.${words}`)]), "24");
  return ordered(t("keys.rotateTitle", { name: key.name }), t("keys.rotate"), [
    h("p", { class: "muted" }, t("keys.rotateText")),
    isOwn(key) && notice("warn", h("p", {}, t("keys.rotateOwn"))),
    field({ label: t("keys.overlap"), pointer: "/overlap_hours" }, hours),
  ], `/v1/api_keys/${key.id}/rotate`, () => ({ overlap_hours: Number(hours.value) }));
}

/** End a key at once, after a question. Gives whether it was ended. */
export async function revoke(key) {
  const sure = await confirmed({ title: t("keys.revokeTitle", { name: key.name }), text: t("keys.revokeText"), yes: t("keys.revokeYes") });
  if (!sure) return false;
  await remove(`/v1/api_keys/${key.id}`);
  announce(t("keys.revoked", { name: key.name }));
  return true;
}

/** A form that orders a key, and the key that came of it. */
async function ordered(title, submit, fields, path, body) {
  let made = null;
  await shown(title, (close) => form({ fields, submit, cancel: close, async send() {
    made = await post(path, body(), { "Idempotency-Key": idempotencyKey() });
    close();
  } }));
  if (made) await showSecret(t("keys.madeTitle", { name: made.name }), made.key, t("keys.madeHint"));
  return Boolean(made);
}
