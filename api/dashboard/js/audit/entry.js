/** One change as a row: when, who, what, and to what, with a way there. */

import { h } from "../lib/dom.js";
import { age, moment, since } from "../lib/format.js";
import { has, t } from "../lib/text.js";

/** Every action that the service notes. */
export const ACTIONS = [
  "job.create", "job.retry", "job.clone", "job.continue", "job.change", "job.pause", "job.resume", "job.cancel", "job.delete",
  "dataset.create", "dataset.version", "dataset.change", "dataset.delete", "dataset.delete_version",
  "model.create", "model.version", "model.alias", "model.change", "model.delete", "model.delete_version", "model.delete_alias",
  "upload.create", "upload.complete", "upload.delete", "api_key.create", "api_key.rotate", "api_key.revoke",
  "webhook_endpoint.create", "webhook_endpoint.change", "webhook_endpoint.rotate", "webhook_endpoint.redeliver", "webhook_endpoint.delete",
  "project.create", "project.change",
];

/** Beginning of an id -> the address of what has it. */
const PLACES = {
  job: (id) => `/jobs/${id}`, ds: (id) => `/datasets/${id}`, mdl: (id) => `/models/${id}`,
  whk: (id) => `/webhooks?endpoint=${id}`, key: () => "/keys", prj: () => "/workers",
};

/** The columns of the log. */
export const columns = () => [
  { name: "name", title: t("audit.what"), cell: (entry) => [entry.id, () => [wordsOf(entry.action), h("p", { class: "note mono" }, entry.action)]] },
  { name: "target", title: t("audit.target"), cell: (entry) => [entry.id, () => targetOf(entry)] },
  { name: "by", title: t("audit.key"), cell: (entry) => [entry.id, () => entry.key_name ?? h("span", { class: "muted" }, t("audit.nobody"))] },
  { name: "when", title: t("audit.when"), cell: (entry) => [agoOf(entry), () => [moment(entry.created_at), h("p", { class: "note" }, agoOf(entry))]] },
  { name: "details", silent: true, title: t("audit.details"), cell: (entry) => [entry.id, () => detailsOf(entry)] },
];

const agoOf = (entry) => t("age.ago", { age: age(since(entry.created_at)) });
const wordsOf = (action) => (has(`audit.action.${action}`) ? t(`audit.action.${action}`) : action);

function targetOf({ target, details }) {
  const place = PLACES[target.split("_")[0]];
  const name = typeof details.name === "string" && details.name;
  return [name && h("span", { class: "of" }, name), place ? h("a", { class: "mono", href: place(target) }, target) : h("span", { class: "mono" }, target)];
}

function detailsOf({ details, request_id: request }) {
  const told = Object.keys(details).length > 0;
  if (!told && !request) return null;
  return h("details", {}, h("summary", {}, t("audit.show")),
    told && h("pre", { class: "code" }, JSON.stringify(details, null, 2)),
    request && h("p", { class: "note" }, t("problem.request", { id: request })));
}
