/** One worker: where it runs, on what, and what each of its slots does. */

import { h, redraw } from "../lib/dom.js";
import { NONE, age, bytes, percent, since } from "../lib/format.js";
import { t } from "../lib/text.js";
import { icon } from "../ui/icons.js";
import { plainBar } from "../ui/progress.js";
import { badge } from "../ui/status.js";

const LATE_SECONDS = 25; // two beats and a half

/** @returns {element, update}: `update(worker, jobs)` with the project's active jobs by id */
export function card() {
  const name = h("h3");
  const state = h("span");
  const heard = h("span", { class: "note" });
  const facts = h("dl", { class: "about" });
  const slots = h("ul", { class: "slots" });
  const element = h("li", { class: "panel worker" }, h("header", {}, h("div", {}, name, heard), state), slots, facts);

  function update(worker, jobs) {
    const { facts: told } = worker;
    redraw(name, told.host, () => told.host ?? worker.id);
    redraw(heard, heardOf(worker), () => heardOf(worker));
    redraw(state, stateOf(worker), () => stateBadge(stateOf(worker)));
    const places = (told.slots ?? []).map((slot) => ({ ...slot, shown: jobs.get(slot.job) }));
    redraw(slots, places.map(({ job, standby, shown }) => [job, standby, shown?.name, shown?.status, shown?.progress?.percent]), () => places.map(slotItem));
    redraw(facts, [told.device, told.gpus, told.memory, told.disk_free, told.versions, worker.resource_classes], () => about(worker));
  }

  return { element, update };
}

const heardOf = (worker) => t("workers.heard", { age: age(since(worker.heartbeat_at)), up: age(since(worker.started_at)) });

function stateOf({ facts, heartbeat_at: heard }) {
  if (facts.draining) return "draining";
  if (since(heard) > LATE_SECONDS) return "silent";
  return facts.jobs?.length ? "working" : "idle";
}

/** State -> icon, tone, and whether the icon turns. */
const LOOKS = { working: ["running", "live", true], idle: ["succeeded", "good"], draining: ["paused", "warn"], silent: ["warning", "warn"] };

function stateBadge(state) {
  const [drawing, tone, turns] = LOOKS[state];
  return h("span", { class: `badge ${tone}` }, icon(drawing, turns ? "turning" : ""), t(`workers.state.${state}`));
}

/** A slot's job with its progress; a job that is not among ours belongs to another project. */
function slotItem({ job: id, standby, shown: job }, index) {
  const number = h("span", { class: "note" }, t("workers.slot", { number: index + 1 }));
  if (!id) return h("li", {}, number, h("span", { class: "muted" }, t(`workers.standby.${standby}`)));
  if (!job) return h("li", {}, number, h("span", { class: "muted" }, t("workers.others")));
  const done = job.progress?.percent ?? 0;
  return h("li", {}, number, h("a", { href: `/jobs/${job.id}` }, job.name), badge(job.status),
    h("div", { class: "far" }, plainBar(done, t("workers.progressOf", { name: job.name })), h("span", { class: "note" }, percent(done / 100, 0))));
}

function about({ facts: { device = {}, memory = {}, disk_free: disk, versions = {}, gpus }, resource_classes: classes }) {
  const used = memory.total ? memory.total - memory.available : null;
  const cards = gpus?.length ? gpus : (device.gpus ?? []).map((model) => ({ model }));
  return [
    fact(t("workers.serves"), classes.join(", ")),
    fact(t("workers.processor"), device.cpu ? t("workers.cores", { n: device.cpus, name: device.cpu }) : NONE),
    cards.length ? fact(t("workers.gpus"), cards.map(gpu)) : null,
    fact(t("workers.memory"), meter(used, memory.total, t("workers.memory")), t("workers.ownMemory", { bytes: bytes((memory.worker ?? 0) + (memory.engines ?? 0)) })),
    fact(t("workers.disk"), bytes(disk)),
    fact(t("workers.versions"), Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")),
  ];
}

const fact = (title, value, note = null) => h("div", {}, h("dt", {}, title), h("dd", {}, value, note && h("span", { class: "note" }, note)));

const gpu = (one) => h("div", { class: "gpu" }, one.model, one.total ? meter(one.used, one.total, one.model) : null);

/** Used of all, as a bar and in words. */
function meter(used, total, label) {
  if (!total) return NONE;
  return [h("span", {}, t("workers.usedOf", { used: bytes(used), total: bytes(total) })), plainBar((100 * used) / total, label)];
}
