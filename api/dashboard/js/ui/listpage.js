/** A page that lists records: read again while somebody looks; waiting, nothing, trouble and offline each have a face. */

import { h, fill, redraw } from "../lib/dom.js";
import { poll } from "../lib/poll.js";
import { t } from "../lib/text.js";
import { title as windowTitle } from "../router.js";
import { problemNotice } from "./notice.js";
import { showOffline } from "./shell.js";

const QUIET_SECONDS = 6;
const FAILED_SECONDS = 4;

const nothing = () => h("div", { class: "start" }, h("p", { class: "muted" }, t("list.none")));

/**
 * @param main where the page stands
 * @param title its heading; `lead` a sentence below it; `actions` buttons beside it
 * @param listing a `Listing`, or a function that gives the present one
 * @param table of `ui/table.js`
 * @param empty what stands in the table's place when there is nothing
 * @param above what stands between heading and table; `below` under it
 * @param also an async function that reads what else the page shows, and shows it
 * @param seconds how often to ask: a number, or a function of the items
 * @returns {now, leave}: read at once; end it
 */
export function listPage(main, { title, lead, actions = [], listing, table, empty = nothing, above, below, also, seconds = QUIET_SECONDS }) {
  windowTitle(title);
  const present = typeof listing === "function" ? listing : () => listing;
  const trouble = h("div", { class: "stack" });
  const more = h("button", { class: "button", type: "button", hidden: true, on: { click: loadMore } }, t("list.more"));

  async function loadMore() {
    more.disabled = true;
    present().more();
    await polling.now();
    more.disabled = false;
  }

  async function refresh(signal) {
    const mine = present();
    try {
      await Promise.all([mine.refresh(signal), also?.(signal)]);
      if (mine === present()) show(mine);
      return typeof seconds === "function" ? seconds(mine.items) : seconds;
    } catch (problem) {
      if (problem.name !== "AbortError") fail(problem);
      return FAILED_SECONDS;
    }
  }

  function show(found) {
    showOffline(false);
    redraw(trouble, null, () => null);
    table.update(found.items, empty);
    more.hidden = !found.hasMore;
  }

  function fail(problem) {
    if (problem.status === 0) return showOffline(true);
    return redraw(trouble, [problem.message, problem.requestId], () => problemNotice(problem));
  }

  fill(main, pageHead(title, lead, actions), trouble, above, table.element, below, h("div", { class: "more" }, more));
  const polling = poll(refresh);
  return { now: polling.now, leave: () => polling.stop() };
}

/** The heading of a page with what can be done there. */
export function pageHead(title, lead = null, actions = []) {
  return h("div", { class: "head" }, h("h1", { tabindex: -1 }, title), actions, lead && h("p", { class: "muted" }, lead));
}
