/** Words on the page: every string has a name, and stands once for each language in the table of its room. */

const LANGUAGES = { en: "English", ja: "日本語" };
const KEPT = "distillery.language";

const table = {};
const rooms = new Map();

/** The languages there are: code -> how it calls itself. */
export const languages = Object.entries(LANGUAGES);

/** The code of the language that the page speaks: the one that was chosen here, else the browser's, else English. */
export const language = [kept(), ...navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())].find((code) => code in LANGUAGES) ?? "en";

/** The locale for numbers and dates. */
export const locale = language === "en" ? "en-GB" : language;

const plurals = new Intl.PluralRules(language);

/** Load the words of these rooms; a page names its own in the router's table. */
export function speak(...names) {
  for (const name of names) {
    if (!rooms.has(name)) rooms.set(name, import(`../text/${language}/${name}.js`).then((found) => Object.assign(table, found.default)));
  }
  return Promise.all(names.map((name) => rooms.get(name).catch((error) => {
    rooms.delete(name);
    throw error;
  })));
}

/** Speak another language from now on; the page is loaded again, because every word on it changes. */
export function chooseLanguage(code) {
  try {
    localStorage.setItem(KEPT, code);
  } catch {
    // Storage may be forbidden; then the browser's language stays.
  }
  location.reload();
}

/** The string of this name, with `{placeholders}` filled in; `{one, other}` entries go by `values.n`. */
export function t(name, values = {}) {
  const entry = table[name] ?? name;
  const text = typeof entry === "string" ? entry : entry[plurals.select(values.n)] ?? entry.other;
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** Whether the loaded tables have a string of this name. */
export function has(name) {
  return name in table;
}

function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}
