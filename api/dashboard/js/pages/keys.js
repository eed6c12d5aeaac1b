/** The keys of the project: who may do what, for how long, and when they were last used. */

import { h } from "../lib/dom.js";
import { age, date, moment, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { Listing } from "../net/listing.js";
import { may } from "../net/session.js";
import { create, revoke, rotate } from "../keys/dialogs.js";
import { hasEnded, isOwn, stateBadge, stateOf } from "../keys/state.js";
import { acting } from "../ui/acting.js";
import { listPage } from "../ui/listpage.js";
import { table } from "../ui/table.js";

export function enter(main) {
  const acts = acting(() => page.now());
  const rows = table({ label: t("keys.title"), columns: columns(acts), kind: "keys" });
  const add = acts.button(t("keys.create"), () => create(), "primary");
  const page = listPage(main, { title: t("keys.title"), lead: t("keys.lead"), actions: [add], listing: new Listing("/v1/api_keys"),
    table: rows, above: acts.trouble });
  return page.leave;
}

const columns = (acts) => [
  { name: "name", title: t("keys.name"), cell: (key) => [[key.name, isOwn(key)], () => named(key)] },
  { name: "scopes", title: t("keys.scopes"), cell: (key) => [key.scopes, () => key.scopes.map((scope) => h("span", { class: "label", title: t(`scope.${scope}`) }, scope))] },
  { name: "state", title: t("keys.state"), cell: (key) => [[stateOf(key), key.expires_at], () => stateBadge(key)] },
  { name: "when", title: t("keys.created"), cell: (key) => ago(key.created_at) },
  { name: "when", title: t("keys.expires"), cell: (key) => [key.expires_at, () => (key.expires_at ? day(key.expires_at) : t("keys.never"))] },
  { name: "when", title: t("keys.used"), cell: (key) => (key.last_used_at ? ago(key.last_used_at) : [null, () => t("keys.unused")]) },
  { name: "act", silent: true, title: t("keys.acts"), cell: (key) => [[stateOf(key), key.name], () => offered(key, acts)] },
];

function named(key) {
  return [h("strong", {}, key.name), isOwn(key) && h("span", { class: "label" }, t("keys.own")), h("p", { class: "note mono" }, `${key.hint}…`)];
}

/** What has ended cannot be changed; the key of this session cannot end itself, and nobody makes a key that may do more than theirs. */
function offered(key, acts) {
  if (hasEnded(key)) return null;
  const button = (words, act) => acts.button(words, act, "small", `${words}: ${key.name}`);
  return h("div", { class: "acts" },
    key.scopes.every((scope) => may(scope)) && button(t("keys.rotate"), () => rotate(key)),
    isOwn(key) ? null : button(t("keys.revoke"), () => revoke(key)));
}

function ago(time) {
  const text = t("age.ago", { age: age(since(time)) });
  return [text, () => h("time", { datetime: time, title: moment(time) }, text)];
}

const day = (time) => h("time", { datetime: time, title: moment(time) }, date(time));
