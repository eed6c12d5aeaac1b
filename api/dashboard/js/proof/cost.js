/** What the training used: device time of each run, and energy where the device tells. */

import { h, redraw } from "../lib/dom.js";
import { hueOf } from "../lib/colours.js";
import { duration, percent } from "../lib/format.js";
import { has, t } from "../lib/text.js";
import { runName } from "../job/accuracy.js";
import { scroller } from "../ui/scroll.js";
import { costOf } from "./given.js";

const JOULES = { kWh: 3.6e6, Wh: 3600, kJ: 1000 };

export function costPanel(state) {
  const body = h("div", { class: "stack" });
  const element = h("section", { class: "panel cost" }, h("header", {}, h("h3", {}, t("cost.title"))), body);
  return { element, update: () => redraw(body, costOf(state), () => drawn(costOf(state))) };
}

function drawn({ device, device_seconds: seconds, runs, energy_joules: joules, energy_source: source }) {
  const told = typeof joules === "number";
  return [
    h("dl", { class: "facts" },
      fact("cost.time", duration(seconds), t("cost.device", { device })),
      fact("cost.energy", told ? energy(joules) : t("cost.untold"), t(told ? "cost.source" : "cost.noMeter", { source: has(`cost.meter.${source}`) ? t(`cost.meter.${source}`) : source }))),
    runs?.length > 0 && scroller(table(runs, seconds)),
  ];
}

const fact = (title, figure, note) => h("div", {}, h("dt", {}, t(title)), h("dd", {}, h("strong", {}, figure), h("span", { class: "note" }, note)));

/** In the largest unit of which there is at least one. */
function energy(joules) {
  const [unit, size] = Object.entries(JOULES).find(([, of]) => joules >= of) ?? ["J", 1];
  return `${(joules / size).toPrecision(3)}\u00a0${unit}`;
}

function table(runs, seconds) {
  const most = Math.max(...runs.map((run) => run.seconds));
  const row = ({ run, seconds: own }) => h("tr", {},
    h("th", { scope: "row" }, runName(run)),
    h("td", { class: "number" }, duration(own)),
    h("td", { class: "number" }, percent(own / seconds, 0)),
    h("td", { class: "drawn" }, h("span", { class: "size", vars: { share: `${(100 * own) / most}%`, hue: `var(--${hueOf(run)})` } })));
  return h("table", { class: "figures small" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("cost.run")), h("th", { scope: "col", class: "number" }, t("cost.seconds")), h("th", { scope: "col", class: "number" }, t("cost.share")), h("td"))),
    h("tbody", {}, runs.map(row)));
}
