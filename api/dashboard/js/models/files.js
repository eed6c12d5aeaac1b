/** The files of a version, each with its size and its sha256. */

import { h, redraw } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { digest } from "./versions.js";
import { scroller } from "../ui/scroll.js";

export function files(state) {
  const body = h("div");
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("model.files"))), body);
  const update = () => {
    element.hidden = !state.files.length;
    redraw(body, state.files, () => table(state.files));
  };
  return { element, update };
}

function table(found) {
  const head = (name) => h("th", { scope: "col", class: name === "size" && "number" }, t(`model.column.${name}`));
  return scroller(h("table", { class: "figures packed" },
    h("thead", {}, h("tr", {}, ["file", "role", "size", "sha256"].map(head))),
    h("tbody", {}, found.map(row))));
}

function row(file) {
  return h("tr", {},
    h("th", { scope: "row" }, h("a", { class: "fetch", href: file.url, download: file.path.split("/").pop() }, icon("download"), file.path)),
    h("td", { class: "note" }, t(`model.role.${file.role}`)),
    h("td", { class: "number" }, bytes(file.bytes)),
    h("td", {}, digest(file.sha256, t("model.shaOf", { name: file.path }))));
}
