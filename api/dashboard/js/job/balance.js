/** How the balance of a learner's losses went: what each group weighed, whether the groups pulled apart, and who was strongest. */

import { byEpoch, chart } from "../chart/figure.js";
import { levelAt, lineTrace } from "../chart/lines.js";
import { h, redraw } from "../lib/dom.js";
import { TERMS } from "../lib/colours.js";
import { loss, percent, signed, times } from "../lib/format.js";
import { t } from "../lib/text.js";
import { runName } from "./accuracy.js";

const READING = /^balance\.([^.]+)\.(weight|share|cosine|norm_ratio)\.?(.*)$/;

/** Every reading of a balance: `{run, learner, kind, of, epochs, values}`. */
function readings(state) {
  const found = [];
  for (const line of state.series.series.values()) {
    const [, learner, kind, of] = (line.split === "train" && READING.exec(line.name)) || [];
    if (learner) found.push({ ...line, learner, kind, of });
  }
  return found;
}

/** Whether the job balances anything. */
export const hasBalance = (state) => readings(state).length > 0;

/** Whether the gradients were compared, not only weighed. */
export const hasPulls = (state) => readings(state).some(({ kind }) => kind === "cosine");

/** The readings of one kind of the learner that a select beside the title chooses; the last run's come first to mind. */
function chosen(state, kinds, select) {
  const all = readings(state).filter(({ kind }) => kinds.includes(kind));
  const keys = [...new Set(all.map(({ run, learner, kind }) => [run, learner, kind].join("\n")))].sort((a, b) => rank(b, kinds) - rank(a, kinds));
  redraw(select, keys, () => keys.map((key) => h("option", { value: key }, nameOf(key, kinds, keys.length === kinds.length))));
  select.hidden = keys.length < 2;
  if (keys.includes(select.dataset.chosen)) select.value = select.dataset.chosen;
  return all.filter(({ run, learner, kind }) => [run, learner, kind].join("\n") === select.value);
}

function rank(key, kinds) {
  const [run, learner, kind] = key.split("\n");
  return 4 * (run === "distil") + 2 * (learner === "student") - kinds.indexOf(kind);
}

/** A single learner need not be named. */
function nameOf(key, kinds, single) {
  const [run, learner, kind] = key.split("\n");
  const who = t("balance.learner", { run: runName(run), learner });
  return kinds.length > 1 ? [t(`balance.${kind}`), !single && who].filter(Boolean).join(" · ") : who;
}

function balanceChart(state, kinds, describe) {
  const select = h("select", { "aria-label": t("balance.which") });
  select.addEventListener("change", () => {
    select.dataset.chosen = select.value;
    drawing.update();
  });
  const drawing = chart(() => {
    const lines = chosen(state, kinds, select).map((line, index) => ({ ...line, hue: TERMS[index % TERMS.length], label: labelOf(line) }));
    const { value, table, axis, note, title, level } = describe(lines);
    return {
      title, note, wait: t("balance.wait"),
      legend: lines.map(({ hue, label }) => ({ hue, label })),
      traces: lines.length ? () => lines.map(lineTrace) : null,
      axes: () => ({ x: { title: t("chart.epoch"), rangemode: "tozero" }, y: { hoverformat: ".3g", ...axis }, ...(value !== null && levelAt(value, level)) }),
      table: () => ({ header: [t("chart.epochColumn"), ...lines.map(({ label }) => label)], rows: byEpoch(lines, table) }),
    };
  }, select, "h3");
  return drawing;
}

const readable = (name) => name.replaceAll("_", " ");

function labelOf({ kind, of }) {
  if (kind === "norm_ratio") return of.split("_to_").map(readable).join(" / ");
  if (kind === "cosine") return of ? of.split(".").map(readable).join(" · ") : t("balance.pair");
  return readable(of);
}

const last = ({ values }) => values.findLast((value) => value !== null) ?? null;

/** What each group counts. */
export const weightChart = (state) => balanceChart(state, ["weight", "share"], (lines) => {
  const most = lines.toSorted((a, b) => last(b) - last(a))[0];
  const shares = most?.kind === "share";
  return {
    value: null,
    title: most ? t("balance.weightTitle", { group: most.label, value: shares ? percent(last(most), 0) : loss(last(most)) }) : t("balance.none"),
    note: shares ? t("balance.shareNote") : t("balance.weightNote"),
    axis: { title: shares ? t("balance.shareAxis") : t("balance.weightAxis"), rangemode: "tozero" },
    table: loss,
  };
});

/** Whether the groups pull in one direction. */
export const conflictChart = (state) => balanceChart(state, ["cosine"], (lines) => {
  const count = lines[0]?.values.length ?? 0;
  const against = Array.from({ length: count }, (_, index) => lines.some(({ values }) => values[index] < 0)).filter(Boolean).length;
  return {
    value: 0,
    level: t("balance.apart"),
    title: against ? t("balance.conflictTitle", { share: percent(against / count, 0) }) : t("balance.noConflict"),
    note: t("balance.conflictNote"),
    axis: { title: t("balance.conflictAxis"), hoverformat: ".2f" },
    table: (value) => signed(value, 2),
  };
});

/** Whether one group's gradient drowns the others'. */
export const dominanceChart = (state) => balanceChart(state, ["norm_ratio"], (lines) => {
  const reach = (line) => Math.abs(Math.log(last(line)));
  const most = lines.toSorted((a, b) => reach(b) - reach(a))[0];
  const ratio = most && last(most);
  const [one, other] = most ? most.of.split("_to_").map(readable) : [];
  const values = ratio >= 1 ? { strong: one, weak: other, times: times(ratio) } : { strong: other, weak: one, times: times(1 / ratio) };
  return {
    value: 1,
    level: t("balance.equal"),
    title: most ? t("balance.dominanceTitle", values) : t("balance.none"),
    note: t("balance.dominanceNote"),
    axis: { title: t("balance.dominanceAxis"), type: "log", dtick: 1, tickformat: "~g" },
    table: loss,
  };
});
