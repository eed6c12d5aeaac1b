/** How the classes are spread over each split: are they balanced, and is every split like the others? */

import { chart } from "../chart/figure.js";
import { escaped } from "../chart/stages.js";
import { colour } from "../lib/colours.js";
import { percent, times, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { splitsOf } from "./shape.js";

const MOST = 24;
const ENDS = 10;
const EVEN = 1.5;
const EQUAL = 1.05;
const HUES = { train: "term4", validation: "term5", test: "term3" };

export function histogram(state) {
  const made = chart(() => describe(state.version.card));
  const update = () => {
    made.element.hidden = !countsOf(state.version.card);
    if (!made.element.hidden) made.update();
  };
  return { ...made, update };
}

const countsOf = (card) => (card && Object.values(card.splits).some((part) => part.class_counts.length) ? card : null);

function describe(card) {
  const splits = splitsOf(card.splits);
  const counts = Object.fromEntries(splits.map((split) => [split, card.splits[split].class_counts]));
  const places = card.target.classes.map((_, place) => place);
  const bars = barsOf(card.target.classes, counts, places);
  return {
    title: headline(card.target.classes, counts.train, card.task),
    note: [splits.length > 1 && t("histogram.note"), bars.length < places.length && t("histogram.ends", { n: ENDS })].filter(Boolean).join(" "),
    wait: "",
    legend: splits.map((split) => ({ hue: HUES[split], label: t(`split.${split}`) })),
    traces: () => splits.map((split) => trace(split, bars, counts[split], card.task)),
    axes: () => ({ x: { title: t("histogram.class"), type: "category" }, y: { title: t(`histogram.axis.${card.task}`), rangemode: "tozero", hoverformat: ".1f" }, barmode: "group", bargap: 0.25 }),
    table: () => ({ header: [t("histogram.class"), ...splits.map((split) => t(`split.${split}`))],
      rows: card.target.classes.map((name, place) => [name, ...splits.map((split) => cell(counts[split], place))]) }),
  };
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

const cell = (counts, place) => t("histogram.cell", { number: whole(counts[place]), share: percent(counts[place] / (sum(counts) || 1)) });

/** The bars: every class, or of many the largest, the mean of those between, and the smallest. */
function barsOf(classes, counts, places) {
  const alone = (place) => ({ name: classes[place], places: [place] });
  if (places.length <= MOST) return places.map(alone);
  const sorted = places.toSorted((a, b) => counts.train[b] - counts.train[a]);
  const middle = sorted.slice(ENDS, -ENDS);
  return [...sorted.slice(0, ENDS).map(alone), { name: t("histogram.others", { n: middle.length }), places: middle }, ...sorted.slice(-ENDS).map(alone)];
}

function trace(split, bars, counts, task) {
  const all = sum(counts) || 1;
  return {
    type: "bar",
    name: t(`split.${split}`),
    x: bars.map((bar) => escaped(bar.name)),
    y: bars.map((bar) => (100 * sum(bar.places.map((place) => counts[place]))) / bar.places.length / all),
    text: bars.map((bar) => t(`histogram.unit.${task}`, { number: whole(sum(bar.places.map((place) => counts[place])) / bar.places.length) })),
    textposition: "none",
    hovertemplate: "%{y:.1f} % (%{text})",
    marker: { color: colour(HUES[split]) },
  };
}

/** What the training split says: even, or which class has how many times as much as which. */
function headline(classes, counts, task) {
  const order = counts.map((_, place) => place).sort((a, b) => counts[a] - counts[b]);
  const [least, most] = [order[0], order.at(-1)];
  const ratio = counts[most] / counts[least];
  const values = { most: classes[most], least: classes[least], times: times(ratio) };
  if (!counts[least]) return t("histogram.lacking", values);
  if (ratio < EQUAL) return t("histogram.equal");
  return t(ratio < EVEN ? "histogram.even" : `histogram.uneven.${task}`, values);
}
