/** One study as a row of the list. */

import { h } from "../lib/dom.js";
import { age, moment, since, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { plainBar } from "../ui/progress.js";
import { badge, isFinal } from "../ui/status.js";

/** Name of the column -> what its cell shows of a study, as [key, drawing]. */
const CELLS = {
  name: (study) => [[study.name, study.question], () => [h("a", { href: `/studies/${study.id}` }, study.name), study.question && h("p", { class: "note brief" }, study.question)]],
  status: (study) => [[study.status, study.waits_for], () => [badge(study.status), study.waits_for && h("p", { class: "note" }, waits(study))]],
  jobs: (study) => [study.jobs, () => [progress(study), h("p", { class: "note" }, endedOf(study))]],
  tried: (study) => [[study.arms, study.seeds], () => tried(study.arms, study.seeds)],
  reference: (study) => [study.reference, () => study.reference],
  dataset: (study) => [study.dataset, () => study.dataset],
  created: (study) => [ageOf(study), () => h("time", { datetime: study.created_at, title: moment(study.created_at) }, ageOf(study))],
};

/** The columns of the table. */
export const columns = () => Object.entries(CELLS).map(([name, cell]) => ({ name, cell, title: t(`studies.column.${name}`) }));

/** Whether a study may soon be otherwise. */
export const moves = (study) => !isFinal(study.status);

/** What a pilot that has decided waits for. */
export const APPROVAL = "approval";

const ENDS = ["succeeded", "failed", "cancelled"];

/** `1 seed`, `3 seeds`. */
export const seedsOf = (n) => t("studies.seeds", { n, number: whole(n) });

/** `2 arms × 3 seeds`. */
export const tried = (arms, seeds) => t("studies.tried", { arms: t("studies.arms", { n: arms, number: whole(arms) }), seeds: seedsOf(seeds) });

/** What it waits for, in words. */
export const waits = ({ waits_for: what }) => (what === APPROVAL ? t("standing.approval") : t("standing.waits", { what }));

/** How many of its jobs have ended. */
export const ended = ({ jobs }) => ENDS.reduce((sum, status) => sum + (jobs[status] ?? 0), 0);

/** `7 of 12 jobs have ended, 1 failed`. */
export function endedOf(study) {
  const failed = study.jobs.failed ?? 0;
  return [t("studies.ended", { n: whole(ended(study)), all: whole(study.jobs.planned) }), failed > 0 && t("studies.failed", { n: whole(failed) })].filter(Boolean).join(" · ");
}

/** The bar of a study that goes on. */
export const progress = (study) => moves(study) && plainBar((100 * ended(study)) / study.jobs.planned, t("studies.progressOf", { name: study.name }));

const ageOf = (study) => t("age.ago", { age: age(since(study.created_at)) });
