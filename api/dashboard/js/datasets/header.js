/** Which dataset this is, how the chosen version stands, and what can be done with it. */

import { h, fill, redraw } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { patch, remove, search } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { copyButton } from "../ui/copy.js";
import { confirmed, shown } from "../ui/dialog.js";
import { field, form, text } from "../ui/form.js";
import { icon } from "../ui/icons.js";
import { problemNotice } from "../ui/notice.js";
import { badge } from "../ui/status.js";
import { go } from "../router.js";
import { shapeOf, total } from "./shape.js";

/** @param changed called when the dataset was changed; @returns {element, update, fail}: `fail(problem)` says what went wrong */
export function header(state, changed) {
  const name = h("h1", {}, state.dataset.name);
  const [status, said, actions, trouble] = [h("span"), h("div"), h("div", { class: "actions" }), h("div")];
  const element = h("header", { class: "jobhead" },
    h("p", { class: "crumbs note" }, h("a", { href: "/datasets" }, t("nav.datasets")), " / ", h("span", { class: "mono" }, state.id), copyButton(() => state.id, t("copy.id"), "button small plain tiny", false)),
    h("div", { class: "titleline" }, name, status, actions), said, trouble);
  const fail = (problem) => redraw(trouble, [problem.message, Date.now()], () => problemNotice(problem));

  async function forget() {
    const { dataset } = state;
    if (!(await confirmed({ title: t("dataset.delete.title", { name: dataset.name }), text: t("dataset.delete.text"), yes: t("dataset.delete.yes") }))) return undefined;
    try {
      await remove(`/v1/datasets/${dataset.id}`, seen(dataset));
    } catch (problem) {
      changed();
      return fail(problem);
    }
    announce(t("dataset.delete.done", { name: dataset.name }));
    return go("/datasets");
  }

  function buttons() {
    const { dataset, version } = state;
    if (!may("jobs:write")) return [];
    const other = version.number === dataset.latest ? null : version.number;
    return [
      version.status === "ready" && h("a", { class: "button primary", href: `/new${search({ dataset: dataset.id, version: other })}` }, icon("job"), t("datasets.use")),
      h("a", { class: "button", href: `/datasets/${dataset.id}${search({ new: 1, version: other })}` }, icon("plus"), t("dataset.newVersion")),
      h("button", { class: "button", type: "button", on: { click: () => edit(state.dataset, changed) } }, icon("edit"), t("dataset.edit")),
      h("button", { class: "button danger", type: "button", on: { click: forget } }, t("dataset.delete.do")),
    ];
  }

  function update() {
    const { dataset, version } = state;
    if (name.textContent !== dataset.name) fill(name, dataset.name);
    redraw(status, version.status, () => badge(version.status, "large"));
    redraw(said, [dataset.description, dataset.licence, version.number, version.status], () => [
      h("p", { class: "muted" }, subject(state)), dataset.description && h("p", { class: "description" }, dataset.description)]);
    redraw(actions, [version.status, version.number, dataset.latest], buttons);
  }

  return { element, update, fail };
}

/** `Version 2 · Classification · colour pictures, 32 × 32 pixels · 160 examples · licence MIT`. */
function subject({ dataset, version }) {
  const { card, number } = version;
  const examples = card && total(Object.fromEntries(Object.entries(card.splits).map(([split, part]) => [split, part.count])));
  return [t("dataset.version", { number }), card && t(`task.${card.task}`), card && shapeOf(card.input),
    card && t("dataset.examples", { n: examples, number: whole(examples) }), dataset.licence ? t("dataset.licenceIs", { licence: dataset.licence }) : t("dataset.noLicence")].filter(Boolean).join(" · ");
}

/** Only what was read is changed or deleted: another change in between is refused. */
const seen = (dataset) => ({ "If-Match": `"${dataset.version}"` });

/** Another name, description or licence. */
function edit(dataset, changed) {
  const [name, licence] = [text(dataset.name, { maxlength: 200 }), text(dataset.licence, { maxlength: 200 })];
  const description = h("textarea", { maxlength: 4000, rows: 4 }, dataset.description);
  return shown(t("dataset.editTitle"), (close) => {
    const send = async () => {
      await patch(`/v1/datasets/${dataset.id}`, { name: name.value.trim(), description: description.value.trim(), licence: licence.value.trim() || null }, seen(dataset));
      announce(t("dataset.saved"));
      changed();
      close();
    };
    const fields = [field({ label: t("dataset.name"), pointer: "/name" }, name), field({ label: t("dataset.description"), pointer: "/description", optional: true }, description),
      field({ label: t("dataset.licence"), pointer: "/licence", optional: true }, licence)];
    return form({ fields, submit: t("dataset.save"), send, cancel: close });
  });
}
