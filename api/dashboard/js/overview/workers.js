/** Who works: on which device, and at what. */

import { h, redraw } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";

export function workers() {
  const list = h("ul", { class: "crew" });
  const all = h("p", { class: "note" }, h("a", { href: "/workers" }, t("crew.all")));
  const element = h("section", { class: "panel" }, h("header", {}, h("h2", {}, t("nav.workers")), all), list);
  const update = ({ workers: found, active }) => {
    const names = Object.fromEntries(active.map((job) => [job.id, job.name]));
    redraw(list, [found.map(({ id, facts }) => [id, facts.jobs, facts.draining]), names], () => (found.length ? found.map((worker) => one(worker, names)) : h("li", { class: "muted" }, t("jobs.noWorker"))));
  };
  return { element, update };
}

function one({ facts, id }, names) {
  const jobs = facts.jobs ?? [];
  return h("li", {},
    h("strong", {}, facts.host ?? id),
    h("p", { class: "note" }, deviceOf(facts.device)),
    state(facts, jobs),
    jobs.map((job) => names[job] && h("p", { class: "note" }, names[job])));
}

function state({ draining }, jobs) {
  if (draining) return h("span", { class: "badge warn" }, icon("paused"), t("crew.draining"));
  if (jobs.length) return h("span", { class: "badge live" }, icon("running", "turning"), t("crew.busy", { n: jobs.length }));
  return h("span", { class: "badge" }, icon("ahead"), t("crew.idle"));
}

/** `2 × NVIDIA H100`, or the processor where there is no other device. */
function deviceOf({ gpus = [], cpu, cpus } = {}) {
  if (!gpus.length) return cpu ? t("crew.cpu", { n: cpus, model: cpu }) : "";
  const kinds = [...new Set(gpus)];
  return kinds.map((model) => t("crew.gpu", { n: gpus.filter((one) => one === model).length, model })).join(", ");
}
