/** The filters above the table: chips of statuses, a search, an order where there are no heads, and what else narrows. */

import { h, redraw } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { GROUPS } from "../ui/status.js";
import { SORTS, asked, changed, narrowed } from "./address.js";

const TYPING_MS = 250;

/**
 * @param apply called with the new query string when something is chosen or somebody has stopped typing
 * @returns {element, update}: `update(overview)` shows how many jobs each chip stands for
 */
export function filters(apply) {
  let counts = null;
  const chips = h("ul", { class: "chips" });
  const narrowing = h("ul", { class: "chips tokens", "aria-label": t("filter.narrowed") });
  const order = sortField(apply);
  const field = searchField(apply);
  const follow = (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    apply(new URL(link.href).search, { push: true });
    (event.currentTarget.querySelector("[aria-current], a") ?? field.input).focus();
  };
  for (const list of [chips, narrowing]) list.addEventListener("click", follow);

  function update(overview) {
    counts = overview ?? counts;
    redraw(chips, [location.search, counts?.jobs], () => chipsOf(asked(), counts));
    redraw(narrowing, location.search, () => tokens(asked()));
    order.value = asked().sort;
  }

  const element = h("div", { class: "filters" }, h("nav", { "aria-label": t("filter.status") }, chips), order, field.element, narrowing);
  return { element, update };
}

function chipsOf(now, overview) {
  const counted = overview && !narrowed(now);
  return [null, ...Object.keys(GROUPS)].map((name) => {
    const here = name === now.status;
    const number = counted ? sum(overview.jobs, name ? GROUPS[name] : Object.keys(overview.jobs)) : null;
    return h("li", {}, h("a", { href: `/jobs${changed({ status: name })}`, "aria-current": here && "true" }, t(`filter.${name ?? "all"}`),
      number !== null && h("span", { class: "count" }, whole(number))));
  });
}

const sum = (counts, names) => names.reduce((total, name) => total + (counts[name] ?? 0), 0);

/** Method and labels, each with a way to take it away. */
function tokens({ method, labels }) {
  const token = (text, changes) => h("li", {}, h("a", { href: `/jobs${changed(changes)}`, "aria-label": t("filter.without", { text }) }, text, icon("cross")));
  const without = (name) => Object.fromEntries(Object.entries(labels).filter(([other]) => other !== name));
  return [
    method && token(t("filter.method", { method }), { method: null }),
    Object.entries(labels).map(([name, value]) => token(labelText(name, value), { labels: without(name) })),
  ];
}

/** A label in words. */
export const labelText = (name, value) => (value ? t("jobs.label", { name, value }) : name);

function searchField(apply) {
  let timer = null;
  const input = h("input", { type: "search", "aria-label": t("filter.search"), placeholder: t("filter.search"), spellcheck: "false" });
  input.value = asked().q;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => apply(changed({ q: input.value.trim() })), TYPING_MS);
  });
  return { element: h("div", { class: "search", role: "search" }, icon("search"), input), input };
}

/** The order, where rows are cards and have no heads to press. */
function sortField(apply) {
  const control = h("select", { class: "order", "aria-label": t("jobs.sort"), on: { change: () => apply(changed({ sort: control.value }), { push: true }) } },
    SORTS.map((sort) => h("option", { value: sort }, t(`sort.${sort}`))));
  return control;
}
