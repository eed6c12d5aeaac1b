/** A page of one thing: a skeleton first, patience while the service is away, and a way back when it is not there. */

import { h, fill } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { missing } from "../pages/missing.js";
import { problemNotice } from "./notice.js";
import { showOffline } from "./shell.js";

const RETRY_MS = 3000;

/**
 * Read what the page shows, again and again while the service cannot be reached or has a fault of its own.
 *
 * @param read an async function that gets the signal and gives what is shown
 * @param lost the heading and text for a thing that is not there, and `back` the address that leads on
 * @returns what was read, or null where the page has nothing to show or was left
 */
export async function load(main, read, signal, { heading, text, back }) {
  if (!main.children.length) fill(main, skeleton());
  for (;;) {
    try {
      const found = await read(signal);
      showOffline(false);
      return signal.aborted ? null : found;
    } catch (problem) {
      if (signal.aborted || problem.status === 401) return null;
      if (problem.status === 404) return void fill(main, missing(heading, text, back)) ?? null;
      if (problem.status) fill(main, h("h1", {}, heading), problemNotice(problem));
      if (problem.status && problem.status < 500) return null;
      showOffline(problem.status === 0);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Grey boxes where things will stand. */
export function skeleton() {
  return [h("h1", { class: "hidden" }, t("list.loading")), h("div", { class: "stack loading", "aria-busy": "true" },
    h("div", { class: "skeleton" }), h("div", { class: "panel skeleton tall" }), h("div", { class: "panel skeleton tall" }))];
}
