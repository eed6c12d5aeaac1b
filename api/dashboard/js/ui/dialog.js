/** Boxes above the page: a question before something that cannot be taken back, and a form of a few fields. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";

let numbers = 0;

/**
 * Ask, and wait for the answer.
 *
 * @param words {title, text, yes, no}: `yes` is the dangerous button; focus begins on `no`
 * @returns whether the answer was yes
 */
export function confirmed({ title, text, yes, no = t("dialog.no") }) {
  const id = `dialog-${++numbers}`;
  const button = (value, label, kind, focus) => h("button", { class: `button ${kind}`, value, autofocus: focus }, label);
  const dialog = h(
    "dialog",
    { "aria-labelledby": id },
    h("form", { method: "dialog" },
      h("h2", { id }, title),
      h("p", { class: "muted" }, text),
      h("div", { class: "row" }, button("no", no, "", true), button("yes", yes, "danger primary"))),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

/**
 * Show something above the page until it is closed.
 *
 * @param content gets a function that closes the box, and gives what stands in it
 * @param firm whether Escape does not close it
 * @returns a promise for when it is closed
 */
export function shown(title, content, { firm = false } = {}) {
  const id = `dialog-${++numbers}`;
  const dialog = h("dialog", { class: "wide", "aria-labelledby": id }, h("h2", { id }, title));
  dialog.append(...[content(() => dialog.close())].flat());
  if (firm) dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}
