/** One window of a series: a line for each channel, each in a range of its own. */

import { h, s } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { answerOf } from "./pictures.js";

const MOST = 6;
const [WIDTH, HEIGHT] = [160, 24];

export function seriesCard(sample, card) {
  const rows = Array.isArray(sample.inputs[0]) ? sample.inputs : [sample.inputs];
  const more = card.input.shape[0] - Math.min(MOST, rows.length);
  return h("figure", {},
    h("div", { class: "sparks", role: "img", "aria-label": t("samples.series", { name: sample.name }) }, rows.slice(0, MOST).map((values, place) =>
      h("div", {}, h("span", { class: "note", title: card.input.channels[place] }, card.input.channels[place] ?? String(place)), line(values)))),
    h("figcaption", {}, h("strong", {}, answerOf(sample, card)), h("span", { class: "note", title: sample.name }, sample.name),
      more > 0 && h("span", { class: "note" }, t("samples.moreChannels", { n: more }))));
}

function line(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (place) => (values.length > 1 ? (WIDTH * place) / (values.length - 1) : 0);
  const y = (value) => (high > low ? HEIGHT - 2 - ((HEIGHT - 4) * (value - low)) / (high - low) : HEIGHT / 2);
  const points = values.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, s("polyline", { points }));
}
