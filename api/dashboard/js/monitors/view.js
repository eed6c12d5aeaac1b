/** One monitor: how it stands, its drift over time, the last figures, and what can be asked of it. */

import { h, redraw } from "../lib/dom.js";
import { age, moment, since } from "../lib/format.js";
import { bounds, difference, figure, named } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { idempotencyKey, patch, post } from "../net/api.js";
import { may } from "../net/session.js";
import { acting } from "../ui/acting.js";
import { announce } from "../ui/announce.js";
import { icon } from "../ui/icons.js";
import { notice } from "../ui/notice.js";
import { driftChart, multiple } from "./drift.js";
import { proposal } from "./proposal.js";

/** Outcome -> icon and tone. */
const LOOKS = { pending: ["running", "live"], steady: ["succeeded", "good"], drifted: ["warning", "warn"], unknown: ["unknown", ""], failed: ["failed", "bad"], cancelled: ["cancelled", ""] };

/** The outcome of a re-evaluation as an icon and a word. */
export function outcomeBadge(status) {
  const [drawing, tone] = LOOKS[status] ?? LOOKS.unknown;
  return h("span", { class: `badge ${tone}` }, icon(drawing), t(`monitors.outcome.${status}`));
}

/**
 * @param changed called when something was asked of the monitor
 * @returns {element, show, stop}: `show({ monitor, rows })` with the oldest row first
 */
export function monitorView(changed) {
  let shown = { monitor: null, rows: [] };
  const { button, trouble } = acting(changed);
  const [head, said, last, offer] = [h("header"), h("div"), h("div"), h("div")];
  const drift = driftChart(() => shown);
  const element = h("section", { class: "panel monitor" }, head, said, trouble, drift.element, last, offer);

  function show(found) {
    shown = found;
    const { monitor, rows } = found;
    const latest = rows.at(-1) ?? null;
    redraw(head, [monitor, latest?.status], () => heading(monitor, latest, button));
    redraw(said, [monitor.reason, monitor.waits_for, latest?.error], () => words(monitor, latest));
    const measured = rows.findLast(({ figures }) => figures) ?? null;
    drift.element.hidden = measured === null;
    redraw(last, measured, () => measured && facts(measured));
    redraw(offer, [monitor.then, latest?.id, latest?.status], () => latest?.status === "drifted" && monitor.then === "propose" && proposal(latest));
    drift.update();
  }

  return { element, show, stop: drift.stop };
}

function heading(monitor, latest, button) {
  const { id, name, status } = monitor;
  const run = () => post(`/v1/monitors/${id}/run`, undefined, { "Idempotency-Key": idempotencyKey() }).then(() => announce(t("monitors.begun")) ?? true);
  const turn = (enabled) => () => patch(`/v1/monitors/${id}`, { enabled }).then(() => true);
  const off = status === "stopped";
  return [
    h("div", {}, h("h3", {}, name), h("p", { class: "note" }, when(monitor), " · ", h("a", { href: `/datasets/${monitor.dataset_id}` }, t("monitors.dataset")))),
    off && h("span", { class: "badge warn" }, icon("paused"), t("monitors.stopped")),
    latest && outcomeBadge(latest.status),
    may("jobs:write") && h("div", { class: "actions" },
      button([icon("play"), t("monitors.run")], run, "small", t("monitors.runOf", { name })),
      button(t(off ? "monitors.start" : "monitors.stop"), turn(off), "small", t(off ? "monitors.startOf" : "monitors.stopOf", { name }))),
  ];
}

function when({ every_hours: hours, on_new_version: fresh, due_at: due, status }) {
  const parts = [hours !== null && t("monitors.every", { n: hours }), fresh && t("monitors.onVersion"), status === "active" && due && t("monitors.due", { time: moment(due) })];
  return parts.filter(Boolean).join(", ");
}

function words({ reason, waits_for: waits }, latest) {
  return [
    reason && notice("warn", h("p", {}, t("monitors.why", { reason }))),
    waits && notice("warn", h("p", {}, t("monitors.waits", { what: waits }))),
    latest?.error && notice("bad", h("p", {}, t("monitors.error", { message: latest.error.message ?? latest.error.code }))),
  ];
}

/** The last figures that there are: drift, score and calibration, and the classes that lost. */
function facts({ figures, ended_at: ended, dataset_version: version, job_id: job }) {
  const { distance, limit, ratio, own, before, now, change, examples, known } = figures;
  const metric = named(figures.metric);
  const worst = change.worst ?? [];
  return [
    h("dl", { class: "facts" },
      fact("monitors.drift", multiple(ratio?.[distance]), t("monitors.driftNote", { limit: multiple(limit), own: multiple(own?.[distance]) })),
      factOf(metric.title, figure(now.score, metric), t("monitors.before", { value: figure(before.score, metric) })),
      fact("monitors.change", difference(change.score, metric), change.interval && bounds(change.interval, metric)),
      fact("monitors.calibration", figure(now.calibration_error, { unit: "%" }), t("monitors.before", { value: figure(before.calibration_error, { unit: "%" }) }))),
    figures.reason && h("p", { class: "note" }, figures.reason),
    worst.length > 0 && h("p", {}, t("monitors.worst", { list: worst.join(", ") })),
    h("p", { class: "note" }, t("monitors.of", { version, n: examples, known, age: t("age.ago", { age: age(since(ended)) }) }), " ", job && h("a", { href: `/jobs/${job}` }, t("monitors.job"))),
  ];
}

const fact = (title, value, note) => factOf(t(title), value, note);
const factOf = (title, value, note) => h("div", {}, h("dt", {}, title), h("dd", {}, h("strong", {}, value), note && h("span", { class: "note" }, note)));
