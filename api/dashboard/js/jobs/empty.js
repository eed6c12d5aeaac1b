/** What the list says when there is nothing to list. */

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { copyButton } from "../ui/copy.js";

const SPEC = {
  dataset: { name: "digits" },
  teacher: { architecture: "resnet20", train: { epochs: 12 } },
  student: { architecture: "resnet8", width: 0.5 },
  method: "fitnet",
  training: { epochs: 20, batch_size: 64 },
};

/** Nothing yet: how the first job is submitted. */
export function noJobs() {
  const command = [
    `curl ${location.origin}/v1/jobs \\`,
    '  -H "Authorization: Bearer $DISTILLERY_API_KEY" -H "Content-Type: application/json" \\',
    `  -d '${JSON.stringify(SPEC)}'`,
  ].join("\n");
  return h("div", { class: "start" },
    h("h2", {}, t("jobs.none")),
    h("p", { class: "muted" }, t("jobs.first")),
    h("pre", { class: "code", tabindex: 0 }, command),
    copyButton(() => command));
}

/** Nothing that fits the filter. */
export function noMatch() {
  return h("div", { class: "start" },
    h("h2", {}, t("jobs.noMatch")),
    h("p", { class: "muted" }, t("jobs.noMatchHint")),
    h("a", { class: "button", href: "/jobs" }, t("jobs.clear")));
}
