/** Light or dark: the system's choice until somebody makes another one here. */

import { h, fill, setAttribute } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { icon } from "./icons.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

/** Whether the page is dark now. */
function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
}

/** Call `listener` whenever the colours change; gives a function that ends it. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The switch. */
export function themeButton() {
  const button = h("button", { class: "button small plain", type: "button", on: { click: () => choose(!isDark()) } });
  const show = () => {
    const label = t(isDark() ? "theme.light" : "theme.dark");
    fill(button, icon(isDark() ? "sun" : "moon"));
    setAttribute(button, "aria-label", label);
    setAttribute(button, "title", label);
  };
  onTheme(show);
  show();
  return button;
}

function choose(dark) {
  const theme = dark ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("distillery.theme", theme);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
  tell();
}

const tell = () => listeners.forEach((listener) => listener());
system.addEventListener("change", tell);
