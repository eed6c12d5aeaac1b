/** Every project with its quotas, for who operates the service; quotas are changed in a box. */

import { h } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { patch } from "../net/api.js";
import { session } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { shown } from "../ui/dialog.js";
import { field, form, text } from "../ui/form.js";
import { table } from "../ui/table.js";

const QUOTAS = ["concurrency", "jobs_in_flight", "month_hours"];

/** @returns {element, update}: `update(projects)` */
export function projectTable(acts) {
  const rows = table({ label: t("workers.projects"), columns: columns(acts), kind: "projects" });
  const none = () => h("div", { class: "start" }, h("p", { class: "muted" }, t("list.none")));
  return { element: rows.element, update: (projects) => rows.update(projects, none) };
}

const columns = (acts) => [
  { name: "name", title: t("workers.project"), cell: (one) => [one.name, () => [h("strong", {}, one.name), one.id === session().project_id && h("span", { class: "label" }, t("workers.own")), h("p", { class: "note mono" }, one.id)]] },
  { name: "running", title: t("workers.running"), number: true, cell: (one) => [one.running, () => whole(one.running)] },
  ...QUOTAS.map((name) => ({ name: "quota", title: t(`workers.quota.${name}`), number: true, cell: (one) => [one[name], () => one[name] ?? h("span", { class: "muted" }, t("workers.noBound"))] })),
  { name: "act", silent: true, title: t("workers.acts"), cell: (one) => [one.version, () => h("div", { class: "acts" },
    acts.button(t("workers.change"), () => change(one), "small", t("workers.changeOf", { name: one.name })))] },
];

/** Ask for other quotas; an empty field bounds nothing. Gives whether something was changed. */
async function change(project) {
  const inputs = Object.fromEntries(QUOTAS.map((name) => [name, text(project[name], { inputmode: "decimal" })]));
  const fields = [h("p", { class: "muted" }, t("workers.changeText")),
    QUOTAS.map((name) => field({ label: t(`workers.quota.${name}`), hint: t(`workers.hint.${name}`), pointer: `/${name}`, optional: true }, inputs[name]))];
  let changed = false;
  await shown(t("workers.changeOf", { name: project.name }), (close) => form({ fields, submit: t("workers.save"), cancel: close, async send() {
    await patch(`/v1/projects/${project.id}`, Object.fromEntries(QUOTAS.map((name) => [name, numberOf(inputs[name].value)])), { "If-Match": `"${project.version}"` });
    changed = true;
    announce(t("workers.changed", { name: project.name }));
    close();
  } }));
  return changed;
}

/** A number where it is one; anything else goes to the service, which says what is wrong with it. */
function numberOf(typed) {
  const value = typed.trim();
  return value === "" ? null : Number.isFinite(Number(value)) ? Number(value) : value;
}
