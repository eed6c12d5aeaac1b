/** The objective as a picture: columns of layers, and a curve in its own hue for each pair of places that a term compares. */

import { h, s } from "../lib/dom.js";
import { TERMS, hueOf } from "../lib/colours.js";
import { count } from "../lib/format.js";
import { has, t } from "../lib/text.js";
import { runName } from "../job/accuracy.js";
import { LABELS } from "./columns.js";
import { layout } from "./layout.js";
import { brief } from "./words.js";

const MARGIN = 8;
const LETTER = 6.3; // width of a letter of the words on a curve
const MONO = 6.7; // and of a place's name

/** The drawing of one stage of a run; `describedBy` is the id of what says the same in words. */
export function picture(plan, run, stage, describedBy) {
  const { width, height, columns, curves, sizes } = layout(plan, run, stage);
  const box = [-MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN];
  const drawing = s("svg", { class: "objective", viewBox: box.join(" "), vars: { natural: `${box[2]}px` }, role: "img", "aria-describedby": describedBy,
    "aria-label": t("objective.alt", { run: runName(run.name), stage: stage.name, n: stage.terms.length }) },
    columns.map((column) => derived(column, columns)),
    columns.map((column) => spine(column)),
    curves.map((curve) => line(curve)),
    columns.map((column) => networkOf(plan, run, column)),
    curves.map((curve) => adapterOf(curve)),
    curves.filter((curve) => curve.worded).map((curve) => wordsOf(curve, sizes)));
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("objective.title") }, drawing);
}

export const hueOfTerm = (number) => TERMS[(number - 1) % TERMS.length];

/** The colour of a network: what it is in this run. */
function hueOfNetwork(run, name) {
  if (name === "student") return hueOf(run.name === "alone" ? "alone" : "student");
  return run.learners.includes(name) ? "ink" : "teacher";
}

const vars = (number) => ({ hue: `var(--${hueOfTerm(number)})` });

function line({ path, tip, number, term }) {
  return s("g", { class: "curve", vars: vars(number) }, s("title", {}, term.name), s("path", { d: path }),
    s("path", { class: "tip", d: "M0 0L-9 -4.500V4.500Z", transform: `translate(${tip.x} ${tip.y}) rotate(${tip.turn})` }));
}

/** The way that data goes through a network. */
function spine({ name, x, width, places, learns, idle, upto }) {
  if (name === LABELS) return null;
  const middle = x + width / 2;
  const end = places.find(({ key }) => key === upto) ?? places.at(-1);
  return s("line", { class: `spine ${learns ? "" : "frozen"} ${idle ? "idle" : ""}`, x1: middle, x2: middle, y1: 49, y2: end.y });
}

/** Where a path leaves the network that it leads through. */
function derived({ path, x, places }, columns) {
  const parent = path && columns.find(({ name }) => name === path.of);
  if (!parent) return null;
  const right = parent.x < x;
  return places.filter(({ kind }) => kind === "block").map(({ key, y, height }) => {
    const from = parent.places.find((place) => place.key === key);
    return from && s("line", { class: "derived", x1: parent.x + (right ? parent.width : 0), y1: from.y + from.height / 2, x2: x + (right ? 0 : parent.width), y2: y + height / 2 });
  });
}

function networkOf(plan, run, column) {
  const { name, x, width, places, learns, idle, upto } = column;
  const past = upto ? places.findIndex(({ key }) => key === upto) : -1;
  const state = (index) => (idle || (past >= 0 && index > past) ? "idle" : "");
  return s("g", { class: `network ${learns ? "learns" : "frozen"}`, vars: { hue: name === LABELS ? "var(--ink)" : `var(--${hueOfNetwork(run, name)})` } },
    name !== LABELS && heading(plan, run, column),
    places.map((place, index) => s("g", { class: `place ${place.kind} ${state(index)}` }, s("title", {}, place.key),
      s("rect", { x: x + place.inset, y: place.y + 1, width: width - 2 * place.inset, height: place.height - 2, rx: 4 }),
      s("text", { x: x + width / 2, y: place.y + place.height / 2 + 4 }, nameOf(column, place)))));
}

function nameOf({ path, width }, { kind, label, key, inset }) {
  if (kind === "more") return t("objective.more", { n: Number(label) });
  if (kind === "labels" || kind === "outputs") return t(`place.${key}`);
  if (path && kind === "block" && has(`path.${path.kind}`)) return t(`path.${path.kind}`);
  return tail(label, width - 2 * inset - 4);
}

/** The end of a name that is too long for its box: that is where names differ. */
function tail(name, width) {
  const letters = Math.floor(width / MONO);
  return name.length > letters ? `…${name.slice(1 - letters)}` : name;
}

function heading(plan, run, { name, x, width, path, learns, idle }) {
  const network = plan.networks[name];
  const role = name === "student" ? t(run.name === "alone" ? "role.alone" : "objective.student") : has(`role.${name}`) ? t(`role.${name}`) : name;
  const state = t(learns ? "objective.learns" : "objective.frozen");
  const below = path ? [t("objective.path", { of: path.of }), state] : [tail(network.architecture, width + 24), t("objective.size", { parameters: count(network.parameters), state })];
  return s("g", { class: `heading ${idle ? "idle" : ""}` },
    s("text", { class: "role", x: x + width / 2, y: 14 }, role),
    below.map((line, index) => s("text", { class: "small", x: x + width / 2, y: 30 + 14 * index }, line)));
}

/** An adapter by its kind, or where there is no room for words by its box alone. */
function adapterOf({ term: { adapter }, number, box, named }) {
  if (!adapter || adapter.kind === "none") return null;
  const wide = named ? adapter.kind.length * 5.600 + 10 : 12;
  const high = named ? 16 : 12;
  return s("g", { class: "adapter", vars: vars(number), transform: `translate(${box.x} ${box.y})` }, s("title", {}, t("objective.adapter", { kind: adapter.kind })),
    s("rect", { x: -wide / 2, y: -high / 2, width: wide, height: high, rx: 3 }), named && s("text", { y: 3.500 }, adapter.kind));
}

function wordsOf({ term, number, words }, { letters }) {
  const text = brief(term);
  const shown = text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
  const wide = 22 + LETTER * shown.length;
  return s("g", { class: "words", vars: vars(number), transform: `translate(${words.x - wide / 2} ${words.y})` },
    s("rect", { x: -2, y: -10, width: wide + 6, height: 20, rx: 10 }), s("circle", { cx: 8, cy: 0, r: 8 }), s("text", { class: "number", x: 8, y: 4 }, number),
    s("text", { x: 21, y: 4 }, shown));
}
