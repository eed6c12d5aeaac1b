/** What each class or group gained or lost from teacher to student, the worst change at the top, with how sure that is. */

import { chart } from "../chart/figure.js";
import { colour } from "../lib/colours.js";
import { NONE, percent, whole } from "../lib/format.js";
import { difference, drawn, figure, tickOf } from "../lib/metric.js";
import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { changesOf } from "./changed.js";

const MOST_DRAWN = 30;
const MOST_LISTED = 200;
const MOST_LETTERS = 24;
const MARKS = { teacher: "circle-open", alone: "diamond", student: "circle" };

/** The chart, with a choice beside its title where there are classes and groups. */
export function classChart(state) {
  let chosen = null;
  const select = h("select", { "aria-label": t("classes.which") });
  select.addEventListener("change", () => {
    chosen = select.value;
    drawing.update();
  });
  const drawing = chart(() => {
    const views = changesOf(state);
    const kinds = views.map((one) => nounOf(one));
    const view = views.find((one) => one.by === chosen) ?? views[0];
    redraw(select, kinds, () => views.map((one, index) => h("option", { value: one.by }, t(`classes.by.${kinds[index]}`))));
    select.hidden = views.length < 2;
    select.value = view.by;
    return described(view, drawing);
  }, select, "h3");
  return drawing;
}

function described(view, drawing) {
  const { metric, roles, parts } = view;
  const shown = parts.slice(0, MOST_DRAWN);
  drawing.element.style.setProperty("--plot", `${Math.max(200, 88 + 24 * shown.length)}px`);
  return {
    title: headline(view),
    note: noteOf(view, shown),
    wait: t("classes.nothing"),
    legend: roles.map((role) => ({ hue: role, label: t(`role.${role}`), mark: role === "teacher" ? "ring" : "dot" })),
    traces: shown.length ? () => [between(shown, roles, metric), ...roles.map((role) => dots(shown, role, metric))] : null,
    axes: () => axes(metric),
    table: () => tabulated(view),
  };
}

/** What the parts are called: a class, a label of several, a target value, or a group of examples. */
const nounOf = ({ by, metric }) => (by === "group" ? "group" : { regression: "target", multilabel: "label" }[metric.task] ?? "class");

function headline({ parts: [worst], rival, sign, metric, ...view }) {
  const noun = nounOf({ ...view, metric });
  const against = t(`role.${rival}`).toLowerCase();
  if (!worst || sign * worst.change >= 0) return t(`classes.none.${noun}`, { against });
  return t(`classes.worst.${noun}`, { name: worst.name, change: difference(worst.change, metric), against });
}

function noteOf({ metric, parts, worst, spread, outcome, leftOut }, shown) {
  const tested = parts.some(({ interval }) => interval);
  return [
    t("classes.note", { of: metric.title }),
    tested && t("classes.bars"),
    tested && (worst.length ? t("classes.sure", { list: worst.join(", ") }) : t("classes.unsure")),
    outcome && spread && t(`classes.spread.${outcome}`, { teacher: apart(spread.teacher, metric), student: apart(spread.student, metric) }),
    leftOut > 0 && t("classes.leftOut", { n: leftOut }),
    shown.length < parts.length && t("classes.some", { n: shown.length, all: parts.length }),
  ].filter(Boolean).join(" ");
}

/** A distance between two figures has no sign. */
const apart = (value, metric) => (typeof value === "number" ? difference(Math.abs(value), metric).replace("+", "") : NONE);

/** Names on the axis: short ones, and different where the beginnings are alike. */
function places(shown) {
  const short = shown.map(({ name }) => (name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS - 1)}…` : name));
  return short.map((name, index) => name + "\u200b".repeat(short.slice(0, index).filter((other) => other === name).length));
}

function between(shown, roles, metric) {
  const names = places(shown);
  const ends = (values) => roles.map((role) => values[role]).filter((value) => typeof value === "number").map((value) => drawn(value, metric));
  return {
    type: "scatter", mode: "lines", hoverinfo: "skip", line: { color: colour("line"), width: 4 },
    x: shown.flatMap(({ values }) => [Math.min(...ends(values)), Math.max(...ends(values)), null]),
    y: names.flatMap((name) => [name, name, null]),
  };
}

/** The teacher's mark is a frame, so that a student on the same spot stays visible inside. */
function dots(shown, role, metric) {
  const size = role === "teacher" ? 13 : 8;
  return {
    type: "scatter", mode: "markers", name: t(`role.${role}`),
    x: shown.map(({ values }) => (typeof values[role] === "number" ? drawn(values[role], metric) : null)), y: places(shown),
    error_x: role === "student" ? bars(shown, metric) : undefined,
    marker: { symbol: MARKS[role], size, color: colour(role), line: { width: role === "teacher" ? 2 : 0, color: colour(role) } },
  };
}

/** The change's interval, laid around the student. */
function bars(shown, metric) {
  const arm = (side) => shown.map(({ change, interval }) => (interval ? Math.abs(drawn(interval[side] - change, metric)) : 0));
  return { type: "data", symmetric: false, array: arm(1), arrayminus: arm(0), color: colour("student"), thickness: 1.5, width: 3 };
}

function axes(metric) {
  return {
    x: { title: metric.unit === "%" ? t("classes.axis", { of: metric.title }) : metric.title, hoverformat: metric.unit === "%" ? ".1f" : ".3g" },
    y: { type: "category", autorange: "reversed", showgrid: false, dtick: 1 },
    hovermode: "y unified",
    margin: { l: 48, r: 24, t: 8, b: 40 },
  };
}

function tabulated(view) {
  const { metric, roles, parts } = view;
  const tested = parts.some(({ interval }) => interval);
  const value = (one) => (metric.unit === "%" ? percent(one) : figure(one, metric));
  const reach = (interval) => (interval ? t("classes.reach", { low: tickOf(drawn(interval[0], metric), metric), high: tickOf(drawn(interval[1], metric), metric) }) : NONE);
  return {
    header: [t(`classes.by.${nounOf(view)}`), t("classes.examples"), ...roles.map((role) => t(`role.${role}`)), t("classes.change"), ...(tested ? [t("classes.interval"), t("classes.notable")] : [])],
    rows: parts.slice(0, MOST_LISTED).map(({ name, examples, values, change, interval, notable }) => [
      name, whole(examples), ...roles.map((role) => value(values[role])), difference(change, metric),
      ...(tested ? [reach(interval), notable ? t("classes.yes") : NONE] : []),
    ]),
  };
}
