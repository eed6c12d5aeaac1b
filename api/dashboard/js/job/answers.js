/** The first screen: is it running well, when is it done, was it worth it. */

import { h, redraw } from "../lib/dom.js";
import { clock, duration, loss, moment, percent, roughly, since, whole } from "../lib/format.js";
import { figure, metricOf } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { runBar, stretches } from "../ui/progress.js";
import { isActive, isFinal } from "../ui/status.js";
import { hueOf } from "../lib/colours.js";
import { runName } from "./accuracy.js";
import { tookSeconds } from "./header.js";

const STALLED_SECONDS = 90;

/** Two cards beside each other while the job lives; the third answer is the verdict's own. */
export function answers(state) {
  const [well, when] = [card("answer.well"), card("answer.when")];
  const element = h("div", { class: "answers" }, well.element, when.element);
  const update = () => {
    well.show(wellOf(state));
    when.show(whenOf(state));
  };
  return { element, update };
}

function card(title) {
  const body = h("div");
  const element = h("section", { class: "panel answer" }, h("h2", { class: "question" }, t(title)), body);
  const show = ({ figure, lines, extra, tone = "" }) =>
    redraw(body, [figure, lines, extra?.key, tone], () => [h("p", { class: `figure ${tone}` }, figure), extra?.draw(), lines.filter(Boolean).map((line) => h("p", { class: "note" }, line))]);
  return { element, show };
}

function wellOf(state) {
  const { job } = state;
  const attempts = job.attempt > 1 ? t("well.attempt", { n: job.attempt }) : null;
  if (job.status === "queued") return queued(state, attempts);
  if (!isActive(job.status)) return { figure: t(`well.${job.status}`), tone: TONES[job.status], lines: [reason(job), attempts] };
  const silent = since(new Date(state.heardAt).toISOString(), Date.now());
  if (silent > STALLED_SECONDS && state.link === "live") return { figure: t("well.silent"), tone: "warn", lines: [t("well.silentFor", { time: duration(silent) }), attempts] };
  return { figure: doing(job), lines: [place(job), trend(state), attempts] };
}

const TONES = { succeeded: "good", failed: "bad" };

function reason(job) {
  const known = job.termination_reason ? t("well.reason", { reason: job.termination_reason.replaceAll("_", " ") }) : null;
  return job.status === "succeeded" ? t("well.took", { time: duration(tookSeconds(job)) }) : job.status === "paused" ? t("well.pausedHint") : known;
}

function queued(state, attempts) {
  if (state.workers === 0) return { figure: t("well.noWorker"), tone: "warn", lines: [t("well.noWorkerHint"), attempts] };
  return { figure: t("well.waiting"), lines: [t("well.waitingHint", { time: duration(since(state.job.queued_at)) }), attempts] };
}

/** What it does now, in words. */
function doing({ status, phase, progress }) {
  if (status === "cancelling" || status === "pausing") return t(`well.${status}`);
  if (!phase) return t("well.starting");
  return phase === progress?.phase && progress.run ? t("well.trains", { run: runName(progress.run).toLowerCase() }) : t(`well.phase.${phase}`);
}

function place({ phase, progress, plan }) {
  if (!progress || phase !== progress.phase) return null;
  const stages = plan?.runs?.find((run) => run.name === progress.run)?.stages ?? [];
  const where = t("well.epoch", { epoch: progress.epoch, epochs: progress.epochs });
  return stages.length > 1 ? t("well.stage", { where, stage: progress.stage }) : where;
}

function trend(state) {
  const run = state.job.progress?.run;
  const train = run && state.series.get(run, "train", "loss")?.values.at(-1);
  const metric = metricOf(state.job);
  const score = run && state.series.get(run, "validation", metric.name)?.values.at(-1);
  const parts = [typeof train === "number" && t("well.loss", { loss: loss(train) }), typeof score === "number" && t("well.score", { title: metric.title, share: figure(score, metric) })];
  return parts.filter(Boolean).join(" · ") || null;
}

function whenOf(state) {
  const { job } = state;
  const bar = barOf(job);
  if (isFinal(job.status)) return { figure: t("when.ended", { time: clock(job.finished_at) }), extra: bar, lines: [moment(job.finished_at), t("when.took", { time: duration(tookSeconds(job)) })] };
  const expected = job.estimate?.train_seconds;
  if (!isActive(job.status) || !job.progress) return { figure: t(`when.${job.status === "paused" ? "paused" : "soon"}`), extra: bar, lines: [expected && t("when.estimate", { time: roughly(expected) })] };
  const left = job.progress.eta_seconds;
  const known = typeof left === "number";
  const trained = job.progress.step >= job.progress.total_steps;
  return {
    figure: trained ? t("when.measuring") : known ? t("when.left", { time: roughly(left) }) : t("when.reckoning"),
    extra: bar,
    lines: [
      [percent(job.progress.percent / 100, 0), t("progress.steps", { step: whole(job.progress.step), total: whole(job.progress.total_steps) })].join(" · "),
      known && !trained && t("when.about", { time: clock(Date.now() + 1000 * left) }),
    ],
  };
}

function barOf(job) {
  const all = stretches(job.plan).reduce((total, { steps }) => total + steps, 0);
  const step = job.status === "succeeded" ? all : job.progress?.step ?? 0;
  if (!all) return null;
  return { key: step, draw: () => h("div", { class: "runs" }, runBar(job.plan, step), runLegend(job.plan)) };
}

function runLegend(plan) {
  return h("ul", { class: "legend" }, stretches(plan).map(({ run }) => h("li", {}, h("span", { class: "swatch", vars: { hue: `var(--${hueOf(run)})` } }), runName(run))));
}
