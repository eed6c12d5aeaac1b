/** The frame around every page: where one is, who one is, light or dark, and whether the service answers. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { session, signOut } from "../net/session.js";
import { icon } from "./icons.js";
import { notice } from "./notice.js";
import { themeButton } from "./theme.js";

const offline = h("div", { class: "offline", hidden: true });

/** The product's name and sign. */
export function brand() {
  return h("a", { class: "brand", href: "/jobs" }, h("img", { src: "/icon.svg", alt: "", width: 24, height: 24 }), "Distillery");
}

/** Draw the frame; without a session there is none. */
export function drawShell(path, leave) {
  const shell = document.getElementById("shell");
  fill(document.getElementById("skip"), t("shell.skip"));
  fill(offline, notice("warn", t("shell.offline")));
  fill(shell, session() && h("header", { class: "top" }, h("div", {}, brand(), navigation(path), person(leave))), offline);
}

/** Say, or stop saying, that the service does not answer. */
export function showOffline(yes) {
  offline.hidden = !yes;
}

function navigation(path) {
  const here = path.startsWith("/jobs");
  return h("nav", { "aria-label": t("shell.nav") }, h("a", { href: "/jobs", "aria-current": here && "page" }, t("jobs.title")));
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
    name && h("span", { class: "key", title: t("shell.key", { name }) }, name), themeButton(), session().key_id && button);
}
