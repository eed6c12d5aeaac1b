/** One of a few ways, each with a sentence of its own: more than a word of a list could say. */

import { h } from "../lib/dom.js";

let numbers = 0;

/** @param options `[value, words, note]`; `changed` hears the value that was chosen */
export function radios(legend, options, chosen, changed) {
  const name = `radios-${++numbers}`;
  const boxes = options.map(([value, words, note]) => {
    const input = h("input", { type: "radio", name, value, checked: value === chosen, on: { change: () => changed(value) } });
    return { input, element: h("label", { class: "check" }, input, h("span", {}, words, h("span", { class: "note" }, note))) };
  });
  const element = h("fieldset", { class: "ways" }, h("legend", {}, legend), boxes.map((box) => box.element));
  return { element, value: () => boxes.find((box) => box.input.checked).input.value };
}
