/** What a version was worth as a teacher: before a job listened to it, it answered the job's validation split. */

import { h, redraw } from "../lib/dom.js";
import { NONE, percent, whole } from "../lib/format.js";
import { figure, metricOf } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { scroller } from "../ui/scroll.js";
import { badge, isFinal } from "../ui/status.js";

export function gate(state) {
  const body = h("div");
  const note = h("p", { class: "note" });
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("model.gate.title"))), h("p", { class: "note" }, t("model.gate.lead")), body, note);
  const update = () => {
    const looks = state.pupils.flatMap((job) => looksOf(job, state));
    element.hidden = !looks.length;
    redraw(body, looks.map(({ job, name, figures }) => [job.id, job.status, name, figures]), () => table(looks));
    redraw(note, state.others, () => state.others > 0 && t("model.gate.others", { n: state.others, number: whole(state.others) }));
  };
  return { element, update };
}

/** Each part that the version played in a job, with the gate's figures once the job has left them. */
function looksOf(job, { model, version }) {
  const played = Object.entries(job.plan?.networks ?? {}).filter(([, network]) => network.model?.id === model.id && network.model.version === version.number);
  return played.map(([name]) => ({ job, name, figures: job.result?.resolved?.gate?.[name] ?? null }));
}

function table(looks) {
  const head = (name) => h("th", { scope: "col", class: NUMBERS.has(name) && "number" }, t(`model.gate.${name}`));
  return scroller(h("table", { class: "figures judged" },
    h("thead", {}, h("tr", {}, ["job", "passed", "figure", "wanted", "calibration", "classes"].map(head))),
    h("tbody", {}, looks.map(row))));
}

const NUMBERS = new Set(["figure", "wanted", "calibration"]);

function row({ job, name, figures }) {
  const metric = metricOf(job);
  const cells = figures ? judged(figures, metric) : h("td", { class: "note", colspan: 5 }, unjudged(job));
  const played = h("p", { class: "note" }, t("model.gate.as", { name, data: job.dataset }));
  return h("tr", {}, h("th", { scope: "row" }, h("a", { href: `/jobs/${job.id}` }, job.name), played), cells);
}

function judged(figures, metric) {
  const [sign, tone, words] = figures.passed ? ["succeeded", "good", t("model.gate.good")] : ["warning", "warn", t("model.gate.poor")];
  return [
    h("td", {}, h("span", { class: `badge ${tone}` }, icon(sign), words)),
    h("td", { class: "number" }, figure(figures.value, metric),
      h("p", { class: "note" }, t("model.gate.over", { title: metric.title, n: figures.examples, number: whole(figures.examples) }))),
    h("td", { class: "number" }, figures.wanted === null ? NONE : figure(figures.wanted, metric),
      figures.wanted !== null && h("p", { class: "note" }, t(figures.wanted === figures.blind ? "model.gate.blind" : "model.gate.asked"))),
    h("td", { class: "number" }, percent(figures.calibration_error)),
    h("td", {}, figures.per_class?.length ? classes(figures.per_class, metric) : NONE),
  ];
}

/** The worst class first: that is where a student will be taught badly. */
function classes(rows, metric) {
  const sorted = rows.toSorted((a, b) => (a.value ?? 2) - (b.value ?? 2));
  const [worst] = sorted;
  const measure = metric.by_class ?? t("model.gate.recall");
  const number = (words) => h("th", { scope: "col", class: "number" }, words);
  return h("details", {}, h("summary", {}, t("model.gate.worst", { measure, name: worst.name, value: percent(worst.value) })),
    h("table", { class: "figures small classes" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("model.gate.class")), number(measure), number(t("model.gate.examples")))),
      h("tbody", {}, sorted.map((one) => h("tr", {}, h("th", { scope: "row" }, one.name),
        h("td", { class: "number" }, percent(one.value)), h("td", { class: "number" }, whole(one.examples)))))));
}

/** A job that refused its teacher says with which figures. */
function unjudged(job) {
  if (job.error?.code === "teacher_refused") return [h("span", { class: "badge bad" }, icon("failed"), t("model.gate.refused")), h("p", {}, job.error.message)];
  return [badge(job.status), h("p", {}, t(isFinal(job.status) ? "model.gate.none" : "model.gate.later"))];
}
