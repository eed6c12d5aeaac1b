/** What the address says: which jobs are compared, by id or by label, and how the reader wants to see them. */

import { search } from "../net/api.js";
import { setQuery } from "../router.js";

/** Jobs at most; more would be colours that nobody can tell apart. */
export const MOST = 20;

const LABEL = "label.";

/** Choice -> what it can be; the first is what it is when the address is silent. */
const CHOICES = {
  seeds: ["together", "apart"],
  run: ["distil", "alone", "teacher"],
  value: ["score", "loss"],
  along: ["epoch", "step"],
  cost: ["parameters", "bytes", "latency"],
  places: ["all", "written"],
};

/** The jobs that the address asks for: `{ids}`, or `{labels, status}`; `more` is how many ids are too many. */
export function selected() {
  const query = new URLSearchParams(location.search);
  const all = [...new Set(query.getAll("job"))];
  const labels = Object.fromEntries([...query].filter(([name]) => name.startsWith(LABEL)));
  return all.length || !Object.keys(labels).length
    ? { ids: all.slice(0, MOST), more: Math.max(0, all.length - MOST) }
    : { labels, status: query.getAll("status"), more: 0 };
}

/** Compare exactly these jobs from now on. */
export function select(ids, how) {
  setQuery(search({ job: ids, ...choices() }), how);
}

/** The address of all jobs that have a label. */
export const labelAddress = (key, value) => `/compare${search({ [LABEL + key]: value })}`;

/** The reader's choice of this name. */
export function chosen(name) {
  const value = new URLSearchParams(location.search).get(name);
  return CHOICES[name].includes(value) ? value : CHOICES[name][0];
}

/** Everything that can be chosen for this name. */
export const offered = (name) => CHOICES[name];

/** Take up a choice; what is so without saying is not said. */
export function choose(name, value) {
  const query = new URLSearchParams(location.search);
  if (value === CHOICES[name][0]) query.delete(name);
  else query.set(name, value);
  setQuery(query.size ? `?${query}` : "");
}

function choices() {
  return Object.fromEntries(Object.keys(CHOICES).filter((name) => chosen(name) !== CHOICES[name][0]).map((name) => [name, chosen(name)]));
}
