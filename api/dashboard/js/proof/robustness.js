/** What stated disturbances of the test inputs cost each network, corruption by corruption and by severity. */

import { chart } from "../chart/figure.js";
import { colour } from "../lib/colours.js";
import { whole } from "../lib/format.js";
import { difference, drawn, figure, metricOf } from "../lib/metric.js";
import { has, t } from "../lib/text.js";
import { robustnessOf } from "./given.js";

const ROLES = ["teacher", "alone", "student"];
const MARKS = { teacher: "square-open", alone: "diamond", student: "circle" };
const SIGNS = { teacher: "square", alone: "diamond", student: "circle" };
const PAUSE = 1;

/** The name of a corruption for people. */
export const corruption = (name) => (has(`corruption.${name}`) ? t(`corruption.${name}`) : name.replaceAll("_", " "));

export function robustnessChart(state) {
  return chart(() => {
    const found = robustnessOf(state);
    const metric = metricOf(state.job);
    const roles = ROLES.filter((role) => typeof found.mean_drop[role] === "number");
    return {
      title: headline(found, roles, metric),
      note: t("robustness.note", { n: whole(found.examples), clean: roles.map((role) => t("accuracy.of", { who: t(`role.${role}`).toLowerCase(), share: figure(found.clean[role], metric) })).join(", ") }),
      wait: "",
      legend: roles.map((role) => ({ hue: role, label: t(`role.${role}`), mark: SIGNS[role] })),
      traces: () => roles.map((role) => trace(found.rows, role, metric)),
      axes: () => axes(found.rows, metric),
      table: () => tabulated(found.rows, roles, metric),
    };
  }, null, "h3");
}

function headline({ rows, mean_drop: mean }, roles, metric) {
  const lost = (role) => lossOf(mean[role], metric);
  const rival = roles.find((role) => role !== "student");
  const values = { n: rows.length, student: lost("student"), against: rival && t(`role.${rival}`).toLowerCase(), other: lost(rival) };
  return t(rival ? "robustness.title" : "robustness.alone", values);
}

/** A loss is told without a sign where it is one; a gain keeps it. */
function lossOf(value, metric) {
  const text = difference(value, metric);
  return value > 0 ? text.replace("+", "") : text;
}

/** Corruptions in the order of the rows, each with its rows by severity. */
function groupsOf(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.name, [...(groups.get(row.name) ?? []), row].sort((a, b) => a.severity - b.severity));
  return [...groups.values()];
}

/** Where each row stands: severities side by side, a pause between corruptions. */
function placed(rows) {
  let next = 0;
  return groupsOf(rows).map((group) => {
    const places = group.map(() => next++);
    next += PAUSE;
    return { group, places };
  });
}

function trace(rows, role, metric) {
  const groups = placed(rows);
  const broken = (of) => groups.flatMap((one) => [...of(one), null]);
  return {
    type: "scatter", mode: "lines+markers", name: t(`role.${role}`), connectgaps: false,
    x: broken(({ places }) => places), y: broken(({ group }) => group.map(({ drop }) => (typeof drop[role] === "number" ? drawn(drop[role], metric) : null))),
    text: broken(({ group }) => group.map((row) => t("robustness.at", { name: corruption(row.name), severity: row.severity, setting: row.setting }))),
    line: { color: colour(role), width: 1.5, dash: role === "teacher" ? "dash" : "solid" },
    marker: { symbol: MARKS[role], color: colour(role), size: 7 },
    hovertemplate: "%{text}<br>%{fullData.name} %{y}<extra></extra>",
  };
}

function axes(rows, metric) {
  const groups = placed(rows);
  const middle = ({ places }) => places.reduce((sum, place) => sum + place, 0) / places.length;
  return {
    x: { tickmode: "array", tickvals: groups.map(middle), ticktext: groups.map(({ group: [{ name }] }) => corruption(name)), showgrid: false },
    y: { title: t("robustness.axis", { title: metric.title, unit: metric.unit && `, ${t("robustness.points")}` }), hoverformat: metric.unit ? ".1f" : ".3g", zeroline: true, zerolinecolor: colour("edge") },
    hovermode: "closest",
  };
}

function tabulated(rows, roles, metric) {
  const cell = (row) => (role) => t("robustness.cell", { score: figure(row.scores[role], metric), drop: lossOf(row.drop[role], metric) });
  return {
    header: [t("robustness.corruption"), t("robustness.setting"), ...roles.map((role) => t(`role.${role}`))],
    rows: groupsOf(rows).flat().map((row) => [t("robustness.row", { name: corruption(row.name), severity: row.severity }), row.setting, ...roles.map(cell(row))]),
  };
}
