/** The filters above lists of what was brought: the beginning of a name, and a task; they live in the address. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { search } from "../net/api.js";
import { select, text } from "./form.js";
import { icon } from "./icons.js";

const TYPING_MS = 250;
export const TASKS = ["classification", "multilabel", "regression", "detection", "segmentation", "generation"];

/** What the address asks for. */
export function filterOf(address = location.search) {
  const query = new URLSearchParams(address);
  const task = query.get("task");
  return { task: TASKS.includes(task) ? task : null, q: query.get("q") ?? "" };
}

/**
 * @param label names the field that searches
 * @param apply called with the new query string when a task is chosen or somebody has stopped typing
 */
export function taskFilters(label, apply) {
  let timer = null;
  const { task, q } = filterOf();
  const words = text(q, { type: "search", "aria-label": label, placeholder: label });
  const tasks = select([["", t("task.all")], ...TASKS.map((name) => [name, t(`task.${name}`)])], task ?? "", { "aria-label": t("task.filter") });
  const now = () => apply(search({ task: tasks.value, q: words.value.trim() }));
  words.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(now, TYPING_MS);
  });
  tasks.addEventListener("change", now);
  return h("div", { class: "filters", role: "search" }, h("div", { class: "search" }, icon("search"), words), tasks);
}
