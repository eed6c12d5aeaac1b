/** The datasets that users brought, and those that are built in; with `?new=1`, the form that brings one. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { Listing } from "../net/listing.js";
import { may } from "../net/session.js";
import { bringPage } from "../datasets/bring.js";
import { builtin } from "../datasets/builtin.js";
import { columns } from "../datasets/columns.js";
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
  const rows = table({ label: t("nav.datasets"), columns: columns(), kind: "datasets" });

  function search(query) {
    if (query === location.search) return;
    setQuery(query);
    list = listing();
    page.now();
  }

  const actions = may("jobs:write") && h("a", { class: "button primary", href: "/datasets?new=1" }, icon("plus"), t("datasets.bring"));
  const seconds = (found) => (found.some(({ status }) => status === "validating") ? BUSY_SECONDS : QUIET_SECONDS);
  const page = listPage(main, { title: t("nav.datasets"), lead: t("datasets.lead"), actions, listing: () => list, table: rows, empty, seconds, above: taskFilters(t("datasets.search"), search) });
  const others = builtin();
  main.append(others.element);
  return () => {
    page.leave();
    others.stop();
  };
}

function listing() {
  const { task, q } = filterOf();
  return new Listing("/v1/datasets", { task, q });
}

function empty() {
  const { task, q } = filterOf();
  const filtered = Boolean(task || q);
  return h("div", { class: "start" },
    h("h2", {}, t(filtered ? "datasets.noMatch" : "datasets.none")),
    h("p", { class: "muted" }, t(filtered ? "datasets.noMatchHint" : "datasets.noneHint")),
    filtered && h("a", { class: "button", href: "/datasets" }, t("datasets.clear")));
}
