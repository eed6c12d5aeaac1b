/** Where everything of the picture lies: columns side by side, outputs on one line, curves between what is compared. */

import { LABELS, networksOf, placesOf } from "./columns.js";
import { sourcesOf } from "./words.js";

/** Widths where two networks stand side by side, and where more of them share the room. */
const ROOMY = { wide: 144, gap: 208, labelsGap: 144, labelsWide: 64, letters: 24, named: true };
const CLOSE = { wide: 124, gap: 148, labelsGap: 128, labelsWide: 56, letters: 16, named: false };
const HEAD = 56;
const ROW = 26;
const INNER = 22;
const SPACE = 14;
const INSETS = { inner: 10, more: 24 };
const DEEP = 34;
const LINE = 20;

/** @returns {width, height, columns, curves, sizes}: all that is drawn for one stage of a run, with its coordinates */
export function layout(plan, run, stage) {
  const names = networksOf(plan, run);
  const sizes = names.length > 2 ? CLOSE : ROOMY;
  const groups = new Map(names.map((name) => [name, placesOf(plan, run, name)]));
  const body = Math.max(...[...groups.values()].map((one) => heightOf(one.slice(0, -1))), 2 * (ROW + SPACE));
  const columns = names.map((name, index) => column({ plan, run, stage, sizes }, name, index, groups.get(name), body));
  const labelled = run.stages.some(({ terms }) => terms.some(({ source }) => source === LABELS));
  if (labelled) columns.push(labelsColumn(columns, stage, sizes));
  const curves = curvesOf(stage, columns, sizes);
  const last = columns.at(-1);
  const deepest = Math.max(0, ...curves.map(({ level }) => level ?? 0));
  return { width: last.x + last.width, height: HEAD + body + ROW + SPACE + (deepest ? 8 + DEEP * deepest : 4), columns, curves, sizes };
}

const heightOf = (groups) => groups.reduce((sum, group) => sum + groupHeight(group) + SPACE, 0);
const groupHeight = (group) => ROW + INNER * (group.length - 1);

function column({ plan, run, stage, sizes }, name, index, groups, body) {
  const x = index * (sizes.wide + sizes.gap);
  const inside = groups.slice(0, -1);
  const free = (body - heightOf(inside)) / (inside.length || 1);
  const places = [];
  let y = HEAD;
  for (const group of inside) {
    let at = y + free / 2;
    for (const place of group) {
      const height = place.kind === "inner" && group.length > 1 ? INNER : ROW;
      places.push({ ...place, y: at, height, inset: INSETS[place.kind] ?? 0 });
      at += height;
    }
    y += groupHeight(group) + SPACE + free;
  }
  places.push({ ...groups.at(-1)[0], y: HEAD + body, height: ROW, inset: 0 });
  return { name, x, width: sizes.wide, places, ...stateOf(plan, run, stage, name), path: plan.paths[name] ?? null };
}

/** Whether a network takes part in a stage, whether it learns there, and up to which place. */
function stateOf(plan, run, stage, name) {
  const borrowers = Object.entries(plan.paths).filter(([, path]) => path.of === name).map(([path]) => path);
  const learners = new Set(stage.terms.map(({ to }) => to));
  const through = borrowers.some((path) => learners.has(path) && run.learners.includes(path) && name === "student");
  const heard = stage.terms.some((term) => sourcesOf(term).includes(name)) || borrowers.some((path) => learners.has(path) || stage.terms.some((term) => sourcesOf(term).includes(path)));
  return { learns: learners.has(name) || through, idle: !learners.has(name) && !through && !heard, upto: name === "student" ? stage.upto : null };
}

function labelsColumn(columns, stage, { labelsGap, labelsWide }) {
  const last = columns.at(-1);
  const { y, height } = last.places.at(-1);
  const idle = !stage.terms.some(({ source }) => source === LABELS);
  return { name: LABELS, x: last.x + last.width + labelsGap, width: labelsWide, learns: false, idle, upto: null, path: null, places: [{ key: LABELS, label: LABELS, kind: "labels", y, height, inset: 0 }] };
}

/** One curve for each pair of places that a term compares; its words stand on the middle one. */
function curvesOf(stage, columns, { named }) {
  const found = stage.terms.flatMap((term, index) => {
    const ends = endsOf(term, columns);
    return ends.map((end, at) => ({ ...end, term, named, number: index + 1, worded: at === Math.floor((ends.length - 1) / 2) }));
  });
  for (const curve of found) curve.arc = isArc(curve, columns);
  fanOut(found);
  let level = 0;
  for (const curve of found) curve.arc ? bend(curve, ++level) : span(curve);
  for (const group of Map.groupBy(found.filter(({ arc, worded }) => !arc && worded), gapOf).values()) spread(group);
  return found;
}

function endsOf(term, columns) {
  const to = columns.find(({ name }) => name === term.to);
  const froms = sourcesOf(term).map((source) => columns.find(({ name }) => name === source)).filter(Boolean);
  const pairs = term.pairs.length ? term.pairs : [{ to: "logits", source: "logits" }];
  return froms.flatMap((from) => pairs.map((pair) => ({ to, from, toPlace: placeOf(to, pair.to), fromPlace: placeOf(from, pair.source) })));
}

const placeOf = ({ places }, point) => places.find(({ key }) => key === point) ?? places.at(-1);

/** Between outputs that do not stand next to each other a curve goes below what stands between. */
function isArc({ to, from, toPlace, fromPlace }, columns) {
  const apart = Math.abs(columns.indexOf(to) - columns.indexOf(from));
  return apart > 1 && toPlace === to.places.at(-1) && fromPlace === from.places.at(-1);
}

/** Several curves at one side of a place begin and end beside each other. */
function fanOut(curves) {
  const ports = Map.groupBy(curves.flatMap((curve) => ["to", "from"].map((end) => ({ curve, end }))), ({ curve, end }) =>
    [curve[end].name, curve[`${end}Place`].key, curve.arc ? "below" : Math.sign(other(curve, end).x - curve[end].x)].join(" "));
  for (const group of ports.values()) {
    group.sort((one, two) => reach(one) - reach(two));
    group.forEach(({ curve, end }, index) => (curve[`${end}Shift`] = (index - (group.length - 1) / 2) * Math.min(curve.arc ? 16 : 8, (curve.arc ? 120 : 20) / group.length)));
  }
}

const other = (curve, end) => curve[end === "to" ? "from" : "to"];

function reach({ curve, end }) {
  const place = curve[`${end === "to" ? "from" : "to"}Place`];
  return curve.arc ? other(curve, end).x : place.y;
}

/** From side to side. */
function span(curve) {
  const right = curve.from.x > curve.to.x;
  const x1 = edgeOf(curve.from, curve.fromPlace, !right);
  const x2 = edgeOf(curve.to, curve.toPlace, right);
  const [y1, y2] = [middle(curve.fromPlace) + curve.fromShift, middle(curve.toPlace) + curve.toShift];
  const pull = 0.45 * (x2 - x1);
  Object.assign(curve, {
    path: `M${x1} ${y1}C${x1 + pull} ${y1} ${x2 - pull} ${y2} ${x2} ${y2}`, tip: { x: x2, y: y2, turn: right ? 180 : 0 },
    words: { x: x1 + 0.42 * (x2 - x1), y: y1 + 0.38 * (y2 - y1) }, box: { x: x2 - Math.sign(x2 - x1) * (curve.named ? 34 : 20), y: y2 + 0.02 * (y1 - y2) },
  });
}

const edgeOf = ({ x, width }, { inset }, atRight) => (atRight ? x + width - inset : x + inset);

/** Below the outputs. */
function bend(curve, level) {
  const x1 = curve.from.x + curve.from.width / 2 + curve.fromShift;
  const x2 = curve.to.x + curve.to.width / 2 + curve.toShift;
  const y = curve.toPlace.y + curve.toPlace.height;
  const low = y + 4 + DEEP * level - 14;
  const side = 24 * Math.sign(x2 - x1);
  Object.assign(curve, {
    level, path: `M${x1} ${y}C${x1} ${low} ${x1} ${low} ${x1 + side} ${low}L${x2 - side} ${low}C${x2} ${low} ${x2} ${low} ${x2} ${y}`, tip: { x: x2, y, turn: -90 },
    words: { x: (x1 + x2) / 2, y: low }, box: { x: x2 - 2 * side, y: low },
  });
}

const middle = ({ y, height }) => y + height / 2;
const gapOf = ({ from, to }) => `${Math.min(from.x, to.x)}`;

/** Words in one gap never lie on each other. */
function spread(group) {
  group.sort((one, two) => one.words.y - two.words.y);
  const least = group.map(({ words }) => words.y);
  for (let index = 1; index < group.length; index++) group[index].words.y = Math.max(group[index].words.y, group[index - 1].words.y + LINE);
  const over = (group.at(-1).words.y - least.at(-1)) / 2;
  for (const { words } of group) words.y -= over;
}
