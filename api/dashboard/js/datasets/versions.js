/** The versions of a dataset, of which one is shown. */

import { h, redraw } from "../lib/dom.js";
import { NONE, age, bytes, moment, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { remove } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { confirmed } from "../ui/dialog.js";
import { problemNotice } from "../ui/notice.js";
import { badge } from "../ui/status.js";
import { table } from "../ui/table.js";
import { go } from "../router.js";
import { digest } from "./files.js";

/** @param changed called when a version was deleted */
export function versions(state, changed) {
  const trouble = h("div");
  const rows = table({ label: t("dataset.versions"), columns: columns(state, forget), id: (version) => version.number, kind: "datasets" });
  const element = h("section", { class: "stack" }, h("h2", {}, t("dataset.versions")), trouble, rows.element);

  async function forget({ number }) {
    const words = { number, name: state.dataset.name };
    if (!(await confirmed({ title: t("dataset.deleteVersion.title", words), text: t("dataset.deleteVersion.text"), yes: t("dataset.deleteVersion.yes") }))) return undefined;
    try {
      await remove(`/v1/datasets/${state.id}/versions/${number}`);
    } catch (problem) {
      return redraw(trouble, [problem.message, Date.now()], () => problemNotice(problem));
    }
    announce(t("dataset.deleteVersion.done", words));
    return number === state.version.number ? go(`/datasets/${state.id}`) : changed();
  }

  const update = () => {
    element.hidden = state.versions.length < 2;
    rows.update(state.versions);
  };
  return { element, update };
}

function columns(state, forget) {
  const here = ({ number }) => number === state.version.number;
  const cells = {
    name: (one) => [[here(one), state.dataset.latest], () => [h("a", { href: `/datasets/${state.id}?version=${one.number}`, "aria-current": here(one) && "true" }, t("dataset.version", { number: one.number })),
      h("p", { class: "note" }, [here(one) && t("dataset.shown"), one.number === state.dataset.latest && t("dataset.taken")].filter(Boolean).join(" · "))]],
    status: (one) => [one.status, () => badge(one.status)],
    source: (one) => [one.source, () => sourceOf(one)],
    size: (one) => [one.bytes, () => bytes(one.bytes)],
    sha256: (one) => [one.sha256, () => one.sha256 && digest(one.sha256, t("dataset.shaOf", { name: t("dataset.version", { number: one.number }) }))],
    created: (one) => [age(since(one.created_at)), () => h("time", { datetime: one.created_at, title: moment(one.created_at) }, t("age.ago", { age: age(since(one.created_at)) }))],
    act: (one) => [state.versions.length > 1, () => may("jobs:write") && state.versions.length > 1 && h("button", { class: "button small danger", type: "button",
      "aria-label": t("dataset.deleteVersion.of", { number: one.number }), on: { click: () => forget(one) } }, t("dataset.delete.do"))],
  };
  return Object.entries(cells).map(([name, cell]) => ({ name, cell, title: t(`dataset.column.${name}`), number: name === "size", silent: name === "act" }));
}

/** Where a version came from: the files that were sent, or the place that was imported. */
export function sourceOf({ source }) {
  return source.uploads?.map((upload) => upload.name).join(", ") ?? source.import ?? NONE;
}
