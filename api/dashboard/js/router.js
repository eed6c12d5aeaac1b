/** Addresses and pages: a table of patterns, the browser's own history, one page at a time. */

const ROUTES = [
  [/^\/$/, () => ({ redirect: "/jobs" })],
  [/^\/sign-in$/, () => import("./pages/signin.js")],
  [/^\/jobs$/, () => import("./pages/jobs.js")],
  [/^\/jobs\/([^/]+)$/, () => import("./pages/job.js")],
];

let leave = () => {};
let turn = 0;
let entering = () => {};

/** Begin: `before` is called with each path, and may give another one to go to instead. */
export function start(before) {
  entering = before;
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
  const [, load = () => import("./pages/missing.js"), values = []] = match(path);
  const page = await load();
  if (page.redirect) return go(page.redirect, { replace: true });
  if (mine !== turn) return undefined;
  leave();
  const main = document.getElementById("main");
  main.replaceChildren();
  leave = page.enter(main, ...values) ?? (() => {});
  arrive(main);
  return undefined;
}

function match(path) {
  for (const [pattern, load] of ROUTES) {
    const found = pattern.exec(path);
    if (found) return [path, load, found.slice(1).map(decodeURIComponent)];
  }
  return [path];
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
