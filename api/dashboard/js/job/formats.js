/** The delivered student in each of its formats: how large, how fast, and whether it still says the same. */

import { h, redraw } from "../lib/dom.js";
import { NONE, bytes, loss, milliseconds, percent, times } from "../lib/format.js";
import { bounds, difference, figure, metricOf } from "../lib/metric.js";
import { has, t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { scroller } from "../ui/scroll.js";

const exportsOf = (state) => state.job.result?.exports ?? [];

export const hasFormats = (state) => exportsOf(state).length > 0;

/** What a kind of file is, in words where there are some. */
export const kindOf = (kind) => (has(`kind.${kind}`) ? t(`kind.${kind}`) : kind);

export function formats(state) {
  const body = scroller();
  const note = h("p", { class: "note" });
  const element = h("section", { class: "panel formats" }, h("header", {}, h("h3", {}, t("formats.title"))), body, note);
  const update = () => {
    redraw(body, exportsOf(state), () => table(state.job));
    redraw(note, Boolean(state.job.result), () => quantised(state.job));
  };
  return { element, update };
}

/** What quantisation-aware training was worth, where there was any; earlier results do not tell. */
function quantised(job) {
  const found = job.result?.quantisation;
  if (!found) return "";
  const metric = metricOf(job);
  const [low, high] = found.interval.map((end) => difference(end, metric));
  return t("formats.quantised", { epochs: found.epochs, n: found.examples, before: figure(found.before.as_int8, metric),
    after: figure(found.after.as_int8, metric), change: difference(found.change, metric), low, high });
}

function table(job) {
  const { exports } = job.result;
  const columns = Object.keys(COLUMNS).filter((name) => name !== "share" || exports.some((file) => typeof file.share_of_float === "number"));
  const head = (name) => h("th", { scope: "col", class: "number" }, t(`formats.${name}`));
  const row = (file) => h("tr", {},
    h("th", { scope: "row" }, kindOf(file.format), h("span", { class: "note" }, file.name)),
    columns.map((name) => h("td", { class: "number" }, COLUMNS[name](file, job))),
    h("td", {}, proof(file)));
  return h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("formats.format")), columns.map(head), h("th", { scope: "col" }, t("formats.checked")))),
    h("tbody", {}, exports.map((file) => [row(file), !file.verified && file.reason && reason(file, columns.length + 2)])));
}

/** Why a file is not delivered, over the whole width below it. */
const reason = ({ name, reason: why }, width) => h("tr", { class: "why" }, h("td", { colspan: width }, h("p", { class: "note warn" }, t("files.withheld", { name, reason: why }))));

/** Column -> what its cell shows of a file. Results that time the student alone timed the graph that onnxruntime ran. */
const COLUMNS = {
  bytes: (file) => bytes(file.bytes),
  share: (file) => percent(file.share_of_float, 0),
  smaller: (file, { result: { models } }) => (file.format === "loader" ? NONE : times(models.teacher?.bytes / file.bytes)),
  latency: (file, { result: { models } }) => latency(file.latency_ms ?? (file.format === "onnx" && models.student.latency_ms)),
  score: (file, job) => score(file, metricOf(job)),
  agreement: (file) => percent(file.agreement),
  difference: (file) => [loss(file.max_difference), typeof file.mean_difference === "number" && h("span", { class: "note" }, t("formats.mean", { value: loss(file.mean_difference) }))],
};

const latency = (found) => (found ? t("formats.both", { p50: milliseconds(found.p50), p95: milliseconds(found.p95) }) : t("formats.unmeasured"));

const score = ({ score: own, score_interval: ends }, metric) => (typeof own === "number" ? [figure(own, metric), ends && h("span", { class: "note" }, bounds(ends, metric))] : NONE);

function proof({ verified }) {
  const [tone, drawing, word] = verified ? ["good", "succeeded", "files.verified"] : ["warn", "warning", "formats.withheld"];
  return h("span", { class: `badge ${tone}` }, icon(drawing), t(word));
}
