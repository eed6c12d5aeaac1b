/** What can be done with several jobs at once: compare them, or cancel them after one question. */

import { fill, h, redraw } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { post, search } from "../net/api.js";
import { may } from "../net/session.js";
import { announce } from "../ui/announce.js";
import { confirmed } from "../ui/dialog.js";
import { notice, problemText } from "../ui/notice.js";
import { ALLOWED } from "../ui/status.js";

const AT_ONCE = 4;
const COMPARED = 20;

/**
 * The bar of a selection; it stands at the foot of the window while something is chosen.
 *
 * @param picked the `Selection`; `done` is called when jobs were cancelled
 */
export function bulkBar(picked, done) {
  let busy = false;
  const words = h("p");
  const buttons = h("div", { class: "row" });
  const trouble = h("div", { class: "stack" });
  const bar = h("section", { class: "bulk", hidden: true, "aria-label": t("bulk.title") }, words, buttons);

  function update() {
    const jobs = picked.list;
    bar.hidden = !jobs.length;
    document.body.classList.toggle("selecting", jobs.length > 0);
    if (busy) return;
    const waiting = jobs.filter((job) => ALLOWED.cancel.has(job.status));
    redraw(words, jobs.length, () => t("jobs.selected", { n: jobs.length, number: whole(jobs.length) }));
    redraw(buttons, [jobs.map((job) => job.id), waiting.length], () => [
      may("jobs:write") && waiting.length > 0 && button("bulk.cancel", waiting.length, "danger", () => cancelAll(waiting)),
      comparison(jobs),
      button("bulk.clear", jobs.length, "plain", () => picked.pick(jobs, false)),
    ]);
  }

  async function cancelAll(jobs) {
    const n = jobs.length;
    const question = { title: t("bulk.question", { n, number: whole(n) }), text: t("bulk.text"), yes: t("bulk.yes", { n, number: whole(n) }), no: t("bulk.no") };
    if (!(await confirmed(question))) return;
    busy = true;
    for (const control of buttons.querySelectorAll("button")) control.disabled = true;
    const refused = await each(jobs, (number) => fill(words, t("bulk.working", { number: whole(number), total: whole(n) })));
    busy = false;
    forgetDrawn(words, buttons);
    report(n - refused.size, [...refused]);
    picked.pick(jobs.filter((job) => !refused.has(job)), false);
    done();
  }

  function report(number, refused) {
    announce(t("bulk.done", { n: number, number: whole(number) }));
    redraw(trouble, [Date.now()], () => refused.length > 0 && notice("bad",
      h("p", {}, t("bulk.refused", { n: refused.length, number: whole(refused.length) })),
      h("ul", {}, refused.map(([job, problem]) => h("li", {}, h("a", { href: `/jobs/${job.id}` }, job.name), ` – ${problemText(problem)}`)))));
  }

  return { bar, trouble, update, leave: () => document.body.classList.remove("selecting") };
}

/** What is drawn next is drawn whatever was drawn before. */
const forgetDrawn = (...parts) => parts.forEach((part) => redraw(part, null, () => null));

function button(words, n, kind, click) {
  return h("button", { class: `button ${kind}`, type: "button", on: { click } }, t(words, { n, number: whole(n) }));
}

/** Two to twenty jobs can be compared. */
function comparison(jobs) {
  const n = jobs.length;
  const text = t("bulk.compare", { n, number: whole(n) });
  if (n >= 2 && n <= COMPARED) return h("a", { class: "button primary", href: `/compare${search({ job: jobs.map((job) => job.id) })}` }, text);
  return h("button", { class: "button", type: "button", disabled: true }, t("bulk.compareUpTo", { most: COMPARED }));
}

/** Cancel a few at a time. Gives the jobs that were refused, each with the reason. */
async function each(jobs, tell) {
  const rest = [...jobs];
  const refused = new Map();
  const worker = async () => {
    for (let job = rest.shift(); job; job = rest.shift()) {
      tell(jobs.length - rest.length);
      await post(`/v1/jobs/${job.id}/cancel`).catch((problem) => refused.set(job, problem));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return refused;
}
