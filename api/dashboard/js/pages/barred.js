/** The page for an address that the key's scopes do not open: which one is needed, and what the key may do. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { session } from "../net/session.js";
import { pageHead } from "../ui/listpage.js";
import { notice } from "../ui/notice.js";
import { title } from "../router.js";

export function enter(main, needed) {
  const { key_name: name, scopes } = session();
  title(t("barred.title"));
  fill(main, pageHead(t("barred.title")), notice("warn", h("p", {}, t("barred.needed", { n: needed.length, scopes: listed(needed) })),
    h("p", {}, t("barred.has", { n: scopes.length, name, scopes: listed(scopes) })),
    h("p", {}, t("barred.hint"))));
}

const listed = (scopes) => scopes.map((scope) => `“${scope}”`).join(", ");
