/** What can be asked of a job: offered where its status and the key allow it, and confirmed where it costs work. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { idempotencyKey, post } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { confirmed } from "../ui/dialog.js";
import { icon } from "../ui/icons.js";
import { problemNotice } from "../ui/notice.js";
import { ALLOWED } from "../ui/status.js";
import { go } from "../router.js";

const ICONS = { pause: "pause", resume: "play", retry: "retry", cancel: "stop" };

const act = (job, what, headers) => post(`/v1/jobs/${job.id}/${what}`, undefined, headers);

const question = (name) => ({
  title: t("cancel.title", { name }),
  text: t("cancel.text"),
  yes: t("cancel.yes"),
  no: t("cancel.no"),
});

/** Ask whether the job shall be cancelled, and cancel it. Gives whether it was. */
export async function cancel(job, fail = (problem) => announce(problem.message)) {
  if (!(await confirmed(question(job.name)))) return false;
  try {
    await act(job, "cancel");
    return true;
  } catch (problem) {
    fail(problem);
    return false;
  }
}

/** A form filled in with this job's spec. */
const cloneLink = (job) => h("a", { class: "button", href: `/new?from=${job.id}` }, icon("copy"), t("action.clone"));

/**
 * The buttons of the job page, and below them why one did not work.
 *
 * @param changed called when something was asked of the job
 */
export function actions(changed) {
  const bar = h("div", { class: "actions" });
  const trouble = h("div");
  const fail = (problem) => redraw(trouble, [problem.message, Date.now()], () => problemNotice(problem));

  const does = {
    cancel: async (job) => (await cancel(job, fail)) && changed(),
    pause: (job) => act(job, "pause").then(changed),
    resume: (job) => act(job, "resume").then(changed),
    retry: async (job) => {
      const made = await act(job, "retry", { "Idempotency-Key": idempotencyKey() });
      announce(t("retry.made"));
      return go(`/jobs/${made.id}`);
    },
  };

  function button(what, job) {
    const element = h("button", { class: `button ${what === "cancel" ? "danger" : ""}`, type: "button" }, icon(ICONS[what]), t(`action.${what}`));
    element.addEventListener("click", async () => {
      element.disabled = true;
      redraw(trouble, null, () => null);
      await does[what](job).catch(fail);
      element.disabled = false;
    });
    return element;
  }

  function update(job) {
    const offered = may("jobs:write") ? Object.keys(ICONS).filter((what) => ALLOWED[what].has(job.status)) : [];
    const focused = bar.contains(document.activeElement);
    redraw(bar, offered, () => [offered.map((what) => button(what, job)), job.kind === "distillation" && may("jobs:write") && cloneLink(job)]);
    if (focused && !bar.contains(document.activeElement)) (bar.querySelector("button, a") ?? document.querySelector("h1")).focus();
  }

  return { bar, trouble, update };
}
