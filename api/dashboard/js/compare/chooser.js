/** Where jobs are found to compare: the latest ones, those whose name begins with a text, and labels that several have. */

import { h, fill, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { get } from "../net/api.js";
import { icon } from "../ui/icons.js";
import { problemNotice } from "../ui/notice.js";
import { badge } from "../ui/status.js";
import { MOST, labelAddress } from "./selection.js";

const TYPING_MS = 250;
const SHOWN = 8;
const RECENT = 50;
const MOST_LABELS = 8;

/**
 * @param take called with a job that shall be compared
 * @param present gives the ids that are compared already, and whether there is room for more
 * @returns {element, update, begin, stop}: `begin` reads the latest jobs when somebody looks for the first time
 */
export function chooser(take, present) {
  const input = h("input", { type: "search", "aria-label": t("chooser.search"), placeholder: t("chooser.search"), spellcheck: "false", autocomplete: "off" });
  const list = h("ul", { class: "found", "aria-label": t("chooser.found") });
  const labels = h("div", { class: "labels" });
  const trouble = h("div");
  const says = h("p", { class: "note", role: "status" });
  const element = h("div", { class: "chooser" }, h("div", { class: "search", role: "search" }, icon("search"), input), trouble, list, says, labels);
  let [jobs, timer, asked] = [null, null, null];

  async function read() {
    asked?.abort();
    asked = new AbortController();
    const q = input.value.trim();
    try {
      const found = await get("/v1/jobs", { signal: asked.signal, query: { q, limit: q ? SHOWN * 3 : RECENT } });
      jobs = found.data;
      fill(trouble);
      if (!q) redraw(labels, shared(jobs), () => shortcuts(shared(jobs)));
      update();
    } catch (problem) {
      if (problem.name !== "AbortError") fill(trouble, problemNotice(problem));
    }
  }

  function update() {
    if (!jobs) return;
    const { ids, full } = present();
    const shown = jobs.filter(({ id }) => !ids.includes(id)).slice(0, SHOWN);
    redraw(list, [shown.map(({ id, name, status }) => [id, name, status]), full], () => shown.map((job) => row(job, full, take)));
    fill(says, full ? t("compare.full", { most: MOST }) : shown.length ? "" : t(input.value.trim() ? "chooser.noMatch" : "chooser.none"));
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(read, TYPING_MS);
  });
  return { element, update, focus: () => input.focus(), begin: () => asked || read(), stop: () => [clearTimeout(timer), asked?.abort()] };
}

function row(job, full, take) {
  const about = [job.method, job.dataset, ...Object.entries(job.labels).map(([key, value]) => `${key}=${value}`)].filter(Boolean);
  return h("li", {},
    h("button", { class: "button small", type: "button", disabled: full, "aria-label": t("chooser.addOf", { name: job.name }), on: { click: () => take(job) } }, t("chooser.add")),
    h("div", {}, h("span", { class: "name" }, job.name), h("span", { class: "note" }, about.join(" · "))),
    badge(job.status));
}

/** Labels that at least two of the jobs have: `[key, value, number]`, the most frequent first. */
function shared(jobs) {
  const counts = new Map();
  for (const { labels } of jobs) {
    for (const pair of Object.entries(labels)) counts.set(JSON.stringify(pair), (counts.get(JSON.stringify(pair)) ?? 0) + 1);
  }
  return [...counts].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1]).slice(0, MOST_LABELS).map(([pair, n]) => [...JSON.parse(pair), n]);
}

function shortcuts(found) {
  if (!found.length) return null;
  const link = ([key, value, n]) => h("li", {}, h("a", { class: "button small", href: labelAddress(key, value) }, t("chooser.label", { key, value, n })));
  return [h("h3", {}, t("chooser.labels")), h("ul", { class: "choices" }, found.map(link))];
}
