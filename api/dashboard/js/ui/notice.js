/** Things that the reader has to know: refusals, warnings, a lost connection. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { icon } from "./icons.js";

/** A box with an icon; `tone` is `bad`, `warn` or nothing. */
export function notice(tone, ...content) {
  const role = tone === "bad" ? "alert" : null;
  return h("div", { class: `notice ${tone}`, role }, icon(tone === "bad" ? "failed" : "warning"), h("div", {}, content));
}

/** What went wrong with a request, with what helps to find out why. */
export function problemNotice(problem, ...more) {
  const id = problem.requestId && h("p", { class: "note" }, t("problem.request", { id: problem.requestId }));
  return notice("bad", h("p", {}, problemText(problem)), id, more);
}

/** A refusal as a sentence. */
export function problemText(problem) {
  return problem.status === 0 ? t("problem.offline") : sentence(problem.message);
}

/** The service's words as a sentence: a capital in front and a stop at the end. */
export function sentence(text) {
  const named = /^[^\s:]*[/._][^\s:]*:/.test(text); // a file's name keeps its case
  return (named ? text.charAt(0) : text.charAt(0).toUpperCase()) + text.slice(1) + (/[.!?。！？]$/.test(text) ? "" : ".");
}
