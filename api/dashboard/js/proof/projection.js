/** Features of both networks in one plane, before and after the training: where they lie on each other, they agree. */

import { chart } from "../chart/figure.js";
import { TERMS, colour } from "../lib/colours.js";
import { percent, signed, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { escaped } from "../chart/stages.js";
import { alignmentOf } from "./given.js";

export const hasProjection = (state) => Boolean(alignmentOf(state)?.projection);

/** Signs that tell classes of the same hue apart: symbol of the drawing library -> CSS class. */
const SIGNS = [["circle", "circle"], ["square", "square"], ["diamond", "diamond"], ["triangle-up", "triangle"]];
const MOST_CLASSES = TERMS.length * SIGNS.length;
const MARGIN = 0.06;

/** @param when `before` or `after` the training */
export function projectionChart(state, when) {
  const drawing = chart(() => {
    const { projection } = alignmentOf(state);
    const classes = classesOf(projection.labels, state.job.result.models.student.per_class ?? []);
    const left = projection.residual[when];
    return {
      title: t(`projection.${when}`, { left: percent(left, 0) }),
      note: t("projection.note", { n: whole(projection.labels.length || projection[when].student.length), explained: percent(projection.explained, 0) }),
      wait: "",
      legend: legend(classes),
      traces: () => classes.flatMap((one) => [cloud(projection[when].teacher, one, "teacher"), cloud(projection[when].student, one, "student")]),
      axes: () => axes(projection),
      table: () => tabulated(projection[when], classes),
    };
  }, null, "h3");
  drawing.element.style.setProperty("--plot", "400px");
  return drawing;
}

/** The classes with a colour and a sign each; those that are too many for that share one. */
function classesOf(labels, named) {
  const names = new Map(named.map(({ index, name }) => [index, name]));
  const members = new Map();
  labels.forEach((label, point) => members.set(label, [...(members.get(label) ?? []), point]));
  const all = [...members].sort(([a], [b]) => a - b).map(([label, points], index) => ({ name: names.get(label) ?? String(label), points, ...looks(index) }));
  const rest = all.slice(MOST_CLASSES).flatMap(({ points }) => points);
  const shown = all.slice(0, MOST_CLASSES);
  if (rest.length) shown.push({ name: t("projection.others"), points: rest, hue: "muted", mark: "circle", sign: "circle" });
  return shown.length ? shown : [{ name: t("projection.all"), points: null, hue: "student", mark: "circle", sign: "circle" }];
}

function looks(index) {
  const [mark, sign] = SIGNS[(Math.floor(index / TERMS.length) + index) % SIGNS.length];
  return { hue: TERMS[index % TERMS.length], mark, sign };
}

function legend(classes) {
  return [
    { hue: "ink", label: t("role.teacher"), mark: "ring" }, { hue: "ink", label: t("role.student"), mark: "dot" },
    ...classes.map(({ name, hue, sign }) => ({ hue, label: name, mark: `${sign} point` })),
  ];
}

const pointsOf = (all, { points }) => (points ? points.map((point) => all[point]) : all);

/** The teacher's marks are open, the student's filled. */
function cloud(all, one, role) {
  const found = pointsOf(all, one);
  const open = role === "teacher";
  return {
    type: "scatter", mode: "markers", name: t("projection.who", { role: t(`role.${role}`), name: one.name }),
    x: found.map(([x]) => x), y: found.map(([, y]) => y),
    marker: { symbol: one.mark + (open ? "-open" : ""), size: open ? 8 : 6, color: colour(one.hue), opacity: open ? 0.55 : 0.9 },
    hovertemplate: `${escaped(one.name)}<extra>${escaped(t(`role.${role}`))}</extra>`,
  };
}

/** Both pictures have the same axes, and a unit is as long in both directions. */
function axes({ before, after }) {
  const all = [before, after].flatMap(({ student, teacher }) => [...student, ...teacher]);
  const range = (index) => {
    const values = all.map((point) => point[index]);
    const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    return [low - MARGIN * (high - low), high + MARGIN * (high - low)];
  };
  const plain = { showticklabels: false, zeroline: false };
  return {
    x: { title: t("projection.first"), range: range(0), ...plain },
    y: { title: t("projection.second"), range: range(1), scaleanchor: "x", scaleratio: 1, ...plain },
    hovermode: "closest",
  };
}

/** Of each class, where the middle of its points lies. */
function tabulated({ student, teacher }, classes) {
  const middle = (all, one) => {
    const found = pointsOf(all, one);
    return [0, 1].map((index) => signed(found.reduce((sum, point) => sum + point[index], 0) / found.length, 2)).join("; ");
  };
  return {
    header: [t("projection.class"), t("projection.points"), t("projection.middle", { role: t("role.teacher") }), t("projection.middle", { role: t("role.student") })],
    rows: classes.map((one) => [one.name, whole(pointsOf(student, one).length), middle(teacher, one), middle(student, one)]),
  };
}
