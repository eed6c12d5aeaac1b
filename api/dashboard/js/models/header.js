/** Which model this is, how it stands, and what can be done with it. */

import { h, fill, redraw } from "../lib/dom.js";
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

/** @param changed called when the model was changed; @returns {element, update, fail}: `fail(problem)` says what went wrong */
export function header(state, changed) {
  const name = h("h1", {}, state.model.name);
  const [status, said, actions, trouble] = [h("span"), h("div"), h("div", { class: "actions" }), h("div")];
  const element = h("header", { class: "jobhead" },
    h("p", { class: "crumbs note" }, h("a", { href: "/models" }, t("nav.models")), " / ", h("span", { class: "mono" }, state.id),
      copyButton(() => state.id, t("copy.id"), "button small plain tiny", false)),
    h("div", { class: "titleline" }, name, status, actions), said, trouble);
  const fail = (problem) => redraw(trouble, [problem.message, Date.now()], () => problemNotice(problem));

  async function forget() {
    const { model } = state;
    if (!(await confirmed({ title: t("model.delete.title", { name: model.name }), text: t("model.delete.text"), yes: t("model.delete.yes") }))) return undefined;
    try {
      await remove(`/v1/models/${model.id}`, seen(model));
    } catch (problem) {
      changed();
      return fail(problem);
    }
    announce(t("model.delete.done", { name: model.name }));
    return go("/models");
  }

  function buttons() {
    const { model, version } = state;
    if (!may("jobs:write")) return [];
    const lesson = search({ teacher: model.id, version: version.number === model.latest ? null : version.number });
    return [
      version.status === "ready" && h("a", { class: "button primary", href: `/new${lesson}` }, icon("job"), t("model.teach")),
      h("a", { class: "button", href: `/models/${model.id}?new=1` }, icon("plus"), t("model.newVersion")),
      h("button", { class: "button", type: "button", on: { click: () => edit(state.model, changed) } }, icon("edit"), t("model.edit")),
      h("button", { class: "button danger", type: "button", on: { click: forget } }, t("model.delete.do")),
    ];
  }

  function update() {
    const { model, version } = state;
    if (name.textContent !== model.name) fill(name, model.name);
    redraw(status, version.status, () => badge(version.status, "large"));
    redraw(said, [model.description, model.licence], () => [
      model.description && h("p", { class: "description" }, model.description),
      h("p", { class: "note" }, model.licence ? t("model.licence", { licence: model.licence }) : t("model.noLicence"))]);
    redraw(actions, [version.status, version.number === model.latest], buttons);
  }

  return { element, update, fail };
}

/** Only what was read is changed or deleted: another change in between is refused. */
const seen = (model) => ({ "If-Match": `"${model.version}"` });

/** Another name, description or licence. */
function edit(model, changed) {
  const [name, licence] = [text(model.name, { maxlength: 200 }), text(model.licence, { maxlength: 200 })];
  const description = h("textarea", { maxlength: 4000, rows: 4 }, model.description);
  return shown(t("model.editTitle"), (close) => {
    const send = async () => {
      await patch(`/v1/models/${model.id}`, { name: name.value.trim(), description: description.value.trim(), licence: licence.value.trim() || null }, seen(model));
      announce(t("model.saved"));
      changed();
      close();
    };
    const fields = [
      field({ label: t("model.field.name"), pointer: "/name" }, name),
      field({ label: t("model.field.description"), pointer: "/description", optional: true }, description),
      field({ label: t("model.field.licence"), pointer: "/licence", optional: true }, licence)];
    return form({ fields, submit: t("model.save"), send, cancel: close });
  });
}
