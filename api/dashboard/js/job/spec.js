/** What was asked for, as it was written and with every default filled in. */

import { h, fill, redraw, setAttribute } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { toYaml } from "../lib/yaml.js";
import { copyButton } from "../ui/copy.js";

export function spec(state) {
  let full = false;
  const code = h("code");
  const text = () => toYaml(full ? (state.job.plan?.spec ?? state.job.spec) : state.job.spec);
  const button = h("button", { class: "button small", type: "button", "aria-pressed": "false" }, t("spec.full"));
  const update = () => redraw(code, [full, state.job.spec], () => text());
  button.addEventListener("click", () => {
    full = !full;
    setAttribute(button, "aria-pressed", String(full));
    fill(button, t(full ? "spec.written" : "spec.full"));
    update();
  });
  const element = h("section", { class: "panel spec" },
    h("header", {}, h("h3", {}, t("spec.title")), button, copyButton(text)),
    h("pre", { class: "code", tabindex: 0, "aria-label": t("spec.title") }, code));
  return { element, update };
}
