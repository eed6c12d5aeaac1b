/** The studies: questions that several jobs answer. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { Listing } from "../net/listing.js";
import { may } from "../net/session.js";
import { columns, moves } from "../studies/columns.js";
import { filterOf, studyFilters } from "../studies/filters.js";
import { icon } from "../ui/icons.js";
import { listPage } from "../ui/listpage.js";
import { table } from "../ui/table.js";
import { setQuery } from "../router.js";

const BUSY_SECONDS = 3;
const QUIET_SECONDS = 10;

export function enter(main) {
  let list = listing();
  const rows = table({ label: t("nav.studies"), columns: columns(), kind: "studies" });

  function search(query) {
    if (query === location.search) return;
    setQuery(query);
    list = listing();
    page.now();
  }

  const actions = may("jobs:write") && h("a", { class: "button primary", href: "/studies/new" }, icon("plus"), t("studies.new"));
  const seconds = (studies) => (studies.some(moves) ? BUSY_SECONDS : QUIET_SECONDS);
  const page = listPage(main, { title: t("nav.studies"), lead: t("studies.lead"), actions, listing: () => list, table: rows, empty, seconds, above: studyFilters(search) });
  return page.leave;
}

const listing = () => new Listing("/v1/studies", filterOf());

function empty() {
  const filtered = Object.values(filterOf()).some(Boolean);
  return h("div", { class: "start" },
    h("h2", {}, t(filtered ? "studies.noMatch" : "studies.none")),
    h("p", { class: "muted" }, t(filtered ? "studies.noMatchHint" : "studies.noneHint")),
    filtered && h("a", { class: "button", href: "/studies" }, t("studies.clear")));
}
