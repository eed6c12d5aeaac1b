/** What the job delivers: each file with its size and its sha256, and all of them as one bundle. */

import { h, redraw } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { t } from "../lib/text.js";
import { copyButton } from "../ui/copy.js";
import { icon } from "../ui/icons.js";
import { scroller } from "../ui/scroll.js";
import { isFinal } from "../ui/status.js";
import { kindOf } from "./formats.js";

const FIRST = ["student.safetensors", "student.onnx", "student.int8.onnx", "report.html", "result.json"];
const rank = ({ name }) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);

export function artifacts(state) {
  const bundle = h("div");
  const body = h("div");
  const element = h("section", { class: "panel artifacts" }, h("header", {}, h("h3", {}, t("files.title")), bundle), body);
  const update = () => {
    const { job } = state;
    const files = state.artifacts.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
    redraw(bundle, job.urls.bundle, () => job.urls.bundle && [
      h("a", { class: "button small", href: job.urls.report, target: "_blank", rel: "noopener" }, t("files.report")),
      h("a", { class: "button small primary", href: job.urls.bundle, download: `${job.id}.zip` }, icon("download"), t("files.bundle"))]);
    redraw(body, [files, job.status, job.result?.exports], () => (files.length ? table(files, job) : h("p", { class: "note" }, t(isFinal(job.status) ? "files.none" : "files.later"))));
  };
  return { element, update };
}

function table(files, job) {
  const exports = new Map((job.result?.exports ?? []).map((file) => [file.name, file]));
  const head = (name) => h("th", { scope: "col", class: name === "size" && "number" }, t(`files.${name}`));
  return scroller(h("table", { class: "figures files" },
    h("thead", {}, h("tr", {}, ["name", "size", "checked", "sha256"].map(head))),
    h("tbody", {}, files.map((file) => row(file, exports.get(file.name))))));
}

function row(file, proof) {
  return h("tr", {},
    h("th", { scope: "row" }, h("a", { href: file.url, download: file.name }, file.name)),
    h("td", { class: "number" }, bytes(file.bytes)),
    h("td", { class: "nowrap" }, proof?.verified ? h("span", { class: "badge good" }, icon("succeeded"), t("files.verified")) : h("span", { class: "note" }, kindOf(file.kind))),
    h("td", {}, h("div", { class: "digest" }, h("code", { title: file.sha256 }, file.sha256),
      copyButton(() => file.sha256, t("files.copySha", { name: file.name }), "button small plain tiny", false))));
}
