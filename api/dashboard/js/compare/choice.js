/** A choice of how to see something, kept in the address so that a view can be sent to somebody. */

import { setAttribute } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { select } from "../ui/form.js";
import { choose, chosen, offered } from "./selection.js";

/** @param changed called when the reader has chosen */
export function choice(name, changed) {
  const label = t(`view.${name}`);
  const control = select(offered(name).map((value) => [value, t(`view.${name}.${value}`)]), chosen(name), { "aria-label": label });
  setAttribute(control, "title", label);
  control.addEventListener("change", () => {
    choose(name, control.value);
    changed();
  });
  return control;
}
