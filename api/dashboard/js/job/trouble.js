/** What needs attention before anything else: why a job failed, and what the plan warned of. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { copyButton } from "../ui/copy.js";
import { notice, sentence } from "../ui/notice.js";

export function trouble(state) {
  const element = h("div", { class: "stack" });
  const update = () => {
    const { error, warnings, status } = state.job;
    redraw(element, [error, warnings, status], () => [error && failure(error, status), warnings?.length ? warned(warnings) : null]);
  };
  return { element, update };
}

function failure({ code, message, param, log_tail: tail, signal }, status) {
  const lines = Array.isArray(tail) ? tail.join("\n") : tail;
  const facts = [t("error.code", { code }), param && t("error.param", { param }), signal && t("error.signal", { signal })];
  return notice(status === "failed" ? "bad" : "warn",
    h("h2", {}, t(status === "failed" ? "error.title" : "error.attempt")),
    h("p", {}, sentence(message)),
    h("p", { class: "note" }, facts.filter(Boolean).join(" · ")),
    lines && h("details", { open: status === "failed" },
      h("summary", {}, t("error.tail")), h("pre", { class: "code", tabindex: 0 }, lines), copyButton(() => lines)));
}

function warned(warnings) {
  const line = ({ pointer, message }) => h("li", {}, message, pointer && h("code", { class: "note" }, ` ${pointer}`));
  return notice("warn", h("h2", {}, t("warnings.title", { n: warnings.length })), h("ul", {}, warnings.map(line)));
}
