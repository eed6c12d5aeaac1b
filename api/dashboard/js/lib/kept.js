/** What a page keeps over a reload, and no longer than its tab. */

/** The value kept under `name`; null where there is none. */
export function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}

/** Keep `value` under `name`; null forgets it. */
export function keep(name, value) {
  try {
    if (value) sessionStorage.setItem(name, JSON.stringify(value));
    else sessionStorage.removeItem(name);
  } catch {
    // Storage may be forbidden; the value then lasts as long as the page.
  }
}
