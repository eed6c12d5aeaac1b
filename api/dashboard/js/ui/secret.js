/** A secret that is shown once: to be copied now, because nobody can show it again. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { copyButton } from "./copy.js";
import { shown } from "./dialog.js";
import { notice } from "./notice.js";

/**
 * Show a secret until somebody says that it is kept.
 *
 * @param hint what it is used for
 */
export function showSecret(title, value, hint) {
  const box = (close) => [
    notice("warn", h("p", {}, t("secret.copy"))),
    h("div", { class: "secret" }, h("code", {}, value), copyButton(() => value)),
    h("p", { class: "note" }, hint),
    h("div", { class: "row" }, h("button", { class: "button primary", type: "button", on: { click: close } }, t("secret.done"))),
  ];
  return shown(title, box, { firm: true });
}
