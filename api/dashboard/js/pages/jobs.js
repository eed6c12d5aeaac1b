/** The list of jobs: read again every few seconds while somebody looks, filtered and sorted by its address. */

import { h, fill, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { whole } from "../lib/format.js";
import { get } from "../net/api.js";
import { Listing } from "../net/listing.js";
import { may } from "../net/session.js";
import { asked, changed, filtersOf, narrowed } from "../jobs/address.js";
import { bulkBar } from "../jobs/bulk.js";
import { noJobs, noMatch } from "../jobs/empty.js";
import { filters } from "../jobs/filters.js";
import { columns, moves } from "../jobs/row.js";
import { Selection } from "../jobs/selection.js";
import { notice } from "../ui/notice.js";
import { listPage } from "../ui/listpage.js";
import { table } from "../ui/table.js";
import { setQuery } from "../router.js";

const BUSY_SECONDS = 2;
const QUIET_SECONDS = 6;
const MORE = 100;

export function enter(main) {
  let list = listing();
  const workers = h("div");
  const summary = h("p", { class: "note" });
  const chips = filters(search);
  const picked = new Selection(() => bulk.update());
  const bulk = bulkBar(picked, () => page.now());
  const rows = table({ label: t("nav.jobs"), columns: columns(picked, () => page.now(), search), kind: "jobs" });
  const empty = () => (asked().status || narrowed(asked()) ? noMatch() : noJobs());

  function search(query, how) {
    if (query === location.search) return;
    setQuery(query, how);
    list = listing();
    chips.update(null);
    page.now();
  }

  async function overview(signal) {
    const found = await get("/v1/overview", { signal });
    chips.update(found);
    redraw(workers, [found.workers > 0], () => !found.workers && notice("warn", t("jobs.noWorker")));
  }

  /** The more rows are shown, the more seldom they are read: the service has as much to do with many as with few. */
  function seconds(jobs) {
    picked.update(jobs);
    fill(summary, jobs.length ? t(list.hasMore ? "jobs.shownOf" : "jobs.shown", { n: jobs.length, number: whole(jobs.length) }) : "");
    return (jobs.some(moves) ? BUSY_SECONDS : QUIET_SECONDS) * Math.max(1, Math.ceil(jobs.length / MORE));
  }

  chips.update(null);
  rows.element.addEventListener("click", (event) => narrow(event, search));
  const page = listPage(main, { title: t("nav.jobs"), actions: may("jobs:write") ? [h("a", { class: "button primary", href: "/new" }, t("nav.new"))] : [],
    listing: () => list, table: rows, empty, seconds, also: overview,
    above: [h("div", { class: "stack" }, workers), chips.element, bulk.trouble, bulk.bar], below: summary });
  return () => {
    page.leave();
    bulk.leave();
  };
}

function listing() {
  return Object.assign(new Listing("/v1/jobs", filtersOf(asked())), { page: MORE });
}

/** A method or label that is pressed narrows what is shown; with a key for a new window it is a link like any other. */
function narrow(event, search) {
  const link = event.target.closest("a[data-method], a[data-label]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { method, label, value } = link.dataset;
  search(changed(label === undefined ? { method } : { labels: { ...asked().labels, [label]: value } }), { push: true });
}
