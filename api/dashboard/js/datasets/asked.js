/** How a version was asked for, with every default filled in. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { toYaml } from "../lib/yaml.js";
import { copyButton } from "../ui/copy.js";

export function asked(state) {
  const code = h("code");
  const text = () => toYaml({ format: state.version.options.format, ...state.version.options });
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("dataset.asked")), copyButton(text)),
    h("pre", { class: "code tall", tabindex: 0, "aria-label": t("dataset.asked") }, code));
  return { element, update: () => redraw(code, state.version.options, text) };
}
