/** Which jobs belong together: repetitions with another seed form a group, and jobs that one axis can hold form a set. */

import { TERMS } from "../lib/colours.js";
import { ABSENT, differences } from "../lib/diff.js";
import { metricOf } from "../lib/metric.js";
import { t } from "../lib/text.js";

/** Signs that tell lines of the same hue apart: CSS class -> symbol of the drawing library. */
export const MARKS = { circle: "circle", square: "square", diamond: "diamond", triangle: "triangle-up" };

const LONGEST = 32;

/** A value of a spec in few words. */
export function brief(value, longest = LONGEST) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** Jobs whose specs differ in nothing but seed, name, labels and priority, named by what tells the groups apart. */
export function grouped(entries) {
  const groups = [];
  for (const entry of entries) {
    const [spec, set] = [essence(entry.job), setOf(entry.job)];
    const home = groups.find((group) => group.set === set && !differences([group.spec, spec]).length);
    if (home) home.entries.push(entry);
    else groups.push({ spec, set, entries: [entry] });
  }
  const names = namesOf(groups);
  return groups.map((group, index) => member(names[index], group.entries, index));
}

/** Every job for itself. */
export function single(entries) {
  const names = entries.map(({ job }) => job.name);
  const unique = (job) => (names.filter((name) => name === job.name).length > 1 ? t("compare.namesake", { name: job.name, id: job.id.slice(-4) }) : job.name);
  return entries.map((entry, index) => member(unique(entry.job), [entry], index));
}

/** What is drawn as one: `{ id, name, set, metric, entries, hue, mark }`. */
function member(name, entries, index) {
  const [{ job }] = entries;
  const mark = Object.keys(MARKS)[Math.floor(index / TERMS.length) % 4];
  return { id: job.id, name, set: setOf(job), metric: metricOf(job), entries, hue: TERMS[index % TERMS.length], mark };
}

/** The sets of members that one axis can hold, the largest first: `{ key, name, metric, size, members }`. */
export function setsOf(members) {
  const sets = new Map();
  for (const one of members) {
    const known = sets.get(one.set) ?? { key: one.set, metric: one.metric, dataset: one.entries[0].job.dataset, size: 0, members: [] };
    known.members.push(one);
    known.size += one.entries.length;
    sets.set(one.set, known);
  }
  return [...sets.values()].sort((a, b) => b.size - a.size);
}

/** The figure and the very test examples that a job is judged by. */
function setOf(job) {
  const { name, id, version, path, limit, splits, sha256 } = job.plan.dataset;
  return JSON.stringify([metricOf(job).name, name, id, version, path, limit, splits, sha256]);
}

function essence({ plan: { spec } }) {
  const { name: _name, labels: _labels, priority: _priority, training, ...rest } = spec;
  const { seed: _seed, ...others } = training;
  return { ...rest, training: others };
}

/** The fewest places of the specs that tell all groups apart, found greedily, with their values. */
function namesOf(groups) {
  if (groups.length === 1) return [groups[0].entries[0].job.method];
  const places = differences(groups.map((group) => group.spec));
  const kept = [];
  const kinds = (chosen) => new Set(groups.map((_, index) => JSON.stringify(chosen.map(({ pointer, values }) => words(pointer, values[index]))))).size;
  for (let most = 1; most < groups.length;) {
    const next = places.reduce((best, place) => (kinds([...kept, place]) > kinds([...kept, best]) ? place : best), places[0]);
    if (!next || kinds([...kept, next]) <= most) break;
    kept.push(next);
    most = kinds(kept);
  }
  return groups.map(({ entries: [{ job }] }, index) => kept.map(({ pointer, values }) => words(pointer, values[index])).join(" · ") || job.method);
}

/** A value as part of a name; words and names say enough without their place. */
function words(pointer, value) {
  const place = pointer.split("/").filter((part) => !/^\d+$/.test(part)).at(-1).replaceAll("_", " ");
  if (value === ABSENT || value === null) return t("compare.without", { place });
  return typeof value === "string" ? brief(value) : t("compare.placed", { place, value: brief(value) });
}
