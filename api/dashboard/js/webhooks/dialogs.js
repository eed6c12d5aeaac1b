/** An endpoint is made, changed and ended: each asks what it has to know; a new secret is shown once. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { idempotencyKey, patch, post, remove } from "../net/api.js";
import { announce } from "../ui/announce.js";
import { choices } from "../ui/choices.js";
import { confirmed, shown } from "../ui/dialog.js";
import { field, form, text } from "../ui/form.js";
import { showSecret } from "../ui/secret.js";
import { EVENTS } from "./events.js";

const at = (endpoint, act = "") => `/v1/webhook_endpoints/${endpoint.id}${act}`;

/** Only if nobody has changed it since it was read. */
const unchanged = (endpoint) => ({ "If-Match": `"${endpoint.version}"` });

/** Make an endpoint and show its secret. Gives it, or null. */
export async function create() {
  const made = await asked(t("webhooks.create"), t("webhooks.make"), null, (body) =>
    post("/v1/webhook_endpoints", body, { "Idempotency-Key": idempotencyKey() }));
  if (made) await reveal(made);
  return made;
}

/** Change name, address or events. Gives whether something was changed. */
export async function edit(endpoint) {
  return Boolean(await asked(t("webhooks.editTitle", { name: endpoint.name }), t("webhooks.save"), endpoint, (body) => patch(at(endpoint), body, unchanged(endpoint))));
}

/** Hold messages back, or send again. */
export async function turn(endpoint, enabled) {
  const off = { title: t("webhooks.offTitle", { name: endpoint.name }), text: t("webhooks.offText"), yes: t("webhooks.turnOff") };
  if (!enabled && !(await confirmed(off))) return false;
  await patch(at(endpoint), { enabled }, unchanged(endpoint));
  announce(t(enabled ? "webhooks.on" : "webhooks.off"));
  return true;
}

/** Give the endpoint another secret and show it. */
export async function rotate(endpoint) {
  const words = { title: t("webhooks.rotateTitle", { name: endpoint.name }), text: t("webhooks.rotateText"), yes: t("webhooks.rotate") };
  if (!(await confirmed(words))) return false;
  await reveal(await post(at(endpoint, "/rotate")));
  return true;
}

/** Send a message that tells nothing. */
export async function test(endpoint) {
  await post(at(endpoint, "/test"));
  announce(t("webhooks.testSent"));
  return true;
}

/** Send a message once more. */
export async function redeliver(endpoint, delivery) {
  await post(at(endpoint, `/deliveries/${delivery.id}/redeliver`));
  announce(t("webhooks.sentAgain"));
  return true;
}

/** Delete the endpoint with its messages, after a question. Gives whether it was. */
export async function destroy(endpoint) {
  const words = { title: t("webhooks.deleteTitle", { name: endpoint.name }), text: t("webhooks.deleteText"), yes: t("webhooks.deleteYes") };
  if (!(await confirmed(words))) return false;
  await remove(at(endpoint));
  return true;
}

const reveal = (endpoint) => showSecret(t("webhooks.secretTitle", { name: endpoint.name }), endpoint.secret, t("webhooks.secretHint"));

/** The form of an endpoint; gives what `send` made of it, or null when it was closed. */
async function asked(title, submit, endpoint, send) {
  const name = text(endpoint?.name ?? "", { maxlength: 120 });
  const url = text(endpoint?.url ?? "", { type: "url", placeholder: "https://" });
  const events = choices({ label: t("webhooks.events"), pointer: "/events" }, EVENTS.map((event) => [event, t(`webhooks.event.${event}`)]), endpoint?.events ?? EVENTS);
  const fields = [
    field({ label: t("webhooks.url"), hint: t("webhooks.urlHint"), pointer: "/url" }, url),
    field({ label: t("webhooks.name"), hint: t("webhooks.nameHint"), pointer: "/name" }, name),
    events.element,
  ];
  let made = null;
  await shown(title, (close) => form({ fields, submit, cancel: close, async send() {
    made = await send({ url: url.value.trim(), name: name.value.trim(), events: events.values() });
    close();
  } }));
  return made;
}
