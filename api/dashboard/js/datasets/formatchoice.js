/** Which format a dataset has: a list by kind of example, a sentence about the chosen one, and how its files lie. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { field, select } from "../ui/form.js";
import { GROUPS } from "./formats.js";

/** @param changed called with the format at once, and whenever another one is chosen; @returns {element, value} */
export function formatChoice(first, changed) {
  const control = select(Object.entries(GROUPS).map(([group, names]) => [t(`format.group.${group}`), names.map((name) => [name, t(`format.${name}`)])]), first);
  const [about, files] = [h("p"), h("pre", { class: "code" })];

  function choose() {
    fill(about, t(`format.about.${control.value}`));
    fill(files, t(`format.files.${control.value}`));
    changed(control.value);
  }

  control.addEventListener("change", choose);
  choose();
  const element = h("div", { class: "format" }, field({ label: t("bring.which"), pointer: "/format" }, control),
    h("div", { class: "explained", "aria-live": "polite" }, about, files));
  return { element, value: () => control.value };
}
