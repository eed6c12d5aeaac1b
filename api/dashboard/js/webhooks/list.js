/** The endpoints of the project, each with what became of its last messages. */

import { h } from "../lib/dom.js";
import { age, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { get } from "../net/api.js";
import { Listing } from "../net/listing.js";
import { acting } from "../ui/acting.js";
import { listPage } from "../ui/listpage.js";
import { table } from "../ui/table.js";
import { go } from "../router.js";
import { create } from "./dialogs.js";
import { deliveryBadge, lastAnswer, switchBadge } from "./events.js";

/** The endpoints; a project has twenty at most. */
class Endpoints extends Listing {
  /** With the last message of each. */
  async refresh(signal) {
    await super.refresh(signal);
    const last = (endpoint) => get(`/v1/webhook_endpoints/${endpoint.id}/deliveries`, { signal, query: { limit: 1 } });
    this.items = await Promise.all(this.items.map(async (endpoint) => ({ ...endpoint, last: (await last(endpoint)).data[0] ?? null })));
  }
}

export function endpointList(main) {
  const acts = acting(() => page.now());
  const add = acts.button(t("webhooks.create"), made, "primary");
  const rows = table({ label: t("webhooks.title"), columns: columns(), kind: "webhooks" });
  const page = listPage(main, { title: t("webhooks.title"), lead: t("webhooks.lead"), actions: [add], table: rows, above: acts.trouble,
    listing: new Endpoints("/v1/webhook_endpoints"), empty: none });
  return page.leave;
}

/** A new endpoint is opened, because it wants to be tried. */
async function made() {
  const endpoint = await create();
  if (endpoint) go(addressOf(endpoint));
  return false;
}

export const addressOf = (endpoint) => `/webhooks?endpoint=${encodeURIComponent(endpoint.id)}`;

const none = () => h("div", { class: "start" }, h("h2", {}, t("webhooks.none")), h("p", { class: "muted" }, t("webhooks.noneHint")));

const columns = () => [
  { name: "name", title: t("webhooks.name"), cell: (one) => [[one.name, one.url], () => [h("a", { href: addressOf(one) }, one.name), h("p", { class: "note url" }, one.url)]] },
  { name: "events", title: t("webhooks.events"), cell: (one) => [one.events, () => one.events.map((event) => h("span", { class: "label" }, t(`webhooks.event.${event}`)))] },
  { name: "state", title: t("webhooks.state"), cell: (one) => [[one.enabled, one.disabled_reason], () => [switchBadge(one), one.disabled_reason && h("p", { class: "note" }, one.disabled_reason)]] },
  { name: "last", title: t("webhooks.last"), cell: (one) => lastOf(one.last) },
];

function lastOf(delivery) {
  if (!delivery) return [null, () => h("span", { class: "muted" }, t("webhooks.noMessage"))];
  const words = [lastAnswer(delivery), t("age.ago", { age: age(since(delivery.created_at)) })].filter(Boolean).join(" · ");
  return [[delivery.status, words], () => [deliveryBadge(delivery), h("p", { class: "note" }, words)]];
}
