/** What became smaller and what it cost: teacher, student alone and distilled student side by side. */

import { h, redraw } from "../lib/dom.js";
import { NONE, between, bytes, count, milliseconds, percent, times } from "../lib/format.js";
import { t } from "../lib/text.js";
import { network } from "./header.js";

const ROLES = ["teacher", "alone", "student"];

/** Row -> [value of a model, words, words below, whether less is better and a bar is drawn]. */
const ROWS = {
  accuracy: [(model) => model.accuracy, percent, (model) => between(model.interval)],
  parameters: [(model) => model.parameters, count, null, true],
  bytes: [(model) => model.bytes, bytes, null, true],
  macs: [(model) => model.macs, count, null, true],
  latency: [(model) => model.latency_ms?.p50, milliseconds, (model) => model.latency_ms && t("card.p95", { time: milliseconds(model.latency_ms.p95) }), true],
  agreement: [(model) => model.agreement_with_teacher, percent],
};

export function compression(state) {
  const body = h("div", { class: "scroll" });
  const note = h("p", { class: "note" });
  const element = h("section", { class: "panel compression" }, h("header", {}, h("h2", {}, t("card.title"))), body, note);
  const update = () => {
    const models = modelsOf(state.job);
    redraw(body, models, () => table(models));
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

function table(models) {
  const shown = ROLES.filter((role) => models[role]);
  const head = (role) => h("th", { scope: "col" }, h("span", { class: `swatch ${role === "teacher" ? "dashed" : ""}`, vars: { hue: `var(--${role})` } }),
    h("span", {}, t(`role.${role}`)), h("span", { class: "note" }, network(models[role])));
  const rows = Object.keys(ROWS).filter((name) => name !== "agreement" || shown.some((role) => models[role].agreement_with_teacher));
  return h("table", { class: "figures models" },
    h("thead", {}, h("tr", {}, h("td"), shown.map(head), models.teacher && h("th", { scope: "col", class: "gain" }, t("card.gain")))),
    h("tbody", {}, rows.map((name) => row(name, shown, models))));
}

function row(name, shown, models) {
  const [value, words, below, bar] = ROWS[name];
  const most = Math.max(...shown.map((role) => value(models[role]) ?? 0));
  const cell = (role) => {
    const own = value(models[role]);
    return h("td", {}, h("span", { class: "value" }, words(own)), below && own !== undefined && h("span", { class: "note" }, below(models[role])),
      bar && own && h("span", { class: "size", vars: { share: `${(100 * own) / most}%`, hue: `var(--${role})` } }));
  };
  return h("tr", {}, h("th", { scope: "row" }, t(`card.${name}`)), shown.map(cell), models.teacher && h("td", { class: "gain" }, gain(name, value, models)));
}

/** Student against teacher. */
function gain(name, value, { teacher, student }) {
  const [theirs, own] = [value(teacher), value(student)];
  if (!theirs || !own || name === "agreement") return NONE;
  if (name === "accuracy") return t("card.keptOf", { share: percent(own / theirs) });
  const word = name === "latency" ? ["faster", "slower"] : ["smaller", "larger"];
  return theirs >= own ? t(`ratio.${word[0]}`, { times: times(theirs / own) }) : t(`ratio.${word[1]}`, { times: times(own / theirs) });
}

function noteOf({ result, dataset }) {
  if (!result) return t("card.wait");
  const speed = Object.values(result.models).find((model) => model.latency_ms)?.latency_ms;
  const measured = speed ? t("card.latencyNote", { batch: speed.batch, threads: speed.threads, runtime: speed.runtime }) : "";
  return [t("card.testNote", { n: result.dataset?.splits?.test ?? "", data: result.dataset?.name ?? dataset }), measured].filter(Boolean).join(" ");
}
