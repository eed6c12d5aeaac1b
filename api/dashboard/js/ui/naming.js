/** What a thing that is brought is called: name, licence and description, as every such order has them. */

import { h } from "../lib/dom.js";
import { field, text } from "./form.js";

/**
 * @param words the labels `{name, licence, description}`; `example` is a licence that stands there until one is written
 * @returns {element, body}: `body()` gives what was written
 */
export function naming(words, example) {
  const [name, licence] = [text("", { maxlength: 200 }), text("", { maxlength: 200, placeholder: example })];
  const description = h("textarea", { maxlength: 4000, rows: 3 });
  const element = h("div", { class: "stack" }, h("div", { class: "fields" },
    field({ label: words.name, pointer: "/name" }, name),
    field({ label: words.licence, pointer: "/licence", optional: true }, licence)),
  field({ label: words.description, pointer: "/description", optional: true }, description));
  const body = () => ({ name: name.value.trim(), description: description.value.trim(), ...(licence.value.trim() && { licence: licence.value.trim() }) });
  return { element, body };
}
