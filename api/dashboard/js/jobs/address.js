/** What the address of the list asks for, so that a view can be kept, gone back to, and sent to somebody. */

import { search } from "../net/api.js";
import { GROUPS } from "../ui/status.js";

const LABEL = "label.";
export const SORTS = ["-created_at", "created_at", "-finished_at", "finished_at", "name", "-name"];

/** Group of statuses, beginning of a name or id, method, labels and order. */
export function asked(address = location.search) {
  const query = new URLSearchParams(address);
  const [status, sort] = [query.get("status"), query.get("sort")];
  const labels = [...query].filter(([name]) => name.startsWith(LABEL)).map(([name, value]) => [name.slice(LABEL.length), value]);
  return {
    status: status in GROUPS ? status : null,
    q: query.get("q") ?? "",
    method: query.get("method"),
    labels: Object.fromEntries(labels),
    sort: SORTS.includes(sort) ? sort : SORTS[0],
  };
}

/** The query string of what is asked for now, with these changes. */
export function changed(changes = {}, address = location.search) {
  const { labels, sort, ...rest } = { ...asked(address), ...changes };
  return search({ ...rest, ...labelled(labels), sort: sort === SORTS[0] ? null : sort });
}

/** The same as filters of /v1/jobs. */
export function filtersOf({ status, labels, ...rest }) {
  return { ...rest, ...labelled(labels), status: GROUPS[status] ?? null };
}

/** Whether anything but a status narrows the list. */
export const narrowed = ({ q, method, labels }) => Boolean(q || method || Object.keys(labels).length);

const labelled = (labels) => Object.fromEntries(Object.entries(labels).map(([name, value]) => [LABEL + name, value]));
