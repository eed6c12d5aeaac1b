/** Was it worth it: the verdict with its evidence when there is one, and how it looks so far until then. */

import { h, redraw, s } from "../lib/dom.js";
import { NONE, bytes, count, milliseconds, percent, times } from "../lib/format.js";
import { better, bounds, difference, drawn, figure, metricOf, named, tickOf } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { OUTCOMES, isFinal } from "../ui/status.js";

export function verdict(state) {
  const element = h("section", { class: "panel answer verdict", "aria-label": t("answer.worth") });
  const update = () => {
    const { job } = state;
    const far = job.verdict ? null : soFar(state);
    redraw(element, [job.verdict, Boolean(job.result), far, isFinal(job.status)], () => [
      h("h2", { class: "question" }, t("answer.worth")),
      job.verdict ? decided(job) : open(job, far),
    ]);
    element.className = `panel answer verdict ${job.verdict ? `decided ${toneOf(job)}` : ""}`;
  };
  return { element, update };
}

const toneOf = (job) => (OUTCOMES[job.verdict.outcome] ?? OUTCOMES["no baseline"])[1];

function decided(job) {
  const [drawing, tone] = OUTCOMES[job.verdict.outcome] ?? OUTCOMES["no baseline"];
  return [
    h("div", { class: "grounds" },
      h("div", {}, h("p", { class: `figure ${tone}` }, icon(drawing, "big"), t(`outcome.${job.verdict.outcome}`)), h("p", {}, job.verdict.text)),
      interval(job.verdict, metricOf(job))),
    job.result && h("dl", { class: "facts" }, facts(job.result)),
  ];
}

/** Four figures for a manager: what is kept, and what it no longer costs. */
function facts(result) {
  const metric = named(result.metric);
  const { teacher, student, alone } = result.models;
  const [p50, theirs] = [student.latency_ms?.p50, teacher?.latency_ms?.p50];
  return [
    fact("facts.kept", result.score_kept === null ? figure(student.score, metric) : percent(result.score_kept), t("facts.test", { title: metric.title, share: figure(student.score, metric), interval: bounds(student.interval, metric) })),
    fact("facts.size", teacher?.parameters ? ratio(teacher.parameters / student.parameters, "smaller") : count(student.parameters), teacher?.parameters ? t("facts.against", { own: count(student.parameters), other: count(teacher.parameters) }) : bytes(student.bytes)),
    fact("facts.speed", p50 && theirs ? ratio(theirs / p50, "faster") : milliseconds(p50), p50 && theirs ? t("facts.against", { own: milliseconds(p50), other: milliseconds(theirs) }) : ""),
    fact("facts.gap", percent(result.gap_closed, 0), result.gap_closed === null ? t(alone && teacher ? "facts.noGap" : "facts.needs") : t(result.verdict.outcome === "no difference" ? "facts.gapChance" : "facts.gapOf", { gap: difference(Math.abs(teacher.score - alone.score), metric).replace("+", "") })),
  ];
}

const fact = (title, figure, note) => h("div", {}, h("dt", {}, t(title)), h("dd", {}, h("strong", {}, figure), h("span", { class: "note" }, note)));
const OPPOSITE = { smaller: "larger", faster: "slower" };
const ratio = (value, word) => (value >= 1 ? t(`ratio.${word}`, { times: times(value) }) : t(`ratio.${OPPOSITE[word]}`, { times: times(1 / value) }));

/** The difference between both students on a line that shows where zero is. */
function interval({ difference: found, interval: ends, confidence }, metric) {
  if (typeof found !== "number" || !ends) return null;
  const [low, high] = ends.map((end) => drawn(end, metric));
  const [lowest, highest] = [low, high].map((end) => tickOf(end, metric));
  const reach = 1.2 * Math.max(Math.abs(low), Math.abs(high), metric.unit === "%" ? 0.5 : 1e-9);
  const x = (value) => 160 + (150 * value) / reach;
  const label = t("verdict.interval", { difference: difference(found, metric), low: lowest, high: highest, confidence: percent(confidence, 0) });
  const drawing = s("svg", { class: "interval", viewBox: "0 0 320 56", role: "img", "aria-label": label },
    s("line", { class: "axis", x1: 4, x2: 316, y1: 28, y2: 28 }),
    s("line", { class: "zero", x1: 160, x2: 160, y1: 8, y2: 40 }),
    s("line", { class: "reach", x1: x(low), x2: x(high), y1: 28, y2: 28 }),
    s("circle", { class: "dot", cx: x(drawn(found, metric)), cy: 28, r: 6 }),
    tick(x(0), "0"), tick(x(low), lowest, "end"), tick(x(high), highest, "start"));
  return h("figure", { class: "difference" }, drawing, h("figcaption", { class: "note" }, t("verdict.axis", { title: metric.title, unit: metric.unit === "%" ? t("verdict.points") : "", confidence: percent(confidence, 0) })));
}

function tick(x, text, side) {
  const inward = { end: 2, start: -2 }[side] ?? 0;
  return s("text", { x: x + inward, y: side ? 16 : 53, "text-anchor": side ?? "middle" }, text);
}

/** The deciding figure of both students on the validation split at their best until now. */
function soFar(state) {
  const metric = metricOf(state.job);
  const of = (run) => {
    const values = state.series.get(run, "validation", metric.name)?.values.filter((value) => value !== null);
    return values?.length ? better(metric)(...values) : null;
  };
  return { teacher: of("teacher"), alone: of("alone"), distil: of("distil") };
}

function open(job, far) {
  if (isFinal(job.status)) return [h("p", { class: "figure" }, NONE), h("p", { class: "note" }, t(`worth.${job.status}`))];
  const metric = metricOf(job);
  const both = far.distil !== null && far.alone !== null;
  const headline = both ? t("worth.soFar", { difference: difference(far.distil - far.alone, metric) }) : t("worth.later");
  const known = Object.entries(far).filter(([, value]) => value !== null).map(([run, value]) => t("accuracy.of", { who: t(`run.${run}`).toLowerCase(), share: figure(value, metric) }));
  return [
    h("p", { class: "figure" }, headline),
    known.length ? h("p", { class: "note" }, t("worth.best", { list: known.join(", ") })) : null,
    h("p", { class: "note" }, t(job.plan?.runs?.some((run) => run.name === "alone") ? "worth.atEnd" : "worth.noBaseline")),
  ];
}
