/** Who changed what in the project, newest first. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { Listing } from "../net/listing.js";
import { columns } from "../audit/entry.js";
import { filterOf, filters, queryOf } from "../audit/filters.js";
import { listPage } from "../ui/listpage.js";
import { table } from "../ui/table.js";
import { setQuery } from "../router.js";

export function enter(main) {
  let list = listing();
  const rows = table({ label: t("audit.title"), columns: columns(), kind: "audit" });
  const above = filters((query) => {
    if (query === location.search) return;
    setQuery(query);
    list = listing();
    page.now();
  });
  const page = listPage(main, { title: t("audit.title"), lead: t("audit.lead"), listing: () => list, table: rows, above, empty });
  return page.leave;
}

const listing = () => new Listing("/v1/audit_logs", queryOf(filterOf()));

const empty = () => h("div", { class: "start" }, h("p", { class: "muted" }, t("audit.none")),
  h("a", { class: "button", href: "/audit" }, t("audit.clear")));
