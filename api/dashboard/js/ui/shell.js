/** The frame around every page: where one is, who one is, which language, light or dark, and whether the service answers. */

import { h, fill } from "../lib/dom.js";
import { chooseLanguage, language, languages, t } from "../lib/text.js";
import { may, session, signOut } from "../net/session.js";
import { icon } from "./icons.js";
import { notice } from "./notice.js";
import { themeButton } from "./theme.js";

const offline = h("div", { class: "offline", hidden: true });

/** Page -> the scopes of which it needs one, because it shows nothing without. */
const PAGES = [
  ["overview", "/", "jobs:read"], ["jobs", "/jobs", "jobs:read"], ["studies", "/studies", "jobs:read"], ["compare", "/compare", "jobs:read"],
  ["datasets", "/datasets", "jobs:read"], ["models", "/models", "jobs:read"], ["workers", "/workers", "jobs:read", "operate"],
  ["webhooks", "/webhooks", "admin"], ["keys", "/keys", "admin"], ["audit", "/audit", "admin"],
];
const BESIDE = [["new", "/new", "jobs:read"]];

/** The scopes of which the page of this address needs one, where the key has none of them; else null. */
export function lacking(path) {
  const [, , ...scopes] = [...PAGES, ...BESIDE].find(([, address]) => isBelow(path, address)) ?? [];
  return scopes.length && !may(...scopes) ? scopes : null;
}

/** Where one begins: the first page that the key opens. */
export const front = () => opened()[0]?.[1] ?? "/";

const opened = () => PAGES.filter(([, , ...scopes]) => may(...scopes));
const isBelow = (path, address) => path === address || (address !== "/" && path.startsWith(`${address}/`));

/** The product's name and sign. */
export function brand() {
  return h("a", { class: "brand", href: "/" }, h("img", { src: "/icon.svg", alt: "", width: 24, height: 24 }), "Distillery");
}

/** Draw the frame; without a session there is none. */
export function drawShell(path, leave) {
  const shell = document.getElementById("shell");
  fill(document.getElementById("skip"), t("shell.skip"));
  fill(offline, notice("warn", t("shell.offline")));
  fill(shell, session() && h("header", { class: "top" }, h("div", {}, brand(), navigation(path), person(leave))), offline);
  shell.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** Say, or stop saying, that the service does not answer. */
export function showOffline(yes) {
  offline.hidden = !yes;
}

/** The choice of a language, where there is one. */
export function languageSwitch() {
  if (languages.length < 2) return null;
  const control = h("select", { class: "language", "aria-label": t("language.switch"), on: { change: () => chooseLanguage(control.value) } },
    languages.map(([code, name]) => h("option", { value: code, lang: code }, name)));
  control.value = language;
  return control;
}

function navigation(path) {
  return h("nav", { "aria-label": t("shell.nav") }, opened().map(([name, address]) =>
    h("a", { href: address, "aria-current": isBelow(path, address) && "page" }, t(`nav.${name}`))));
}

function person(leave) {
  const name = session().key_name;
  const out = async () => {
    await signOut().catch(() => {});
    leave();
  };
  const button = h("button", { class: "button small plain", type: "button", title: t("shell.signOut"), on: { click: out } },
    icon("leave"), h("span", {}, t("shell.signOut")));
  return h("div", { class: "who" },
    name && h("span", { class: "key", title: t("shell.key", { name }) }, name), languageSwitch(), themeButton(), session().key_id && button);
}
