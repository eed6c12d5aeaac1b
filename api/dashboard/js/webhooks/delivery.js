/** One message: how it stands in a row, and in a box its tries and what it said. */

import { h } from "../lib/dom.js";
import { NONE, age, milliseconds, moment, roughly, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { copyButton } from "../ui/copy.js";
import { shown } from "../ui/dialog.js";
import { redeliver } from "./dialogs.js";
import { deliveryBadge, lastAnswer } from "./events.js";
import { scroller } from "../ui/scroll.js";

/** The columns of the table of messages; `endpoint()` gives the present state of theirs. */
export const columns = (endpoint, acts) => [
  { name: "name", title: t("webhooks.message"), cell: (one) => [one.type, () => typed(one)] },
  { name: "state", title: t("webhooks.state"), cell: (one) => [[one.status, nextOf(one)], () => [deliveryBadge(one), nextOf(one) && h("p", { class: "note" }, nextOf(one))]] },
  { name: "answer", title: t("webhooks.answer"), cell: (one) => [lastAnswer(one), () => h("span", { class: "mono" }, lastAnswer(one) ?? NONE)] },
  { name: "tries", title: t("webhooks.tries"), number: true, cell: (one) => [one.tries.length, () => one.tries.length] },
  { name: "when", title: t("webhooks.when"), cell: (one) => [agoOf(one), () => h("time", { datetime: one.created_at, title: moment(one.created_at) }, agoOf(one))] },
  { name: "act", silent: true, title: t("webhooks.acts"), cell: (one) => [[one.status, endpoint().enabled, one.tries.length], () => offered(one, endpoint, acts)] },
];

const agoOf = (one) => t("age.ago", { age: age(since(one.created_at)) });

function nextOf(one) {
  if (one.status !== "pending" || !one.tries.length || !one.next_at) return null;
  return t("webhooks.next", { time: roughly(Math.max(0, -since(one.next_at))) });
}

/** What it tells, and of which job. */
function typed({ type, payload: { data } }) {
  return [h("code", {}, type), data.object === "job" && h("p", { class: "note" }, h("a", { href: `/jobs/${data.id}` }, data.name))];
}

function offered(one, endpoint, acts) {
  const waits = one.status === "pending";
  return h("div", { class: "acts" },
    acts.button(t("webhooks.details"), () => inspect(one), "small"),
    endpoint().enabled && (!waits || one.tries.length > 0) && acts.button(t(waits ? "webhooks.tryNow" : "webhooks.redeliver"), () => redeliver(endpoint(), one), "small"));
}

/** Everything about a message as it stands now. */
async function inspect(one) {
  const payload = JSON.stringify(one.payload, null, 2);
  await shown(one.type, (close) => [
    h("p", { class: "note" }, h("span", { class: "mono" }, one.id), copyButton(() => one.id, t("copy.id"), "button small plain tiny", false)),
    h("div", { class: "stack" },
      one.tries.length ? scroller(triesOf(one)) : h("p", { class: "muted" }, t("webhooks.untried")),
      h("h3", {}, t("webhooks.payload")),
      h("pre", { class: "code", tabindex: 0 }, payload)),
    h("div", { class: "row" }, copyButton(() => payload, t("webhooks.copyPayload"), "button"),
      h("button", { class: "button primary", type: "button", on: { click: close } }, t("webhooks.close"))),
  ]);
  return false;
}

function triesOf({ tries }) {
  const head = [t("webhooks.try"), t("webhooks.when"), t("webhooks.answer"), t("webhooks.took")];
  const row = (one, index) => h("tr", {}, h("th", { scope: "row" }, index + 1), h("td", { class: "nowrap" }, moment(one.at)),
    h("td", {}, one.status ?? one.error), h("td", { class: "number" }, milliseconds(one.ms)));
  return h("table", { class: "figures small" }, h("thead", {}, h("tr", {}, head.map((words, index) => h("th", { scope: "col", class: index === 3 && "number" }, words)))),
    h("tbody", {}, tries.map(row)));
}
