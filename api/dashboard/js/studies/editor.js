/** The study spec as text, with each fault at the line that it is about. */

import { fill, h, redraw, setAttribute } from "../lib/dom.js";
import { placeOf } from "../lib/jsonplace.js";
import { t } from "../lib/text.js";
import { field, select } from "../ui/form.js";
import { sentence } from "../ui/notice.js";
import { BEGINNINGS } from "./draft.js";

const LINE_PX = 20;
const LINES_ABOVE = 4;

/** @returns {element, update, complain}: `complain(faults)` shows `{pointer, detail}` of the present text */
export function editor(draft) {
  const control = h("textarea", { class: "mono json", spellcheck: "false", rows: 26 });
  const faults = h("ul", { class: "faults" });
  const beginnings = select([["", t("editor.choose")], ...Object.keys(BEGINNINGS).map((name) => [name, t(`editor.${name}`)])], "");
  const text = field({ label: t("editor.spec"), hint: t("editor.hint") }, control);
  const error = text.querySelector(".error");
  const element = h("section", { class: "panel editor stack" }, field({ label: t("editor.begin") }, beginnings), text, faults);
  control.addEventListener("input", () => draft.read(control.value));
  beginnings.addEventListener("change", () => {
    if (beginnings.value) draft.begin(BEGINNINGS[beginnings.value]);
    beginnings.value = "";
  });

  function update() {
    if (control.value !== draft.text) control.value = draft.text;
    fill(error, draft.fault && t(`editor.fault.${draft.fault.code}`, draft.fault));
    if (draft.fault) complain([]);
  }

  function complain(found) {
    const shown = found.map((fault) => ({ ...fault, ...placeOf(draft.text, fault.pointer) }));
    setAttribute(control, "aria-invalid", found.length || draft.fault ? "true" : null);
    redraw(faults, shown, () => shown.map(line));
  }

  function line({ pointer, detail, from, to, line: number }) {
    const button = h("button", { class: "button small", type: "button", on: { click: () => show(from, to, number) } }, t("editor.line", { n: number }));
    return h("li", {}, button, h("span", {}, pointer && h("code", {}, pointer), " ", sentence(detail)));
  }

  function show(from, to, number) {
    control.focus();
    control.setSelectionRange(from, to);
    control.scrollTop = LINE_PX * Math.max(0, number - LINES_ABOVE);
  }

  return { element, update, complain };
}
