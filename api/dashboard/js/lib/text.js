/** Words on the page: every string comes from one table per language, by its name. */

import en from "../text/en.js";

const table = en;
const plurals = new Intl.PluralRules("en");

/** The string of this name, with `{placeholders}` filled in; `{one, other}` entries go by `values.n`. */
export function t(name, values = {}) {
  const entry = table[name] ?? name;
  const text = typeof entry === "string" ? entry : entry[plurals.select(values.n)] ?? entry.other;
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** Whether the table has a string of this name. */
export function has(name) {
  return name in table;
}
