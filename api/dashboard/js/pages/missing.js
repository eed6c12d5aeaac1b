/** The page for an address that leads nowhere. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { title } from "../router.js";

export function enter(main) {
  title(t("missing.title"));
  fill(main, missing(t("missing.title"), t("missing.text")));
}

/** Says that something is not there, and leads back. */
export function missing(heading, text, [address, words] = ["/jobs", t("missing.back")]) {
  return h("div", { class: "blank" }, h("h1", {}, heading), h("p", { class: "muted" }, text),
    h("a", { class: "button", href: address }, words));
}
