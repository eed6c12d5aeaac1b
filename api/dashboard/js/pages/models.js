/** The models that users brought or kept; with `?new=1`, the form that brings one. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { Listing } from "../net/listing.js";
import { may } from "../net/session.js";
import { bringPage } from "../models/bring.js";
import { columns } from "../models/columns.js";
import { filterOf, taskFilters } from "../ui/taskfilters.js";
import { icon } from "../ui/icons.js";
import { listPage } from "../ui/listpage.js";
import { table } from "../ui/table.js";
import { setQuery } from "../router.js";

const BUSY_SECONDS = 2;
const QUIET_SECONDS = 6;

export function enter(main) {
  if (new URLSearchParams(location.search).has("new")) return bringPage(main);
  let list = listing();
  const rows = table({ label: t("nav.models"), columns: columns(), kind: "shelf" });

  function search(query) {
    if (query === location.search) return;
    setQuery(query);
    list = listing();
    page.now();
  }

  const actions = may("jobs:write") && h("a", { class: "button primary", href: "/models?new=1" }, icon("plus"), t("models.bring"));
  const seconds = (models) => (models.some((model) => model.status === "validating") ? BUSY_SECONDS : QUIET_SECONDS);
  const page = listPage(main, { title: t("nav.models"), lead: t("models.lead"), actions, listing: () => list, table: rows, empty, seconds, above: taskFilters(t("models.search"), search) });
  return page.leave;
}

function listing() {
  const { task, q } = filterOf();
  return new Listing("/v1/models", { task, q });
}

function empty() {
  const { task, q } = filterOf();
  const filtered = Boolean(task || q);
  return h("div", { class: "start" },
    h("h2", {}, t(filtered ? "models.noMatch" : "models.none")),
    h("p", { class: "muted" }, t(filtered ? "models.noMatchHint" : "models.noneHint")),
    filtered && h("a", { class: "button", href: "/models" }, t("models.clear")));
}
