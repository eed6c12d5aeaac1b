/** The versions of a model, and the names that point at them. */

import { h, redraw } from "../lib/dom.js";
import { NONE, age, bytes, moment, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { put, remove } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { copyButton } from "../ui/copy.js";
import { confirmed, shown } from "../ui/dialog.js";
import { field, form, text } from "../ui/form.js";
import { icon } from "../ui/icons.js";
import { problemNotice } from "../ui/notice.js";
import { badge } from "../ui/status.js";
import { table } from "../ui/table.js";

/** @param changed called when an alias or a version has changed */
export function versions(state, changed) {
  const trouble = h("div");
  const fail = (problem) => redraw(trouble, [problem?.message, Date.now()], () => problem && problemNotice(problem));
  const does = (ask, said) => async () => {
    fail(null);
    await ask().then(() => said && announce(said), fail);
    changed();
  };
  const rows = table({ label: t("model.versions"), columns: columns(state, does, changed), id: (version) => version.number, kind: "shelf" });
  const element = h("section", { class: "stack" }, h("h2", {}, t("model.versions")), trouble, rows.element);
  return { element, update: () => rows.update(state.versions.map((version) => ({ ...version, aliases: named(state.model, version.number) }))) };
}

const named = (model, number) => Object.keys(model.aliases).filter((alias) => model.aliases[alias] === number);

function columns(state, does, changed) {
  const here = (version) => version.number === state.version.number;
  const cells = {
    name: (version) => [here(version), () => nameOf(state, version, here(version))],
    status: (version) => [version.status, () => badge(version.status)],
    source: (version) => [version.source, () => sourceOf(version)],
    size: (version) => [version.bytes, () => bytes(version.bytes)],
    sha256: (version) => [version.sha256, () => version.sha256 && digest(version.sha256, t("model.shaOf", { name: t("model.version", { number: version.number }) }))],
    created: (version) => [ageOf(version), () => h("time", { datetime: version.created_at, title: moment(version.created_at) }, ageOf(version))],
    aliases: (version) => [[version.aliases, version.status], () => aliases(state, version, does, changed)],
    act: (version) => [[state.versions.length > 1], () => forget(state, version, does)],
  };
  const silent = new Set(["act"]);
  return Object.entries(cells).map(([name, cell]) => ({ name, cell, title: t(`model.column.${name}`), number: name === "size", silent: silent.has(name) }));
}

const ageOf = (version) => t("age.ago", { age: age(since(version.created_at)) });

function nameOf({ id }, { number }, here) {
  const link = h("a", { href: `/models/${id}?version=${number}`, "aria-current": here && "true" }, t("model.version", { number }));
  return [link, here && h("p", { class: "note" }, t("model.shown"))];
}

/** A digest with a button that copies it. */
export function digest(sha256, words) {
  return h("div", { class: "digest" }, h("code", { title: sha256 }, sha256), copyButton(() => sha256, words, "button small plain tiny", false));
}

function sourceOf({ source }) {
  if (source.job) return h("a", { href: `/jobs/${source.job}` }, t("model.source.job"));
  return source.uploads?.map((upload) => upload.name).join(", ") ?? source.import ?? NONE;
}

function aliases(state, version, does, changed) {
  const path = (alias) => `/v1/models/${state.id}/aliases/${alias}`;
  const button = (kind, words, click, face) => h("button", { class: kind, type: "button", "aria-label": words, title: words, on: { click } }, face);
  const forget = (alias) => does(() => remove(path(alias)), t("model.alias.removed", { alias }));
  const label = (alias) => h("span", { class: "label alias" }, alias,
    may("jobs:write") && button("bare", t("model.alias.removeOf", { alias }), forget(alias), icon("cross")));
  const offered = may("jobs:write") && version.status === "ready";
  return h("div", { class: "named" }, version.aliases.map(label),
    offered && button("button small", t("model.alias.setOf", { number: version.number }), () => setAlias(state, version, changed), t("model.alias.set")));
}

function setAlias(state, version, changed) {
  const known = h("datalist", { id: "aliases" }, Object.keys(state.model.aliases).map((alias) => h("option", { value: alias })));
  const alias = text("", { list: known.id, placeholder: "champion", maxlength: 40 });
  return shown(t("model.alias.title", { number: version.number }), (close) => {
    const send = async () => {
      await put(`/v1/models/${state.id}/aliases/${encodeURIComponent(alias.value.trim())}`, { version: version.number }).catch(atField);
      announce(t("model.alias.done", { alias: alias.value.trim(), number: version.number }));
      changed();
      close();
    };
    const fields = [field({ label: t("model.alias.name"), hint: t("model.alias.hint"), pointer: "/alias" }, alias), known];
    return form({ fields, submit: t("model.alias.set"), send, cancel: close });
  });
}

/** The alias stands in the path: what is wrong with it is said of a parameter, and shown at its field all the same. */
function atField(problem) {
  problem.errors = problem.errors.map((fault) => (fault.parameter ? { ...fault, pointer: `/${fault.parameter}` } : fault));
  throw problem;
}

/** The only version goes with its model. */
function forget(state, version, does) {
  if (!may("jobs:write") || state.versions.length < 2) return null;
  const words = { number: version.number, name: state.model.name };
  const question = { title: t("model.deleteVersion.title", words), text: t("model.deleteVersion.text"), yes: t("model.deleteVersion.yes") };
  const go = does(() => remove(`/v1/models/${state.id}/versions/${version.number}`), t("model.deleteVersion.done", words));
  const ask = async () => (await confirmed(question)) && go();
  return h("button", { class: "button small danger", type: "button", "aria-label": t("model.deleteVersion.of", words), on: { click: ask } }, t("model.delete.do"));
}
