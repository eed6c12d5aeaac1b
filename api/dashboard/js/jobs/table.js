/** The table of jobs: rows are kept by id and moved, never made anew, while the list refreshes. */

import { h, redraw, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { COLUMNS, makeRow } from "./row.js";
import { noJobs, noMatch } from "./empty.js";

const WAITING_ROWS = 4;

/** @param changed called when a row has changed its job; gives {element, update} */
export function table(changed) {
  const body = h("tbody", { role: "rowgroup" });
  const instead = h("div");
  const grid = h("table", { role: "table", "aria-label": t("jobs.title") }, header(), body);
  const element = h("section", { class: "panel jobs" }, grid, instead);
  const rows = new Map();
  fill(body, Array.from({ length: WAITING_ROWS }, waiting));

  function update(jobs, filtered) {
    const shown = jobs.map((job) => {
      const entry = rows.get(job.id) ?? makeRow(changed);
      rows.set(job.id, entry);
      entry.update(job);
      return entry.row;
    });
    const ids = new Set(jobs.map((job) => job.id));
    for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
    if (shown.length !== body.children.length || shown.some((row, index) => row !== body.children[index])) place(body, shown);
    grid.hidden = !jobs.length;
    redraw(instead, [jobs.length > 0, filtered], () => (jobs.length ? null : filtered ? noMatch() : noJobs()));
  }

  return { element, update };
}

/** Rows that stay are not taken out of the page, because that would take the focus from them. */
function place(body, shown) {
  const keep = new Set(shown);
  for (const row of [...body.children]) if (!keep.has(row)) row.remove();
  shown.forEach((row, index) => {
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
}

function header() {
  const cell = (name) => h("th", { scope: "col", role: "columnheader", title: name === "kept" && t("jobs.keptHint") },
    name === "act" ? h("span", { class: "hidden" }, t("jobs.column.act")) : t(`jobs.column.${name}`));
  return h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, COLUMNS.map(cell)));
}

function waiting() {
  return h("tr", { "aria-hidden": "true" }, COLUMNS.map((name) => h("td", { class: name }, name === "act" ? null : h("div", { class: "skeleton" }))));
}
