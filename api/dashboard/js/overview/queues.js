/** What waits for each class of workers, and whether anybody serves it. */

import { h, redraw } from "../lib/dom.js";
import { NONE, age, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { notice } from "../ui/notice.js";

export function queues() {
  const body = h("div", { class: "stack" });
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("queue.title"))), body);
  const update = ({ queues: found }) => {
    const shown = found.filter(({ jobs, resource_class: name }) => jobs > 0 || !name.includes("-"));
    redraw(body, shown.map((queue) => ({ ...queue, oldest_seconds: oldest(queue) })), () => [warning(shown), shown.length ? grid(shown) : h("p", { class: "muted" }, t("queue.none"))]);
  };
  return { element, update };
}

const oldest = ({ jobs, oldest_seconds: seconds }) => (jobs ? age(seconds) : NONE);
const isStuck = ({ jobs, workers }) => jobs > 0 && workers === 0;

/** Jobs that nobody will take are worth a sentence. */
function warning(found) {
  const names = found.filter(isStuck).map((queue) => queue.resource_class);
  return names.length > 0 && notice("warn", t("queue.stuck", { n: names.length, classes: names.join(", ") }));
}

function grid(found) {
  const heads = ["class", "jobs", "oldest", "workers"].map((name) => h("th", { scope: "col", class: name === "class" ? "" : "number" }, t(`queue.${name}`)));
  const row = (queue) => h("tr", {},
    h("th", { scope: "row" }, queue.resource_class),
    h("td", { class: "number" }, whole(queue.jobs)),
    h("td", { class: "number" }, oldest(queue)),
    h("td", { class: "number" }, isStuck(queue) ? h("span", { class: "badge warn" }, icon("warning"), whole(queue.workers)) : whole(queue.workers)));
  return h("table", { class: "figures" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, found.map(row)));
}
