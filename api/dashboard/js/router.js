/** Addresses and pages: a table of patterns, the browser's own history, one page at a time. */

import { speak } from "./lib/text.js";
import { dress, wear } from "./lib/styles.js";

/** Address -> the page's module, and the rooms whose words and styles it takes. */
const ROUTES = [
  [/^\/$/, () => import("./pages/overview.js"), "overview", "jobs"],
  [/^\/sign-in$/, () => import("./pages/signin.js"), "signin"],
  [/^\/jobs$/, () => import("./pages/jobs.js"), "jobs"],
  [/^\/jobs\/([^/]+)$/, () => import("./pages/job.js"), "job", "proof", "monitors"],
  [/^\/new$/, () => import("./pages/new.js"), "new", "objective"],
  [/^\/studies$/, () => import("./pages/studies.js"), "studies"],
  [/^\/studies\/new$/, () => import("./pages/newstudy.js"), "studies", "new"],
  [/^\/studies\/([^/]+)$/, () => import("./pages/study.js"), "studies", "pilots", "new"],
  [/^\/compare$/, () => import("./pages/compare.js"), "compare"],
  [/^\/datasets$/, () => import("./pages/datasets.js"), "datasets", "upload"],
  [/^\/datasets\/([^/]+)$/, () => import("./pages/dataset.js"), "datasets", "upload", "job"],
  [/^\/models$/, () => import("./pages/models.js"), "models", "upload"],
  [/^\/models\/([^/]+)$/, () => import("./pages/model.js"), "models", "upload"],
  [/^\/workers$/, () => import("./pages/workers.js"), "workers"],
  [/^\/webhooks$/, () => import("./pages/webhooks.js"), "webhooks"],
  [/^\/keys$/, () => import("./pages/keys.js"), "keys"],
  [/^\/audit$/, () => import("./pages/audit.js"), "audit"],
];

const NOWHERE = [null, () => import("./pages/missing.js")];

let leave = () => {};
let turn = 0;
let entering = () => {};
let lacking = () => null;

/**
 * Begin: `before` is called with each path, and may give another one to go to instead; `needs` gives the scopes that
 * the visitor lacks for a path, if any.
 */
export function start(before, needs) {
  entering = before;
  lacking = needs;
  window.addEventListener("popstate", show);
  document.addEventListener("click", followLink);
  return show();
}

/** Go to an address of this service. */
export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"]({}, "", address);
  return show();
}

/** Change the query of the page that is shown, without leaving it. */
export function setQuery(text, { push = false } = {}) {
  history[push ? "pushState" : "replaceState"]({}, "", location.pathname + text);
}

/** The page's name in the window's title. */
export function title(text) {
  document.title = text ? `${text} · Distillery` : "Distillery";
}

async function show() {
  const mine = ++turn;
  const path = location.pathname;
  const instead = entering(path);
  if (instead) return go(instead, { replace: true });
  const scopes = lacking(path);
  const { load, rooms, values } = scopes ? { load: () => import("./pages/barred.js"), rooms: [], values: [scopes] } : match(path);
  const [page] = await Promise.all([load(), speak(...rooms), dress(...rooms)]);
  if (mine !== turn) return undefined;
  leave();
  wear(...rooms);
  const main = document.getElementById("main");
  main.replaceChildren();
  leave = page.enter(main, ...values) ?? (() => {});
  arrive(main);
  return undefined;
}

function match(path) {
  const route = ROUTES.find(([pattern]) => pattern.test(path)) ?? NOWHERE;
  const [pattern, load, ...rooms] = route;
  return { load, rooms, values: pattern ? pattern.exec(path).slice(1).map(decodeURIComponent) : [] };
}

/** A new page is read from its top, by eyes and by screen readers. */
function arrive(main) {
  window.scrollTo(0, 0);
  const heading = main.querySelector("[data-focus]") ?? main.querySelector("h1") ?? main;
  if (heading.tagName === "H1") heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

function followLink(event) {
  const link = event.target.closest?.("a[href]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.hash || url.pathname.startsWith("/v1/")) return;
  event.preventDefault();
  go(url.pathname + url.search);
}
