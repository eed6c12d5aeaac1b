/** The filters above the list of studies: the beginning of a name, and a status; they live in the address. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { search } from "../net/api.js";
import { select, text } from "../ui/form.js";
import { icon } from "../ui/icons.js";

const TYPING_MS = 250;
const STATUSES = ["running", "waiting", "succeeded", "failed", "cancelled"];

/** What the address asks for. */
export function filterOf() {
  const query = new URLSearchParams(location.search);
  return { status: STATUSES.find((one) => one === query.get("status")) ?? null, q: query.get("q") ?? "" };
}

/** @param apply called with the new query string when a status is chosen or somebody has stopped typing */
export function studyFilters(apply) {
  let timer = null;
  const { status, q } = filterOf();
  const words = text(q, { type: "search", "aria-label": t("studies.search"), placeholder: t("studies.search") });
  const statuses = select([["", t("studies.any")], ...STATUSES.map((name) => [name, t(`status.${name}`)])], status ?? "", { "aria-label": t("studies.byStatus") });
  const now = () => apply(search({ status: statuses.value, q: words.value.trim() }));
  words.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(now, TYPING_MS);
  });
  statuses.addEventListener("change", now);
  return h("div", { class: "filters", role: "search" }, h("div", { class: "search" }, icon("search"), words), statuses);
}
