/** The filters above the table; they live in the address, so that a view can be sent to somebody. */

import { h, redraw } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { search } from "../net/api.js";
import { icon } from "../ui/icons.js";
import { GROUPS } from "../ui/status.js";

const TYPING_MS = 250;

/** What the address asks for. */
export function filterOf(address = location.search) {
  const query = new URLSearchParams(address);
  const status = query.get("status");
  return { status: status in GROUPS ? status : null, q: query.get("q") ?? "" };
}

/**
 * The chips and the search field.
 *
 * @param apply called with the new query string when a chip is chosen or somebody has stopped typing
 * @returns {element, update}: `update(overview)` shows how many jobs each chip stands for
 */
export function filters(apply) {
  let counts = null;
  const list = h("ul", { class: "chips" });
  const draw = () => redraw(list, [location.search, counts?.jobs], () => chips(counts));
  const update = (overview) => draw((counts = overview ?? counts));
  list.addEventListener("click", (event) => {
    const chip = event.target.closest("a");
    if (!chip || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    apply(new URL(chip.href).search, { push: true });
    draw();
    list.querySelector("[aria-current]")?.focus();
  });
  return { element: h("div", { class: "filters" }, h("nav", { "aria-label": t("filter.status") }, list), field(apply)), update };
}

function chips(overview) {
  const { status, q } = filterOf();
  return [null, ...Object.keys(GROUPS)].map((name) => {
    const here = name === status;
    const number = overview && sum(overview.jobs, name ? GROUPS[name] : Object.keys(overview.jobs));
    const href = `/jobs${search({ status: name, q })}`;
    return h("li", {}, h("a", { href, "aria-current": here && "true" }, t(`filter.${name ?? "all"}`),
      number !== undefined && h("span", { class: "count" }, whole(number))));
  });
}

const sum = (counts, names) => names.reduce((total, name) => total + (counts[name] ?? 0), 0);

function field(apply) {
  let timer = null;
  const input = h("input", { type: "search", "aria-label": t("filter.search"), placeholder: t("filter.search"), spellcheck: "false" });
  input.value = filterOf().q;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => apply(search({ status: filterOf().status, q: input.value.trim() })), TYPING_MS);
  });
  return h("div", { class: "search", role: "search" }, icon("search"), input);
}
