/** One endpoint: whether it hears, every message to it with its tries, and what can be done about both. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { get, search } from "../net/api.js";
import { Listing } from "../net/listing.js";
import { acting } from "../ui/acting.js";
import { announce } from "../ui/announce.js";
import { copyButton } from "../ui/copy.js";
import { select } from "../ui/form.js";
import { listPage } from "../ui/listpage.js";
import { load } from "../ui/load.js";
import { notice } from "../ui/notice.js";
import { table } from "../ui/table.js";
import { go, setQuery } from "../router.js";
import { columns } from "./delivery.js";
import { destroy, edit, rotate, test, turn } from "./dialogs.js";
import { switchBadge } from "./events.js";

const WAITING_SECONDS = 2;
const QUIET_SECONDS = 8;
const STATUSES = ["", "pending", "delivered", "failed"];

export function endpointPage(main, id) {
  const left = new AbortController();
  let page = null;
  const lost = { heading: t("webhooks.lost"), text: t("webhooks.lostText"), back: ["/webhooks", t("webhooks.all")] };
  load(main, (signal) => get(`/v1/webhook_endpoints/${id}`, { signal }), left.signal, lost).then((endpoint) => {
    if (endpoint) page = messages(main, endpoint);
  });
  return () => {
    left.abort();
    page?.leave();
  };
}

/** The page once the endpoint is known. */
function messages(main, first) {
  let endpoint = first;
  const head = h("div", { class: "endpoint" });
  const acts = acting(() => page.now());
  const buttons = h("div", { class: "acts" });
  const off = h("div", { class: "stack" });
  const status = select(STATUSES.map((one) => [one, t(`webhooks.filter.${one || "all"}`)]), statusOf());
  const rows = table({ label: t("webhooks.messages"), columns: columns(() => endpoint, acts), kind: "deliveries" });
  let list = listing();

  status.addEventListener("change", () => {
    setQuery(search({ endpoint: endpoint.id, status: status.value }));
    list = listing();
    page.now();
  });

  function listing() {
    return new Listing(`/v1/webhook_endpoints/${endpoint.id}/deliveries`, { status: statusOf() });
  }

  async function reread(signal) {
    endpoint = await get(`/v1/webhook_endpoints/${endpoint.id}`, { signal });
    show();
  }

  function show() {
    redraw(head, [endpoint.enabled, endpoint.url, endpoint.events], () => about(endpoint));
    redraw(buttons, endpoint.enabled, () => offered(() => endpoint, acts));
    redraw(off, endpoint.disabled_reason, () => !endpoint.enabled && notice("warn", h("p", {}, t("webhooks.isOff", { reason: endpoint.disabled_reason }))));
    const heading = main.querySelector("h1");
    if (heading && heading.textContent !== endpoint.name) heading.textContent = endpoint.name;
  }

  const seconds = (found) => (found.some((one) => one.status === "pending") ? WAITING_SECONDS : QUIET_SECONDS);
  const bar = h("div", { class: "between" }, h("h2", {}, t("webhooks.messages")), h("label", {}, h("span", { class: "hidden" }, t("webhooks.filter")), status));
  const page = listPage(main, { title: endpoint.name, actions: buttons, listing: () => list, table: rows, seconds, also: reread,
    above: [head, h("div", { class: "stack" }, off, acts.trouble), bar],
    empty: () => h("div", { class: "start" }, h("p", { class: "muted" }, t(statusOf() ? "webhooks.noMatch" : "webhooks.noMessages"))) });
  main.prepend(h("p", { class: "crumbs note" }, h("a", { href: "/webhooks" }, t("webhooks.title")), " / ", h("span", { class: "mono" }, endpoint.id),
    copyButton(() => endpoint.id, t("copy.id"), "button small plain tiny", false)));
  show();
  main.querySelector("h1").focus({ preventScroll: true });
  return page;
}

function statusOf() {
  const asked = new URLSearchParams(location.search).get("status");
  return STATUSES.includes(asked) ? asked : "";
}

const about = (endpoint) => [
  switchBadge(endpoint), h("span", { class: "mono url" }, endpoint.url),
  h("span", {}, endpoint.events.map((event) => h("span", { class: "label" }, t(`webhooks.event.${event}`)))),
];

/** A test is offered where it would be sent. */
function offered(endpoint, acts) {
  const { enabled } = endpoint();
  const gone = async () => {
    if (await destroy(endpoint())) {
      announce(t("webhooks.deleted", { name: endpoint().name }));
      go("/webhooks");
    }
    return false;
  };
  return [
    enabled && acts.button(t("webhooks.test"), () => test(endpoint()), "primary"),
    acts.button(t("webhooks.edit"), () => edit(endpoint())),
    acts.button(t(enabled ? "webhooks.turnOff" : "webhooks.turnOn"), () => turn(endpoint(), !enabled), enabled ? "" : "primary"),
    acts.button(t("webhooks.rotate"), () => rotate(endpoint())),
    acts.button(t("webhooks.delete"), gone, "danger"),
  ];
}
