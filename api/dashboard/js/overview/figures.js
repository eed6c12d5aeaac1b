/** The first line: five figures, each a link to what it counts. */

import { h, redraw } from "../lib/dom.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { GROUPS } from "../ui/status.js";

const sum = (counts, names) => names.reduce((total, name) => total + counts[name], 0);

/** Name -> [where it leads, icon, its tone when it is not zero, how many]. */
const FIGURES = {
  running: ["/jobs?status=active", "running", "live", ({ jobs }) => sum(jobs, GROUPS.active)],
  queued: ["/jobs?status=queued", "queued", "", ({ jobs }) => jobs.queued],
  succeeded: ["/jobs?status=succeeded&sort=-finished_at", "succeeded", "good", (found) => found.succeeded_24h],
  failed: ["/jobs?status=failed&sort=-finished_at", "failed", "bad", (found) => found.failed_24h],
  workers: ["/workers", "play", "", ({ workers }) => workers],
};

export function figures() {
  const element = h("ul", { class: "tiles" });
  const update = ({ overview }) => {
    const numbers = Object.values(FIGURES).map(([, , , of]) => of(overview));
    redraw(element, numbers, () => Object.keys(FIGURES).map((name, index) => tile(name, numbers[index])));
  };
  return { element, update };
}

function tile(name, number) {
  const [href, drawing, tone] = FIGURES[name];
  return h("li", {}, h("a", { class: "panel", href },
    h("span", { class: `badge ${number ? tone : ""}` }, icon(drawing), t(`tile.${name}`)),
    h("strong", {}, whole(number))));
}
