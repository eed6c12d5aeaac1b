/** The spec as text: what is written here is the draft as soon as it is JSON, and the form shows it. */

import { fill, h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { field } from "../ui/form.js";

export function expert(draft) {
  const control = h("textarea", { class: "mono json", spellcheck: "false", rows: 28, "aria-label": t("expert.title") });
  const element = field({ label: t("expert.title"), hint: t("expert.hint") }, control);
  const error = element.querySelector(".error");
  control.value = JSON.stringify(draft.spec, null, 2);
  control.addEventListener("input", () => {
    const { spec, problem } = read(control.value);
    fill(error, problem);
    if (spec) draft.replace(spec);
  });
  return element;
}

function read(text) {
  try {
    const spec = JSON.parse(text);
    return spec && typeof spec === "object" && !Array.isArray(spec) ? { spec } : { problem: t("expert.notObject") };
  } catch (error) {
    return { problem: t("expert.notJson", { reason: error.message }) };
  }
}
