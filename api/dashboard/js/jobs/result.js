/** What a list says of a job's result: whether it was worth it, how much of the score is kept, how much smaller it is. */

import { h } from "../lib/dom.js";
import { count, percent, times } from "../lib/format.js";
import { decidingOf, difference, figure } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { OUTCOMES } from "../ui/status.js";

const SHARE = { unit: "%" };

/** The verdict with the difference to the student alone. */
export function verdict(job) {
  if (!job.verdict) return null;
  const [drawing, tone] = OUTCOMES[job.verdict.outcome] ?? OUTCOMES["no baseline"];
  const found = job.verdict.difference;
  return [
    h("span", { class: `badge ${tone}`, title: job.verdict.text }, icon(drawing), t(`verdict.${job.verdict.outcome}`)),
    typeof found === "number" && h("p", { class: "note" }, difference(found, job.headline?.metric ?? SHARE)),
  ];
}

/** The student's figure and the share of its teacher's: on the test split when the job is done, else the latest on validation. */
export function keptOf(job) {
  if (job.headline) return measured(job.headline);
  const of = (run) => decidingOf(job.metrics?.[`${run}.validation`]?.values);
  const [student, teacher] = [of("distil"), of("teacher")];
  if (!student || job.status === "failed" || job.status === "cancelled") return null;
  const ratio = teacher?.value ? student.value / teacher.value : null;
  return { ...student, share: ratio && !student.metric.higher_is_better ? 1 / ratio : ratio, split: "validation" };
}

function measured({ metric, models, score_kept: share }) {
  const value = models.student?.score;
  return typeof value === "number" ? { value, metric, share, split: "test" } : null;
}

export function kept(job) {
  const found = keptOf(job);
  if (!found) return null;
  const own = figure(found.value, found.metric);
  const where = t(`kept.${found.split}`, { score: own });
  return found.share === null ? [h("strong", {}, own), h("p", { class: "note" }, t(`jobs.on.${found.split}`))] : [h("strong", {}, percent(found.share)), h("p", { class: "note" }, where)];
}

/** Parameters of teacher and student: as measured, else as planned while something may still come of it. */
export function sizeOf(job) {
  if (job.status === "failed" || job.status === "cancelled") return [];
  const { teacher, student } = job.headline?.models ?? {};
  const planned = job.estimate?.parameters ?? {};
  return [teacher?.parameters ?? planned.teacher, student?.parameters ?? planned.student];
}

export function size(job) {
  const [theirs, own] = sizeOf(job);
  if (!own) return null;
  if (!theirs) return h("strong", {}, count(own));
  const ratio = theirs >= own ? t("size.smaller", { times: times(theirs / own) }) : t("size.larger", { times: times(own / theirs) });
  return [h("strong", {}, ratio), h("p", { class: "note" }, t("size.of", { own: count(own), theirs: count(theirs) }))];
}
