/** Where files are chosen or dropped, and how far each of them has come. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { problemText } from "../ui/notice.js";
import { row } from "./row.js";
import { dropped, picked, sources } from "./sources.js";
import { unfinished } from "./unfinished.js";

let numbers = 0;

/**
 * A place for files; they are sent as soon as they are there, one behind the other.
 *
 * @param hint what is expected here, in a sentence
 * @param pointer where refusals of the uploads appear, as for `ui/form.js`
 * @param several whether more than one file, or a folder, may be brought
 * @param accept endings that the browser shall offer, as of `<input accept>`
 * @param changed called when a file came, arrived, or was taken away
 * @returns {element, uploads, names, stop}: `uploads()` waits until all have arrived and gives their ids, or rejects with
 *   what keeps one of them; `names()` what is there so far; `stop()` ends the sending, which can be taken up later
 */
export function picker({ hint, pointer = "/source", several = true, accept = null, changed = () => {} }) {
  const id = `picker-${++numbers}`;
  const list = h("ul", { class: "sending", "aria-label": t("upload.list") });
  const error = h("p", { class: "error", id: `${id}-error`, role: "alert" });
  const earlier = unfinished();
  const rows = new Map();
  let queue = Promise.resolve();

  const zone = h("div", { class: "dropzone", on: { dragover, dragleave, drop } },
    icon("upload"), h("p", {}, t(several ? "upload.drop" : "upload.dropOne")),
    h("div", { class: "row" },
      choice(t(several ? "upload.files" : "upload.file"), { multiple: several, accept }),
      several && choice(t("upload.folder"), { webkitdirectory: true })),
    h("p", { class: "note", id: `${id}-hint` }, hint));
  const element = h("div", { class: "field picker", "data-pointer": pointer, role: "group", "aria-describedby": `${id}-hint ${id}-error` },
    zone, list, h("p", { class: "note again" }, t("upload.again")), earlier.element, error);

  function choice(words, more) {
    const input = h("input", { class: "hidden", type: "file", ...more });
    input.addEventListener("change", () => {
      take(picked(input.files));
      input.value = ""; // the same file may be chosen again
    });
    return h("label", { class: "button" }, input, words);
  }

  function dragover(event) {
    event.preventDefault();
    zone.classList.add("over");
  }

  function dragleave() {
    zone.classList.remove("over");
  }

  async function drop(event) {
    event.preventDefault();
    dragleave();
    await dropped(event.dataTransfer).then(take, () => fill(error, t("upload.unreadable")));
  }

  function take(picks) {
    fill(error);
    const found = sources(picks);
    if (!found.length) return fill(error, t("upload.nothing"));
    if (!several) for (const one of [...rows.keys()]) one.remove();
    for (const source of several ? found : found.slice(0, 1)) add(source);
    return changed();
  }

  function add(source) {
    const one = row(source, { line: (send) => (queue = queue.then(send)), changed, gone: () => forget(one) });
    rows.set(one, source);
    list.append(one.element);
    earlier.taken(source);
    one.start();
  }

  function forget(one) {
    rows.delete(one);
    one.element.remove();
    changed();
  }

  async function uploads() {
    if (!rows.size) throw refusal(pointer, t("upload.none"));
    return Promise.all([...rows.keys()].map((one) => one.arrived().catch((problem) => {
      throw refusal(pointer, t("upload.stuck", { name: one.name, why: problemText(problem) }));
    })));
  }

  return { element, uploads, names: () => [...rows.values()].map(({ name }) => name), stop: () => [...rows.keys()].forEach((one) => one.stop()) };
}

/** Shaped as a refusal of the service, so that forms show it at its field. */
function refusal(pointer, detail) {
  return Object.assign(new Error(detail), { errors: [{ pointer, detail }] });
}
