/** What a version consists of: each file with its size and its sha256. */

import { h, redraw } from "../lib/dom.js";
import { bytes, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { copyButton } from "../ui/copy.js";

export function files(state) {
  const body = h("div");
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("dataset.files"))), body);
  const update = () => {
    element.hidden = !state.files.length;
    redraw(body, state.files, () => table(state.files));
  };
  return { element, update };
}

function table(all) {
  const [previews, shown] = [all.filter(({ role }) => role === "preview"), all.filter(({ role }) => role !== "preview")];
  const head = (name) => h("th", { scope: "col", class: name === "size" && "number" }, t(`dataset.file.${name}`));
  return [h("div", { class: "scroll tall", tabindex: 0 }, h("table", { class: "figures small files" }, h("thead", {}, h("tr", {}, ["path", "size", "sha256"].map(head))), h("tbody", {}, shown.map(row)))),
    previews.length > 0 && h("p", { class: "note" }, t("dataset.previews", { n: previews.length, number: whole(previews.length), size: bytes(previews.reduce((sum, file) => sum + file.bytes, 0)) }))];
}

function row(file) {
  return h("tr", {}, h("th", { scope: "row" }, h("a", { href: file.url, download: file.path.split("/").join("-") }, file.path)),
    h("td", { class: "number" }, bytes(file.bytes)), h("td", {}, digest(file.sha256, t("dataset.shaOf", { name: file.path }))));
}

/** A digest with a button that copies it. */
export function digest(sha256, words) {
  return h("div", { class: "digest" }, h("code", { title: sha256 }, sha256), copyButton(() => sha256, words, "button small plain tiny", false));
}
