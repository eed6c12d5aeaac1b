/** What became smaller and what it cost: teacher, student alone and distilled student side by side. */

import { h, redraw } from "../lib/dom.js";
import { NONE, bytes, count, loss, milliseconds, percent, times } from "../lib/format.js";
import { bounds, figure, metricOf } from "../lib/metric.js";
import { t } from "../lib/text.js";
import { network } from "./header.js";
import { scroller } from "../ui/scroll.js";

const ROLES = ["teacher", "alone", "student"];

/** Row -> [value of a model, words, words below, whether less is better and a bar is drawn]. */
const ROWS = {
  score: [(model) => model.score, figure, (model, metric) => bounds(model.interval, metric)],
  parameters: [(model) => model.parameters, count, null, true],
  bytes: [(model) => model.bytes, bytes, null, true],
  macs: [(model) => model.macs, count, null, true],
  latency: [(model) => model.latency_ms?.p50, milliseconds, (model) => model.latency_ms && t("card.p95", { time: milliseconds(model.latency_ms.p95) }), true],
  memory: [(model) => model.memory_bytes, bytes, null, true],
  agreement: [(model) => model.agreement_with_teacher, (share) => percent(share)],
  divergence: [(model) => model.divergence_from_teacher, loss],
  calibration: [(model) => model.calibration_error, (share) => percent(share)],
};

/** Rows that are there only where somebody has the figure: not every task and not every earlier result has them. */
const SOMETIMES = new Set(["memory", "agreement", "divergence", "calibration"]);

/** Rows of which student against teacher is no ratio of sizes. */
const APART = new Set(["agreement", "divergence", "calibration"]);

export function compression(state) {
  const body = scroller();
  const note = h("p", { class: "note" });
  const element = h("section", { class: "panel compression" }, h("header", {}, h("h3", {}, t("card.title"))), body, note);
  const update = () => {
    const models = modelsOf(state.job);
    redraw(body, models, () => table(models, metricOf(state.job)));
    redraw(note, Boolean(state.job.result), () => noteOf(state.job));
  };
  return { element, update };
}

/** The measured networks, or what the plan knows of them. */
function modelsOf(job) {
  if (job.result) return job.result.models;
  const { teacher, student } = job.plan?.networks ?? {};
  const alone = job.plan?.runs?.some((run) => run.name === "alone") ? student : undefined;
  return { teacher, alone, student };
}

function table(models, metric) {
  const shown = ROLES.filter((role) => models[role]);
  const head = (role) => h("th", { scope: "col" }, h("span", { class: `swatch ${role === "teacher" ? "dashed" : ""}`, vars: { hue: `var(--${role})` } }),
    h("span", {}, t(`role.${role}`)), h("span", { class: "note" }, network(models[role])));
  const rows = Object.keys(ROWS).filter((name) => !SOMETIMES.has(name) || shown.some((role) => typeof ROWS[name][0](models[role]) === "number"));
  return h("table", { class: "figures models" },
    h("thead", {}, h("tr", {}, h("td"), shown.map(head), models.teacher && h("th", { scope: "col", class: "gain" }, t("card.gain")))),
    h("tbody", {}, rows.map((name) => row(name, shown, models, metric))));
}

function row(name, shown, models, metric) {
  const [value, words, below, bar] = ROWS[name];
  const most = Math.max(...shown.map((role) => value(models[role]) ?? 0));
  const cell = (role) => {
    const own = value(models[role]);
    return h("td", {}, h("span", { class: "value" }, words(own, metric)), below && own !== undefined && h("span", { class: "note" }, below(models[role], metric)),
      bar && own && h("span", { class: "size", vars: { share: `${(100 * own) / most}%`, hue: `var(--${role})` } }));
  };
  return h("tr", {}, h("th", { scope: "row" }, t(`card.${name}`, { title: capital(metric.title) })), shown.map(cell), models.teacher && h("td", { class: "gain" }, gain(name, value, models, metric)));
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Student against teacher. */
function gain(name, value, { teacher, student }, metric) {
  const [theirs, own] = [value(teacher), value(student)];
  if (!theirs || !own || APART.has(name)) return NONE;
  if (name === "score") return t("card.keptOf", { share: percent(metric.higher_is_better ? own / theirs : theirs / own) });
  const word = name === "latency" ? ["faster", "slower"] : ["smaller", "larger"];
  return theirs >= own ? t(`ratio.${word[0]}`, { times: times(theirs / own) }) : t(`ratio.${word[1]}`, { times: times(own / theirs) });
}

function noteOf(job) {
  const { result, dataset } = job;
  if (!result) return t("card.wait");
  const speed = Object.values(result.models).find((model) => model.latency_ms)?.latency_ms;
  const measured = speed ? t("card.latencyNote", { batch: speed.batch, threads: speed.threads, runtime: speed.runtime }) : "";
  return [t("card.testNote", { n: result.dataset?.splits?.test ?? "", data: result.dataset?.name ?? dataset }), measured].filter(Boolean).join(" ");
}
