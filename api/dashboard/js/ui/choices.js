/** Several boxes to tick as one field of a form, each with words of its own; a refusal finds it by its pointer. */

import { h } from "../lib/dom.js";
import { checkbox } from "./form.js";

/**
 * @param options `[value, words, note]`; `chosen` the values that are ticked at first
 * @returns {element, values}: `values()` gives what is ticked, in the order of the options
 */
export function choices({ label, pointer }, options, chosen = []) {
  const boxes = options.map(([value, words, note]) => ({ value, ...checkbox(h("span", {}, words, note && h("span", { class: "note" }, note)), chosen.includes(value)) }));
  const element = h("fieldset", { class: "field choices", "data-pointer": pointer },
    h("legend", {}, label), boxes.map((box) => box.element), h("p", { class: "error", role: "alert" }));
  return { element, values: () => boxes.filter((box) => box.input.checked).map((box) => box.value) };
}
