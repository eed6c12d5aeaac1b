/** The list of jobs: read again every few seconds while somebody looks. */

import { h, fill, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { whole } from "../lib/format.js";
import { poll } from "../lib/poll.js";
import { get } from "../net/api.js";
import { JobList } from "../jobs/list.js";
import { filterOf, filters } from "../jobs/filters.js";
import { moves } from "../jobs/row.js";
import { table } from "../jobs/table.js";
import { notice, problemNotice } from "../ui/notice.js";
import { showOffline } from "../ui/shell.js";
import { go, setQuery, title } from "../router.js";

const BUSY_SECONDS = 2;
const QUIET_SECONDS = 6;
const FAILED_SECONDS = 4;

export function enter(main) {
  title(t("jobs.title"));
  let list = new JobList(filterOf());
  const trouble = h("div");
  const workers = h("div");
  const summary = h("p", { class: "note" });
  const rows = table(() => polling.now());
  const more = h("button", { class: "button", type: "button", hidden: true, on: { click: loadMore } }, t("jobs.more"));
  const chips = filters(search);

  function search(query, how) {
    if (query === location.search) return;
    setQuery(query, how);
    list = new JobList(filterOf());
    polling.now();
  }

  async function loadMore() {
    more.disabled = true;
    list.more();
    await polling.now();
    more.disabled = false;
  }

  async function refresh(signal) {
    const mine = list;
    try {
      const [overview] = await Promise.all([get("/v1/overview", { signal }), mine.refresh(signal)]);
      if (mine === list) show(overview);
      return list.jobs.some(moves) ? BUSY_SECONDS : QUIET_SECONDS;
    } catch (problem) {
      if (problem.name !== "AbortError") fail(problem);
      return FAILED_SECONDS;
    }
  }

  function show(overview) {
    showOffline(false);
    const { status, q } = filterOf();
    redraw(trouble, null, () => null);
    redraw(workers, [overview.workers > 0], () => !overview.workers && notice("warn", t("jobs.noWorker")));
    chips.update(overview);
    rows.update(list.jobs, Boolean(status || q));
    more.hidden = !list.hasMore;
    fill(summary, list.jobs.length ? t(list.hasMore ? "jobs.shownOf" : "jobs.shown", { n: list.jobs.length, number: whole(list.jobs.length) }) : "");
  }

  function fail(problem) {
    if (problem.status === 0) return showOffline(true);
    const reset = h("p", {}, h("button", { class: "button small", type: "button", on: { click: () => go("/jobs") } }, t("jobs.clear")));
    return redraw(trouble, [problem.message, problem.requestId], () => problemNotice(problem, reset));
  }

  chips.update(null);
  fill(main, h("div", { class: "head" }, h("h1", {}, t("jobs.title"))), h("div", { class: "stack" }, trouble, workers),
    chips.element, rows.element, h("div", { class: "more" }, more, summary));
  const polling = poll(refresh);
  return () => polling.stop();
}
