/** A table of records: rows are kept by id and moved, never made anew, so that focus survives every refresh. */

import { h, redraw, fill, setAttribute } from "../lib/dom.js";
import { scroller } from "./scroll.js";

const WAITING_ROWS = 4;

/**
 * @param label names the table for those who hear it
 * @param columns `{ name, title, cell, number, hint, silent }`: `name` is the cell's class; `cell(record)` gives
 *   `[key, draw]`, and is drawn again when the key changes; `silent` columns have a title for screen readers only;
 *   `head` stands in the title's place, and `sorted()` gives the direction for a column by which the table is sorted
 * @param id gives a record's id
 * @param kind a class of the panel, for widths of its own
 * @returns {element, update}: `update(records, empty)` shows them, or what `empty()` gives when there are none
 */
export function table({ label, columns, id = (record) => record.id, kind = "" }) {
  const body = h("tbody", { role: "rowgroup" });
  const instead = h("div", { class: "instead" });
  const heads = columns.map(headOf);
  const grid = h("table", { role: "table", "aria-label": label }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)), body);
  const element = h("section", { class: `panel records ${kind}`.trim() }, scroller(grid), instead);
  const rows = new Map();
  fill(body, Array.from({ length: WAITING_ROWS }, () => waiting(columns)));

  function update(records, empty = () => null) {
    const shown = records.map((record) => {
      const entry = rows.get(id(record)) ?? makeRow(columns);
      rows.set(id(record), entry);
      entry.update(record);
      return entry.row;
    });
    const ids = new Set(records.map(id));
    for (const known of rows.keys()) if (!ids.has(known)) rows.delete(known);
    if (shown.length !== body.children.length || shown.some((row, index) => row !== body.children[index])) place(body, shown);
    columns.forEach((column, index) => column.sorted && setAttribute(heads[index], "aria-sort", column.sorted()));
    grid.hidden = !records.length;
    redraw(instead, [records.length > 0, location.search], () => (records.length ? null : empty()));
  }

  return { element, update };
}

function makeRow(columns) {
  const cells = columns.map((column) => [column, h("td", { class: classOf(column), role: "cell", "data-title": column.silent ? null : column.title })]);
  const row = h("tr", { role: "row" }, cells.map(([, cell]) => cell));
  const update = (record) => {
    for (const [column, cell] of cells) {
      const [key, draw] = column.cell(record);
      redraw(cell, [key], draw);
    }
  };
  return { row, update };
}

const classOf = ({ name, number }) => (number ? `${name} number` : name);

/** Rows that stay are not taken out of the page, because that would take the focus from them. */
export function place(body, shown) {
  const keep = new Set(shown);
  for (const row of [...body.children]) if (!keep.has(row)) row.remove();
  shown.forEach((row, index) => {
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
}

function headOf(column) {
  return h("th", { scope: "col", role: "columnheader", class: classOf(column), title: column.hint },
    column.head ?? (column.silent ? h("span", { class: "hidden" }, column.title) : column.title));
}

function waiting(columns) {
  return h("tr", { "aria-hidden": "true" }, columns.map((column) => h("td", { class: classOf(column) }, column.silent ? null : h("div", { class: "skeleton" }))));
}
