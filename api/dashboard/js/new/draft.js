/** The spec that is being written: one document, read and changed by JSON pointer, kept over a reload of the page. */

import { keep, kept } from "../lib/kept.js";
import { idempotencyKey } from "../net/api.js";

const KEPT = "distillery.draft";
const ROOTS = new Set(["/dataset", "/student", "/teacher"]);

/** What a newcomer can submit as it stands: the job of the demonstration. */
const FIRST = {
  name: "digits-fitnet",
  dataset: { name: "digits" },
  teacher: { architecture: "resnet20", train: { epochs: 20 } },
  student: { architecture: "resnet8", width: 0.5, labels: 144 },
  method: "fitnet",
  training: { epochs: 40, batch_size: 64, augment: { shift: 1 } },
};

export class Draft {
  /** @param origin what the draft began with; another page of the same address finds it again by that */
  constructor(origin) {
    this.origin = origin;
    this.spec = structuredClone(FIRST);
    this.held = new Set();
    this.listeners = new Set();
    this.dataNames = new Map();
    this.sent = { content: null, key: null };
  }

  /** Take up what an earlier page of this address has left. Gives whether there was something. */
  restore() {
    const found = kept(KEPT);
    if (found?.origin !== this.origin) return false;
    this.spec = found.spec;
    this.sent = found.sent;
    return true;
  }

  /** Call `listener` after each change; it gets whether the whole document was put in the place of another. */
  onChange(listener) {
    this.listeners.add(listener);
  }

  get(pointer) {
    return steps(pointer).reduce((value, step) => value?.[step], this.spec);
  }

  /** Write a value; undefined takes it away, and with it what then holds nothing any more. */
  set(pointer, value) {
    this.#change(false, () => (value === undefined ? this.#remove(steps(pointer)) : this.#write(steps(pointer), value)));
  }

  /** Change several things that belong together; the form is drawn anew. */
  refit(change) {
    this.#change(true, () => change(this.spec));
  }

  /** Begin anew with another document. */
  replace(spec = structuredClone(FIRST)) {
    this.spec = tidied(spec);
    this.#tell(true);
  }

  /** Keep an object that says something by being there, even when it is empty. */
  hold(pointer) {
    this.held.add(pointer);
  }

  /** The key under which this content is sent, however often. */
  key() {
    const content = JSON.stringify(this.spec);
    if (this.sent.content !== content) this.sent = { content, key: idempotencyKey() };
    this.#store();
    return this.sent.key;
  }

  /** It was submitted, or is given up. */
  forget() {
    keep(KEPT, null);
  }

  /** A job that nobody has named goes by its data and its method. */
  #change(whole, change) {
    const before = this.#name();
    const named = this.spec.name;
    change();
    if (before === named && this.spec.name === named) this.spec.name = this.#name();
    this.#tell(whole);
  }

  #name() {
    const { name, id } = this.spec.dataset ?? {};
    return [name ?? this.dataNames.get(id) ?? id, presetOf(this.spec) ?? "objective"].filter(Boolean).join("-");
  }

  #write(path, value) {
    let place = this.spec;
    if (path[0] === "method" && path.length > 1 && !isObject(place.method)) place.method = { preset: presetOf(this.spec) };
    for (const step of path.slice(0, -1)) {
      if (!isObject(place[step])) place[step] = {};
      place = place[step];
    }
    place[path.at(-1)] = value;
  }

  #remove(path) {
    const parent = path.slice(0, -1).reduce((value, step) => value?.[step], this.spec);
    if (!isObject(parent)) return;
    delete parent[path.at(-1)];
    if (path[0] === "method" && path.length === 2) this.spec.method = shortest(parent);
    const above = pointerOf(path.slice(0, -1));
    if (path.length > 1 && !Object.keys(parent).length && !ROOTS.has(above) && !this.held.has(above)) this.#remove(path.slice(0, -1));
  }

  #tell(whole) {
    this.#store();
    for (const listener of this.listeners) listener(whole);
  }

  #store() {
    keep(KEPT, { origin: this.origin, spec: this.spec, sent: this.sent });
  }
}

const isObject = (value) => value !== null && typeof value === "object";

/** The preset of a spec, or null where its objective is written out. */
export function presetOf({ method = "hinton" }) {
  return typeof method === "string" ? method : method?.preset ?? null;
}

/** A preset without options is its name alone. */
const shortest = (method) => (Object.keys(method).join() === "preset" ? method.preset : method);

/** Options of a method stand beside its name. */
function tidied(spec) {
  const { method } = spec;
  if (!method?.preset) return spec;
  const { options, ...beside } = method;
  return { ...spec, method: shortest({ ...beside, ...options }) };
}

/** A step of a pointer as it is written there. */
export const escaped = (step) => String(step).replaceAll("~", "~0").replaceAll("/", "~1");

const pointerOf = (path) => path.map((step) => `/${escaped(step)}`).join("");

const steps = (pointer) => pointer.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
