/** What the project has used and may use: hours by day and class, jobs at once, bytes. */

import { h, redraw } from "../lib/dom.js";
import { bytes, percent, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { colour } from "../lib/colours.js";
import { chart } from "../chart/figure.js";
import { plainBar } from "../ui/progress.js";

const HUES = ["accent", "term3", "term1", "term5", "term2"];
const DAY_MS = 86_400_000;

/** @returns {element, update, stop}: `update(project, usage)` */
export function usagePanel() {
  let usage = null;
  const figures = h("dl", { class: "quotas" });
  const bars = chart(() => (usage ? described(usage) : { title: t("workers.hoursTitle"), wait: t("list.loading"), legend: [], traces: null }));
  const element = h("div", { class: "usage" }, h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("workers.quotas"))), figures), bars.element);

  function update(project, found) {
    usage = found;
    redraw(figures, [project, found.month_hours, found.jobs_in_flight, found.stored_bytes], () => quotas(project, found));
    bars.update();
  }

  return { element, update, stop: bars.stop };
}

function quotas(project, usage) {
  return [
    quota(t("workers.running"), project.running, project.concurrency, whole),
    quota(t("workers.inFlight"), usage.jobs_in_flight, project.jobs_in_flight, whole, t("workers.serviceBound")),
    quota(t("workers.month"), usage.month_hours, project.month_hours, hours),
    h("div", {}, h("dt", {}, t("workers.stored")), h("dd", {}, h("strong", {}, bytes(usage.stored_bytes)), h("span", { class: "note" }, t("workers.storedNote")))),
  ];
}

/** A figure with its bound: how much of it is used, once there is one. */
function quota(title, used, most, text, free = t("workers.unbounded")) {
  const bounded = most !== null;
  const note = bounded ? t("workers.ofMost", { most: text(most) }) : free;
  const share = most ? used / most : 1;
  return h("div", {}, h("dt", {}, title), h("dd", {},
    h("strong", {}, text(used)), h("span", { class: "note" }, note),
    bounded && plainBar(Math.min(100, 100 * share), t("workers.shareUsed", { title, share: percent(share, 0) }))));
}

/** `2.4 h`, `0.03 h`. */
const hours = (value) => t("workers.hours", { n: value >= 9.95 ? whole(value) : value.toFixed(value && value < 0.095 ? 3 : 2) });

function described(usage) {
  const classes = [...new Set(usage.days.map((day) => day.resource_class))].sort();
  const hueOf = (name) => HUES[classes.indexOf(name) % HUES.length];
  const days = daysOf(usage);
  const of = (name, day) => usage.days.find((one) => one.day === day && one.resource_class === name);
  return {
    title: t("workers.hoursTitle"),
    note: t("workers.hoursNote", { total: hours(usage.hours) }),
    wait: t("workers.noHours"),
    legend: classes.map((name) => ({ hue: hueOf(name), label: name })),
    traces: classes.length ? () => classes.map((name) => ({
      type: "bar", name, x: days, y: days.map((day) => of(name, day)?.hours ?? 0), marker: { color: colour(hueOf(name)) },
      hovertemplate: `${t("workers.hours", { n: "%{y:.2f}" })}<extra>${name}</extra>` })) : null,
    axes: () => ({ barmode: "stack", bargap: 0.3, x: { title: t("workers.day"), type: "date" }, y: { title: t("workers.hoursAxis"), rangemode: "tozero" } }),
    table: () => ({
      header: [t("workers.day"), ...classes.flatMap((name) => [t("workers.hoursOf", { name }), t("workers.attemptsOf", { name })])],
      rows: days.filter((day) => classes.some((name) => of(name, day))).reverse().map((day) => [day, ...classes.flatMap((name) => [hours(of(name, day)?.hours ?? 0), whole(of(name, day)?.attempts ?? 0)])]),
    }),
  };
}

/** Every day of the span, those without work, too. */
function daysOf({ since, until }) {
  const [first, last] = [Date.parse(since), Date.parse(until)];
  return Array.from({ length: Math.round((last - first) / DAY_MS) + 1 }, (_, index) => new Date(first + index * DAY_MS).toISOString().slice(0, 10));
}
