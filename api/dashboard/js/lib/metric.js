/** The figure that a job's networks are judged by: its name, its direction, and how it reads. */

import { NONE, between, percent, points, signed } from "./format.js";
import { has, t } from "./text.js";

const ACCURACY = { name: "accuracy", title: "accuracy", unit: "%", higher_is_better: true };

/** Deciding figures of the tasks, for lists, which know no plan. */
const UNITS = { accuracy: "%", f1_micro: "%", miou: "%", token_accuracy: "%", rmse: "" };

/** Of a job: as its result says, or its plan. */
export const metricOf = (job) => named(job.result?.metric ?? job.plan?.metric ?? ACCURACY);

/** A figure under the name that it has in the reader's language; the service says it in English. */
export const named = (metric) => (has(`metric.${metric.name}`) ? { ...metric, title: t(`metric.${metric.name}`) } : metric);

/** The first deciding figure among latest values, as `{ value, metric }`. */
export function decidingOf(values = {}) {
  const name = Object.keys(UNITS).find((known) => typeof values[known] === "number");
  return name && { value: values[name], metric: { name, unit: UNITS[name], higher_is_better: name !== "rmse" } };
}

const isShare = (metric) => metric.unit === "%";

/** `93.4 %` of a share, else three significant digits. */
export function figure(value, metric) {
  if (typeof value !== "number") return NONE;
  return isShare(metric) ? percent(value) : Number(value.toPrecision(3)).toString();
}

/** A difference with its sign. */
export function difference(value, metric) {
  if (typeof value !== "number") return NONE;
  return isShare(metric) ? points(value) : `${value > 0 ? "+" : "\u2212"}${Math.abs(Number(value.toPrecision(2)))}`;
}

/** The bounds of an interval. */
export function bounds(interval, metric) {
  return isShare(metric) ? between(interval) : interval.map((bound) => figure(bound, metric)).join("\u2013");
}

/** A bound or tick on a drawn axis: points of a share, else the number itself. */
export const drawn = (value, metric) => (isShare(metric) ? 100 * value : value);
export const tickOf = (value, metric) => (isShare(metric) ? signed(value) : difference(value, metric));

/** The better one of two figures. */
export const better = (metric) => (metric.higher_is_better === false ? Math.min : Math.max);
