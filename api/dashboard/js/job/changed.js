/** Who pays for the compression: what each class, or group of examples, gained or lost, as the result says it. */

import { metricOf } from "../lib/metric.js";

const ROLES = ["teacher", "alone", "student"];

/** What is measured of a class is a share of one in every task. */
const shareOf = (metric) => ({ ...metric, title: metric.by_class, unit: "%", higher_is_better: true });

/** Whether there is anybody to compare the student's classes or groups with. */
export const hasClasses = (state) => changesOf(state).length > 0;

/**
 * One view for each way to part the examples: `{ by, metric, roles, rival, parts, worst, spread, outcome, leftOut }`.
 *
 * Its parts `{ name, examples, values, change, interval, notable }` stand with the worst change first. A result that
 * states no changes has figures by class at least; what only it could say is then not there.
 */
export function changesOf({ job }) {
  if (!job.result) return [];
  const stated = (job.result.changes ?? []).map((found) => viewOf(found, found.by === "class" ? shareOf(metricOf(job)) : metricOf(job)));
  const views = stated.length ? stated : [viewOf({ by: "class", parts: byClass(job.result.models) }, shareOf(metricOf(job)))];
  return views.filter(({ roles, parts }) => roles.includes("student") && roles.length > 1 && parts.length > 1);
}

function viewOf({ by, parts, worst = [], spread = null, outcome = null, left_out: leftOut = 0 }, metric) {
  const roles = ROLES.filter((role) => parts.some(({ values }) => typeof values[role] === "number"));
  const [rival] = roles;
  const sign = metric.higher_is_better === false ? -1 : 1;
  const known = parts.map((part) => changeOf(part, rival)).filter(({ change }) => change !== null).sort((a, b) => sign * (a.change - b.change));
  return { by, metric, sign, roles, rival, parts: known, worst, spread, outcome, leftOut };
}

/** Against the teacher where there is one; an interval is of that change alone. */
function changeOf({ interval = null, notable = false, ...part }, rival) {
  const [own, theirs] = [part.values.student ?? null, part.values[rival] ?? null];
  const change = own === null || theirs === null ? null : part.change ?? own - theirs;
  return { ...part, change, interval: rival === "teacher" ? interval : null, notable };
}

function byClass(models) {
  return (models.student.per_class ?? []).map(({ index, name, examples }) => ({
    name, examples, values: Object.fromEntries(ROLES.filter((role) => models[role]).map((role) => [role, models[role].per_class?.[index]?.value ?? null])),
  }));
}
