/** The monitors of a finished job, each with what it has measured, and a form for a new one. */

import { fill, h, redraw } from "../lib/dom.js";
import { poll } from "../lib/poll.js";
import { t } from "../lib/text.js";
import { everything } from "../net/listing.js";
import { may } from "../net/session.js";
import { problemNotice } from "../ui/notice.js";
import { newMonitor } from "./form.js";
import { monitorView } from "./view.js";

const OPEN_SECONDS = 3;
const QUIET_SECONDS = 60;
const RETRY_SECONDS = 10;

export function monitorsPart(state) {
  const views = new Map();
  const trouble = h("div");
  const list = h("div", { class: "stack" });
  const none = h("p", { class: "note" }, t("monitors.none"));
  const order = may("jobs:write") ? newMonitor(state.job, () => polling.now()) : null;
  const element = h("div", { class: "stack monitors" }, trouble, none, list, order?.element);

  async function ask(signal) {
    try {
      const found = await read(state.id, signal);
      show(found);
      redraw(trouble, null, () => null);
      return found.some(({ rows }) => rows.some(({ status }) => status === "pending")) ? OPEN_SECONDS : QUIET_SECONDS;
    } catch (problem) {
      if (!signal.aborted && problem.status !== 401) redraw(trouble, problem.message, () => problemNotice(problem));
      return RETRY_SECONDS;
    }
  }

  function show(found) {
    none.hidden = found.length > 0;
    for (const one of found) {
      const { id } = one.monitor;
      if (!views.has(id)) views.set(id, monitorView(() => polling.now()));
      views.get(id).show(one);
    }
    const [wanted, there] = [found.map(({ monitor }) => views.get(monitor.id).element), [...list.children]];
    if (wanted.length !== there.length || wanted.some((one, index) => one !== there[index])) fill(list, wanted);
  }

  const polling = poll(ask);
  return {
    element,
    update: () => {},
    stop() {
      polling.stop();
      for (const view of views.values()) view.stop();
    },
  };
}

/** The monitors of a job, each with its re-evaluations, the oldest first. */
async function read(job, signal) {
  const monitors = await everything("/v1/monitors", { job }, signal);
  return Promise.all(monitors.map(async (monitor) => ({ monitor, rows: (await everything(monitor.urls.reevaluations, {}, signal)).reverse() })));
}
